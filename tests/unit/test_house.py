"""The house rules that no linter knows, each as one test that names every offender."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl

ROOT = Path(__file__).parents[2]
HOUSE = ("hiroba", "bot", "adapters", "storage", "jobs")
NOT_OURS = {".git", ".venv", "build", "data", "__pycache__"}

JAPANESE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff66-\uff9f]")
WORD = re.compile("[A-Z][a-z0-9]*")
SAYS_NOTHING = {"Manager", "Helper", "Helpers", "Util", "Utils", "Base", "Handler"}
ORM = {"Session", "AsyncSession", "sessionmaker", "async_sessionmaker", "scoped_session"}
RUNS_SQL = {"text", "execute", "executemany", "executescript", "exec_driver_sql"}
# In pieces, so that this file does not offend itself.
MACHINE = re.compile(
    "|".join(["/" + "work/", "/" + "root/", "/" + "tmp/", "/" + "home/[a-z]", "/" + "Users/"])
)
REGISTRY = re.compile(
    "|".join(["pypi" + r"\.org", "python" + "hosted", "npmjs" + r"\.", "ghcr" + r"\.io"])
)

LANGUAGES = ("ja", "en")

# A migration is a record of one day's schema, as long as that schema.
RECORDS = ROOT / "storage" / "migrations" / "versions"


def ours(pattern: str = "*") -> Iterator[Path]:
    """Every file of the project itself, whether git knows it yet or not."""
    for path in sorted(ROOT.rglob(pattern)):
        parts = path.relative_to(ROOT).parts
        hidden = any(p in NOT_OURS or p.endswith(("_cache", ".egg-info")) for p in parts)
        if path.is_file() and not hidden and not parts[0].startswith((".hypothesis", ".env")):
            yield path


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def at(path: Path, line: int = 1, what: str = "") -> str:
    return f"{path.relative_to(ROOT)}:{line} {what}".rstrip()


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_a_file_is_at_most_400_lines() -> None:
    files = [path for path in ours("*.py") if RECORDS not in path.parents]
    assert [at(path, length(path)) for path in files if length(path) > 400] == []


def test_a_function_is_at_most_40_lines() -> None:
    assert [
        at(path, node.lineno, f"{node.name} has {lines} lines")
        for path, tree in modules(*HOUSE, "tests")
        if RECORDS not in path.parents
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > 40
    ] == []


def test_words_a_member_sees_live_in_prompts() -> None:
    assert [
        at(path, number, found.group())
        for folder in HOUSE
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := JAPANESE.search(line))
    ] == []


def test_init_files_are_empty() -> None:
    assert [at(path) for path in ours("__init__.py") if path.stat().st_size] == []


def test_prompts_hold_no_code() -> None:
    assert [at(path) for path in (ROOT / "prompts").rglob("*.py")] == []


def test_a_class_is_named_by_what_it_is() -> None:
    assert [
        at(path, node.lineno, node.name)
        for path, tree in modules(*HOUSE, "tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and SAYS_NOTHING.intersection(WORD.findall(node.name)[-1:])
    ] == []


def imported(node: ast.AST) -> set[str]:
    """What an import statement names: its modules and the names taken from them."""
    match node:
        case ast.Import(names=names):
            return {part for alias in names for part in (alias.name, alias.name.split(".")[-1])}
        case ast.ImportFrom(module=module, names=names):
            return {module or "", *(alias.name for alias in names)}
        case _:
            return set()


def test_the_hot_path_opens_no_orm_session() -> None:
    """An ORM session per batch fell to 0.6 of the naive baseline (docs/adr/0002)."""
    assert [
        at(path, node.lineno)
        for path, tree in modules("bot", "storage", "jobs")
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and imported(node) & ORM
    ] == []


def pieced_together(node: ast.expr) -> bool:
    """Whether an expression makes a text out of parts."""
    match node:
        case ast.JoinedStr(values=values):
            return any(isinstance(value, ast.FormattedValue) for value in values)
        case ast.BinOp(op=ast.Add() | ast.Mod()):
            return True
        case ast.Call(func=ast.Attribute(attr="format" | "join")):
            return True
        case _:
            return False


def called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def test_sql_is_never_pieced_together() -> None:
    assert [
        at(path, node.lineno)
        for path, tree in modules(*HOUSE)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node) in RUNS_SQL
        if ast.unparse(node.func) != "ctx.text"  # copy, not SQL's text()
        if node.args and pieced_together(node.args[0])
    ] == []


def test_sql_stands_in_storage_only() -> None:
    spoken = {"execute", "executemany", "executescript"}
    assert [
        at(path, node.lineno)
        for path, tree in modules(*(folder for folder in HOUSE if folder != "storage"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node) in spoken
    ] == []


def test_no_task_runs_unwatched() -> None:
    """Ruff sees `asyncio.create_task`; this sees the same thing asked of a loop."""
    assert [
        at(path, node.lineno)
        for path, tree in modules(*HOUSE)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "create_task"
        if "loop" in ast.unparse(node.value)
    ] == []


def test_no_file_knows_a_machine_or_a_registry() -> None:
    offenders = []
    for path in ours():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        offenders += [
            at(path, number, found.group())
            for number, line in enumerate(text.splitlines(), 1)
            if (found := MACHINE.search(line) or REGISTRY.search(line))
        ]
    assert offenders == []


@pytest.mark.parametrize("folder", [*HOUSE, "prompts", "tests"])
def test_each_top_folder_explains_itself_in_40_lines(folder: str) -> None:
    assert 0 < length(ROOT / folder / "README.md") <= 40


def test_a_decision_record_is_at_most_30_lines_and_they_are_numbered() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [at(path, length(path)) for path in records if length(path) > 30] == []
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))


def copy(folder: Path) -> dict[str, str]:
    """Every key of a folder of copy (attributes as `key.attribute`) with the place it stands."""
    keys: dict[str, str] = {}
    for path in sorted(folder.glob("*.ftl")):
        resource = FluentParser().parse(path.read_text(encoding="utf-8"))
        for entry in resource.body:
            assert not isinstance(entry, ftl.Junk), at(path, 1, entry.content or "")
            if isinstance(entry, ftl.Message | ftl.Term):
                names = [entry.id.name, *(f"{entry.id.name}.{a.id.name}" for a in entry.attributes)]
                repeated = [name for name, n in Counter([*keys, *names]).items() if n > 1]
                assert repeated == [], at(path, 1, ", ".join(repeated))
                keys |= dict.fromkeys(names, at(path))
    return keys


def test_every_word_is_said_in_every_language() -> None:
    said = {language: copy(ROOT / "prompts" / "copy" / language) for language in LANGUAGES}
    everything = {key: place for keys in said.values() for key, place in keys.items()}
    assert [
        f"{key} of {place} is missing in {language}"
        for language in LANGUAGES
        for key, place in everything.items()
        if key not in said[language]
    ] == []


def test_a_community_changes_words_and_invents_none() -> None:
    for folder in (ROOT / "prompts" / "communities").glob("*/copy/*"):
        assert copy(folder).keys() <= copy(ROOT / "prompts" / "copy" / folder.name).keys()
