"""`hiroba doctor`: what is configured, whether it works, and what to click when it does not."""

import importlib
import sqlite3
import sys
from collections.abc import Iterator, Mapping

from bot.community import load
from bot.errors import Misconfigured
from bot.text import Copy
from hiroba.settings import COPY, Settings, checked, environment, platforms
from storage import migrate, visit

MARKS = {True: "\u2714", False: "\u2718", None: "\u2026"}


async def doctor() -> int:
    """Print every finding; return 1 when something must be mended."""
    env = environment()
    try:
        settings = checked(env, serving=True)
    except Misconfigured as error:
        for problem in error.problems:
            _print(ok=False, text=problem)
        settings = Settings.read(env)
        well = False
    else:
        _print(ok=True, text="settings")
        well = True
    copy = Copy([COPY], _locale(settings))
    for ok, text in _database(settings):
        well &= _print(ok=ok, text=text)
    for platform in platforms():
        if platform.configured(env) and not platform.problems(env):
            well &= await _platform(platform.name, env, copy)
    return 0 if well else 1


def _print(*, ok: bool | None, text: str) -> bool:
    sys.stdout.write(f"{MARKS[ok]} {text}\n")
    return ok is not False


def _locale(settings: Settings) -> str:
    try:
        return load(settings.community).locale
    except Misconfigured:
        return "ja"


def _database(settings: Settings) -> Iterator[tuple[bool, str]]:
    path = settings.database
    if not path.is_file():
        yield True, f"database: {path} is not there yet; the first start makes it"
        return
    try:
        damage = visit.damage(path)
        dead = visit.dead_letters(path)
    except sqlite3.DatabaseError as error:
        yield False, f"database: {path}: {error}"
        return
    yield damage == visit.SOUND, f"database: {path}: {damage}"
    yield migrate.current(path) == migrate.head(), f"schema: {migrate.current(path)}"
    yield sum(dead) == 0, f"dead letters: {dead[0]} events, {dead[1]} jobs"


async def _platform(name: str, env: Mapping[str, str], copy: Copy) -> bool:
    """Ask the platform's own folder; it knows what can be asked and what to click."""
    module = importlib.import_module(f"adapters.{name}.doctor")
    well = True
    for finding in await module.examine(env):
        cure = f": {copy.say(finding.cure)}" if finding.cure else ""
        well &= _print(ok=finding.ok, text=f"{name} {finding.what}{cure}")
    return well
