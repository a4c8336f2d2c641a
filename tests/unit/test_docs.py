"""The documents tell the truth: what they list exists, and what exists is listed."""

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclopts import App

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOUSE = ("hiroba", "bot", "adapters", "storage", "jobs")
VARIABLE = re.compile(r"(DATABASE_URL|(HIROBA|LINE|SLACK|DISCORD|OPENAI|DRAND)_[A-Z0-9_]+)")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


def chapter(title: str) -> str:
    """The text of one `##` chapter of the README."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_column(title: str) -> list[str]:
    """The code in the first column of a chapter's table."""
    rows = [line.split("|")[1] for line in chapter(title).splitlines() if line.startswith("| `")]
    return [code for row in rows for code in re.findall("`([^`]+)`", row)]


def settings_read() -> set[str]:
    """Every environment variable that the code names, or reads as a field behind a prefix."""
    named = {
        node.value
        for folder in HOUSE
        for path in (ROOT / folder).rglob("*.py")
        if "simulator" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if VARIABLE.fullmatch(node.value)
    }
    return {name for name in named if not name.endswith("_")} | set(prefixed())


def prefixed() -> Iterator[str]:
    """The variables of classes that say `env_prefix` and leave the rest to their fields' names."""
    for folder in HOUSE:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    yield from variables_of(node)


def variables_of(node: ast.ClassDef) -> Iterator[str]:
    prefixes = [
        str(keyword.value.value)
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "env_prefix" and isinstance(keyword.value, ast.Constant)
    ]
    for prefix in prefixes:
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                yield (prefix + field.target.id).upper()


def test_every_setting_is_in_the_readme_and_every_row_is_read() -> None:
    listed = first_column("Settings")
    assert sorted(settings_read() - set(listed)) == []
    if (ROOT / "hiroba" / "main.py").exists():
        assert sorted(set(listed) - settings_read()) == []


def commands(app: App, before: tuple[str, ...] = ()) -> Iterator[str]:
    for name in app:
        if not name.startswith("-"):
            inner = app[name]
            nested = list(commands(inner, (*before, name)))
            yield from nested or [" ".join((*before, name))]


def test_every_command_is_in_the_readme_and_every_row_exists() -> None:
    main: Any = importlib.import_module("hiroba.main")
    apps = [value for value in vars(main).values() if isinstance(value, App)]
    exist = {name for app in apps if "hiroba" in app.name for name in commands(app)}
    listed = {re.split(r" [\[A-Z-]", row)[0] for row in first_column("Commands")[1:]}
    assert listed == exist


def test_the_glossary_fits_on_20_lines() -> None:
    rows = [line for line in chapter("Glossary").splitlines() if line.startswith("| ")]
    assert 0 < len(rows[1:]) <= 20


def test_links_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")]
    assert [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ] == []


def test_every_promise_names_a_test_that_exists() -> None:
    kept_by = re.findall(r"`((?:tests|docs)/[^`]+)`", chapter("Promises, and where they are kept"))
    assert kept_by
    assert [path for path in kept_by if not (ROOT / path).exists()] == []


def test_make_targets_that_documents_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob(".github/*.md")]
    named = {
        target
        for page in documents
        for target in re.findall(r"`?make ([a-z]+)", page.read_text(encoding="utf-8"))
        if re.search(rf"(^|`)make {target}", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"setup", "demo", "test", "check", "bench", "faults"} <= targets
    assert sorted(named - targets) == []


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = tomllib.loads(text)["project"]["dependencies"]
    assert [
        requirement
        for requirement in declared
        if not re.search(re.escape(f'"{requirement}",') + r"\s+# \S", text)
    ] == []
