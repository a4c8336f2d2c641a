"""Two stages for one script: LINE's simulator over HTTP, and the real `hiroba chat --json`."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from adapters.line.simulator.member import Member
from adapters.line.simulator.other_side import LineSide, open_side
from adapters.line.simulator.webhook import Outcome
from adapters.terminal.adapter import Terminal
from bot.adapter import Element
from hiroba.clock import machine_now
from tests.adapters.line_world import png
from tests.adapters.live import LiveBot, empty_database, environment, live_bot

HIROBA = Path(sys.executable).parent / "hiroba"
TERMINAL = "端末"
PATIENCE = 20.0
PICTURE = png(64, 48)


@dataclass(frozen=True, slots=True)
class Line:
    """One message as somebody saw it. `to` is a name or, of a channel, `#name`."""

    to: str
    way: str
    text: str
    labels: tuple[str, ...]


class Stage(Protocol):
    """A place where scripts are played."""

    @property
    def medium(self) -> str:
        """LINE or 端末."""

    @property
    def platform(self) -> str:
        """The platform's name in rows."""

    @property
    def database(self) -> Path:
        """The bot's file."""

    @property
    def written(self) -> bytes:
        """Everything the process logged."""

    def user_id(self, who: str) -> str:
        """Return a person's id on the platform."""

    def address(self, path: str) -> str:
        """Return the address of a page of the bot.

        Raises:
            LookupError: nothing is served here.
        """

    async def at(self, moment: datetime) -> None:
        """Let it be `moment` (aware), and do what is due by then."""

    async def act(self, who: str, medium: str, said: str) -> None:
        """Let somebody act, and wait until the bot has nothing left to do."""

    def heard(self) -> list[Line]:
        """Return what anybody saw since the last look."""

    def counted(self) -> int | None:
        """Return what the platform itself would bill this month; None where it does not."""

    def uses(self, messages: int) -> None:
        """Let the platform have counted so many messages already."""


def _line(message: Mapping[str, Any]) -> Line:
    labels = tuple(choice["label"] for choice in message["choices"])
    return Line(message["to"], message["via"], message["text"], labels)


def labelled(said: str) -> str:
    """Return the label of a tap, "" when it is none."""
    return said[1:-1] if said.startswith("［") and said.endswith("］") else ""


# ── LINE ─────────────────────────────────────────────────────────────────────────────────────

DONE: Mapping[str, Callable[[Member], Awaitable[Outcome]]] = {
    "(友だち追加)": Member.follow,
    "(ブロック)": Member.unfollow,
    "(ブロック解除)": Member.unblock,
    "(スタンプ)": Member.sticker,
    "(画像)": lambda member: member.image(PICTURE),
    "(送信取消)": Member.unsend,
}


@dataclass(slots=True)
class LineStage:
    """LINE over HTTP; managers may also stand at a terminal of the same process."""

    side: LineSide
    bot: LiveBot
    shown: list[dict[str, Any]]
    medium: str = "LINE"
    platform: str = "line"
    written: bytes = b""
    _buttons: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.bot.database

    def user_id(self, who: str) -> str:
        return self.side.line.member(who).user_id

    def address(self, path: str) -> str:
        return self.bot.url + path

    async def at(self, moment: datetime) -> None:
        clock: Any = self.bot.runtime.clock
        clock.set(moment)
        await self.bot.runtime.settle()

    async def act(self, who: str, medium: str, said: str) -> None:
        if medium == TERMINAL:
            await self._type(who, said)
        else:
            outcome = await self._do(self.side.line.member(who), said)
            assert outcome.statuses == (200,)
        await self.bot.runtime.settle()

    async def _do(self, member: Member, said: str) -> Outcome:
        if label := labelled(said):
            return await member.tap(label)
        if said in DONE:
            return await DONE[said](member)
        return await member.say(said)

    async def _type(self, who: str, said: str) -> None:
        label = labelled(said)
        spoken = (
            {"kind": "press", "value": self._buttons[who, label]}
            if label
            else {"kind": "text", "text": said}
        )
        key, at = uuid4().hex, machine_now()
        raw = json.dumps({**spoken, "who": who, "key": key, "at": at.isoformat()}).encode()
        await self.bot.runtime.place.accept("terminal", [Element(key, who, raw, at)])

    def heard(self) -> list[Line]:
        seen = [
            Line(person.name, one.via, one.text, one.labels)
            for person in self.side.line.people.values()
            for one in person.heard()
        ]
        for message in self.shown:
            seen.append(_line(message))
            for choice in message["choices"]:
                self._buttons[message["to"], choice["label"]] = choice["value"]
        self.shown.clear()
        return seen

    def counted(self) -> int | None:
        return self.side.line.used

    def uses(self, messages: int) -> None:
        self.side.line.used = messages


@asynccontextmanager
async def line_stage(folder: Path, start: str) -> AsyncIterator[LineStage]:
    """Open LINE and a bot behind it; no clock rings, so what is due is done when it is asked."""
    shown: list[dict[str, Any]] = []
    async with open_side() as side:
        # Pictures need a public address; nobody fetches it here.
        env = {**side.env, "HIROBA_CLOCK": start, "HIROBA_PUBLIC_URL": "https://bot.example"}
        terminal = Terminal(shown.append)
        async with live_bot(folder, env, more=[terminal], rings=False) as bot:
            side.meet(bot.url)
            yield LineStage(side, bot, shown)


# ── terminal ─────────────────────────────────────────────────────────────────────────────────

TYPED = {
    "(友だち追加)": "/event follow",
    "(ブロック)": "/event unfollow",
    "(ブロック解除)": "/event follow",
    "(スタンプ)": "/event sticker",
    "(画像)": "/event image",
}


@dataclass(slots=True)
class TerminalStage:
    """A real `hiroba chat --json`, spoken to by lines."""

    process: asyncio.subprocess.Process
    database: Path
    log: Path
    medium: str = TERMINAL
    platform: str = "terminal"
    _seen: list[Line] = field(default_factory=list)
    _buttons: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def written(self) -> bytes:
        return self.log.read_bytes()

    def user_id(self, who: str) -> str:
        return who

    def address(self, path: str) -> str:
        raise LookupError(path)

    async def at(self, moment: datetime) -> None:
        await self.type(f"/now {moment.isoformat()}")

    async def act(self, who: str, medium: str, said: str) -> None:
        assert medium in {"LINE", TERMINAL}, f"{medium} cannot be played here"
        await self.type(f"/as {who}")
        label = labelled(said)
        if label:
            await self.type(str(self._buttons[who][label]))
        else:
            # In quotes a number is what somebody says, not a button.
            await self.type(TYPED.get(said, f'"{said}"' if said.isdecimal() else said))

    async def type(self, line: str) -> list[dict[str, Any]]:
        """Type one line; return the messages that came before `done`."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()
        said: list[dict[str, Any]] = []
        while (message := await self._message()) != {"done": True}:
            assert "error" not in message, message["error"]
            said.append(message)
            self._seen.append(_line(message))
            if message["choices"]:
                numbers = {each["label"]: each["n"] for each in message["choices"]}
                self._buttons[message["to"]] = numbers
        return said

    async def _message(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        assert line, self.log.read_text(encoding="utf-8")
        message: dict[str, Any] = json.loads(line)
        return message

    def heard(self) -> list[Line]:
        seen, self._seen = self._seen, []
        return seen

    def counted(self) -> int | None:
        return None

    def uses(self, messages: int) -> None:
        """Nobody bills a terminal; the bot's own count is in its rows."""


@asynccontextmanager
async def terminal_stage(folder: Path, start: str) -> AsyncIterator[TerminalStage]:
    """Start `hiroba chat --json` on a new database in `folder`."""
    env = {**os.environ, **environment(folder, {"HIROBA_CLOCK": start})}
    log = folder / "chat.log"
    (folder / "hiroba.db").write_bytes(empty_database())
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            HIROBA,
            "chat",
            "--json",
            env=env,
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
        stage = TerminalStage(process, folder / "hiroba.db", log)
        try:
            await stage.type("/as 花子")  # answered once everything is up
            yield stage
        finally:
            assert process.stdin is not None
            process.stdin.close()
            code = await asyncio.wait_for(process.wait(), PATIENCE)
    assert code == 0, log.read_text(encoding="utf-8")
