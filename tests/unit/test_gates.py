"""The gates themselves: each is shown a violation and must stop it."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

import pytest
from pytest_socket import SocketConnectBlockedError

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CONFIG = ROOT / "pyproject.toml"

# The rooms of a small house; each becomes an empty package.
ROOMS = (
    "hiroba",
    "adapters.line.adapter",
    "adapters.line.simulator",
    "adapters.simulation",
    "adapters.slack",
    "adapters.web",
    "jobs.worker",
    "bot.adapter",
    "bot.context",
    "bot.errors",
    "bot.events",
    "bot.intake",
    "bot.messages",
    "bot.rules.draw",
    "bot.features.hello",
    "bot.features.menu",
    "bot.campaigns.lottery",
    "bot.campaigns.monitor",
    "storage.store",
)

MEANT = {
    "hiroba": ["adapters.line.adapter", "jobs.worker", "storage.store"],
    "adapters.line.adapter": ["bot.adapter", "bot.events", "bot.messages", "bot.intake", "linebot"],
    "adapters.line.simulator": ["adapters.simulation"],
    "adapters.web": ["bot.context"],
    "bot.context": ["storage.store"],
    "bot.rules.draw": ["bot.events", "bot.messages"],
    "bot.features.hello": ["bot.context", "bot.rules.draw"],
    "jobs.worker": ["bot.context", "storage.store"],
    "storage.store": ["sqlmodel"],
}

# Contract -> the imports it must name when they are planted.
PLANTED: dict[str, list[tuple[str, str]]] = {
    "No arrow runs back up": [
        ("storage.store", "bot.events"),
        ("bot.context", "jobs.worker"),
        ("jobs.worker", "adapters.line.adapter"),
        ("adapters.slack", "hiroba"),
    ],
    "bot knows no SDK, no SQL, no network": [
        ("bot.context", "linebot"),
        ("bot.features.hello", "sqlalchemy"),
    ],
    "A door knows only the contract it keeps": [
        ("adapters.line.adapter", "bot.context"),
        ("adapters.slack", "storage.store"),
        ("adapters.web", "storage.store"),
    ],
    "Adapters never import each other": [("adapters.line.adapter", "adapters.slack")],
    "A platform's door never loads a simulator": [
        ("adapters.line.adapter", "adapters.line.simulator")
    ],
    "Features never import each other": [("bot.features.menu", "bot.features.hello")],
    "Campaign kinds never import each other": [("bot.campaigns.lottery", "bot.campaigns.monitor")],
    "Rules know events and messages only": [("bot.rules.draw", "bot.context")],
    "No cycles": [],  # it names the one import that would break the cycle
}
CYCLE = [("bot.events", "bot.messages"), ("bot.messages", "bot.events")]


def run(*command: str, cwd: Path, given: str = "") -> str:
    """What one of the gates prints; that it ends with an error code is expected."""
    tool = str(BIN / command[0])
    done = subprocess.run(
        [tool, *command[1:]],
        cwd=cwd,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return str(done.stdout)


def config() -> Any:  # noqa: ANN401 - TOML
    return tomllib.loads(CONFIG.read_text(encoding="utf-8"))["tool"]


def contracts() -> list[str]:
    return [contract["name"] for contract in config()["importlinter"]["contracts"]]


def lint(tree: Path, imports: list[tuple[str, str]]) -> str:
    """Build the small house with the given imports and return what import-linter says of it."""
    shutil.copy(CONFIG, tree)
    for room in ROOMS:
        folder = tree.joinpath(*room.split("."))
        folder.mkdir(parents=True)
        for parent in (folder, *folder.relative_to(tree).parents):
            (tree / parent / "__init__.py").touch()
    for source, to in imports:
        with tree.joinpath(*source.split("."), "__init__.py").open("a", encoding="utf-8") as file:
            file.write(f"import {to}\n")
    return run("lint-imports", "--no-cache", cwd=tree)


def meant() -> list[tuple[str, str]]:
    return [(source, to) for source, targets in MEANT.items() for to in targets]


def test_the_house_as_it_is_meant_keeps_every_contract(tmp_path: Path) -> None:
    report = lint(tmp_path, meant())
    assert [name for name in contracts() if f"{name} KEPT" not in report] == [], report


def test_every_contract_catches_what_is_planted(tmp_path: Path) -> None:
    assert list(PLANTED) == contracts()
    planted = [pair for pairs in PLANTED.values() for pair in pairs]
    report = lint(tmp_path, meant() + planted + CYCLE)
    _, *chapters = re.split(r"\n([^\n]+)\n-{5,}\n", report)
    said = dict(zip(chapters[::2], chapters[1::2], strict=True))
    assert [name for name in contracts() if f"{name} BROKEN" not in report] == [], report
    assert [
        f"{name}: {source} -> {to}"
        for name, pairs in PLANTED.items()
        for source, to in pairs
        if f"{source} -> {to}" not in said[name]
    ] == [], report


def ruff(path: str, code: str) -> set[str]:
    """The rules that code breaks when it stands at `path`."""
    output = "--output-format=json"
    found = run("ruff", "check", output, f"--stdin-filename={path}", "-", cwd=ROOT, given=code)
    return {problem["code"] for problem in json.loads(found)}


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("import datetime\n\ndatetime.datetime.now(datetime.UTC)", "TID251"),
        ("import datetime\n\ndatetime.datetime.now()", "DTZ005"),
        ("import time\n\ntime.time()", "TID251"),
        ("import random\n\nrandom.choice([1])", "TID251"),
        ("import asyncio\n\nasyncio.create_task(x())", "TID251"),
        ("try:\n    x()\nexcept Exception:\n    y()", "BLE001"),
        ("print(1)", "T201"),
        ("def f(a: int, b: int, c: int, d: int, e: int, g: int) -> None: ...", "PLR0913"),
        ("def f(x):\n    return x", "ANN001"),
    ],
)
def test_ruff_stops(code: str, rule: str) -> None:
    assert rule in ruff("bot/planted.py", code)


def test_a_complicated_function_is_stopped() -> None:
    branches = "\n".join(f"    if x == {n}:\n        x += {n}" for n in range(8))
    assert "C901" in ruff("bot/planted.py", f"def f(x: int) -> int:\n{branches}\n    return x\n")


def test_blind_except_is_allowed_in_the_named_places_only() -> None:
    ignores = config()["ruff"]["lint"]["per-file-ignores"]
    assert {place for place, rules in ignores.items() if "BLE001" in rules} == {
        "jobs/worker.py",  # the worker's loop
        "bot/intake.py",  # the receiving loop
        "hiroba/main.py",  # the command's last line
        # The writers carry errors over to whoever waits (docs/adr/0008).
        "storage/sqlite.py",
        "storage/postgres.py",
        "storage/postgres_tx.py",
    }


# The refusal warns first, and warnings are errors.
REFUSED = (SocketConnectBlockedError, UserWarning)


def test_a_test_reaches_no_other_machine() -> None:
    with socket.socket() as outside, pytest.raises(REFUSED, match=r"192\.0\.2\.1"):
        outside.connect(("192.0.2.1", 80))


async def test_nor_does_it_through_asyncio() -> None:
    with pytest.raises(REFUSED, match=r"192\.0\.2\.1"):
        await asyncio.open_connection("192.0.2.1", 80)


def test_a_warning_is_an_error() -> None:
    with pytest.raises(UserWarning, match="careful"):
        warnings.warn("careful", stacklevel=1)
