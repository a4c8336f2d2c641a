"""A whole bot in this process on the terminal: the real runtime, with no clock that rings.

async with running(tmp_path) as bot:
await bot.say("hanako", "こんにちは")
assert bot.shown[-1]["to"] == "hanako"
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from pydantic import SecretStr

from adapters.terminal.adapter import Terminal
from bot.adapter import Adapter, Element
from bot.community import load
from bot.core import Core
from bot.intake import Intake
from hiroba.clock import Clock, machine_now
from hiroba.runtime import Runtime, start
from hiroba.settings import SAMPLE, Settings
from storage.sqlite import SqliteStore


@dataclass(slots=True)
class Bot:
    """A running bot and all it showed on the terminal."""

    runtime: Runtime
    clock: Clock
    key: str
    shown: list[dict[str, Any]]
    _said: int = field(default=0)

    @property
    def core(self) -> Core:
        return self.runtime.core

    @property
    def store(self) -> SqliteStore:
        return self.runtime.store

    @property
    def intake(self) -> Intake:
        return self.runtime.intake

    async def say(self, who: str, text: str) -> None:
        """Say something and let everything happen that is due."""
        self._said += 1
        await self.intake.accept("terminal", [element(f"said{self._said}", who, text)])
        await self.runtime.settle()

    def ahead(self, **delta: float) -> None:
        """Let time pass."""
        self.clock.set(self.clock.now() + timedelta(**delta))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Look into the file from outside: only what is committed is seen."""
        with closing(sqlite3.connect(self.store.path)) as connection:
            return connection.execute(query).fetchall()


@asynccontextmanager
async def running(
    folder: Path, *more: Adapter, key: str = "", work: bool = False
) -> AsyncIterator[Bot]:
    """Run a bot on `folder`/hiroba.db with the terminal and `more` adapters."""
    key = key or Fernet.generate_key().decode()
    shown: list[dict[str, Any]] = []
    clock = Clock()
    settings = Settings(
        database_url=f"sqlite:///{folder / 'hiroba.db'}", hiroba_secret_keys=SecretStr(key)
    )
    adapters: Sequence[Adapter] = [Terminal(shown.append), *more]
    runtime = await start(settings, clock, adapters, load(SAMPLE))
    try:
        runtime.work(rings=work)
        yield Bot(runtime, clock, key, shown)
    finally:
        await runtime.stop()


def element(key: str, who: str, text: str, **more: str) -> Element:
    """Return what the terminal makes of a line."""
    at = machine_now()
    data = {"kind": "text", "text": text, "who": who, "key": key, "at": at.isoformat(), **more}
    return Element(key, who, json.dumps(data).encode(), at)
