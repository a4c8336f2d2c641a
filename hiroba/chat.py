"""`hiroba chat`: talk to the bot in a terminal, as any member, in plain text or JSON lines.

Input lines: text · a number (presses that button) · "text in quotes" (never a button) ·
/as NAME · /event follow|unfollow|sticker|image · /now 2026-12-20T10:00+09:00 (HIROBA_CLOCK).
"""

import asyncio
import json
import logging
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TextIO

from adapters.terminal.adapter import Terminal
from bot.adapter import Element
from hiroba.clock import Clock, machine_now
from hiroba.logs import configure
from hiroba.runtime import Runtime, load_community, start
from hiroba.settings import Settings, checked, environment, with_keys

FIRST_SPEAKER = "\u82b1\u5b50"
"""Hanako, as the journeys call their first member."""
EVENTS = ("follow", "unfollow", "sticker", "image")


@dataclass(slots=True)
class Session:
    """Who speaks, and which buttons each person was shown last."""

    out: TextIO
    as_json: bool
    speaker: str = FIRST_SPEAKER
    buttons: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def show(self, message: dict[str, Any]) -> None:
        """Print one message, and remember its buttons."""
        if message["choices"]:
            self.buttons[message["to"]] = message["choices"]
        shown = [{"n": each["n"], "label": each["label"]} for each in message["choices"]]
        if self.as_json:
            self._line({**message, "choices": shown})
            return
        cost = f" \u00b7 {message['cost']}" if message["cost"] else ""
        self.out.write(f"\n{message['to']} \u25c0 {message['via']}{cost}\n{message['text']}\n")
        self.out.writelines(f"  {each['n']}. {each['label']}\n" for each in shown)
        self.out.flush()

    def done(self) -> None:
        """Say that everything due is done."""
        if self.as_json:
            self._line({"done": True})

    def problem(self, text: str) -> None:
        """Say why a line was not taken."""
        if self.as_json:
            self._line({"error": text})
        else:
            self.out.write(f"! {text}\n")
            self.out.flush()

    def _line(self, data: dict[str, Any]) -> None:
        self.out.write(json.dumps(data, ensure_ascii=False) + "\n")
        self.out.flush()

    def element(self, line: str) -> dict[str, str] | None:
        """Return what a line means, None when it only changed the speaker.

        Raises:
            ValueError: with what to write instead.
        """
        if line.startswith("/as "):
            self.speaker = line.removeprefix("/as ").strip()
            return None
        if line.startswith("/event "):
            kind = line.removeprefix("/event ").strip()
            if kind not in EVENTS:
                message = f"/event takes {'|'.join(EVENTS)}"
                raise ValueError(message)
            return {"kind": kind}
        shown = self.buttons.get(self.speaker, [])
        if line.isdecimal() and 0 < int(line) <= len(shown):
            return {"kind": "press", "value": shown[int(line) - 1]["value"]}
        if len(line) > 1 and line[0] == line[-1] == '"':
            line = line[1:-1]
        return {"kind": "text", "text": line}


def main(*, as_json: bool) -> None:
    """Read the settings and talk until the input ends."""
    talk(with_keys(checked(environment(), serving=False)), as_json=as_json)


def talk(settings: Settings, *, as_json: bool = False) -> None:
    """Talk with given settings."""
    configure(logging.INFO if as_json else logging.WARNING)
    asyncio.run(chat(settings, as_json=as_json))


async def chat(settings: Settings, *, as_json: bool) -> None:
    """Talk until the input ends."""
    session = Session(sys.stdout, as_json)
    clock = Clock(settings.clock_start)
    terminal = Terminal(session.show)
    runtime = await start(settings, clock, [terminal], load_community(settings))
    try:
        runtime.work(rings=False)
        await runtime.settle()
        if not as_json:
            welcome(session, runtime)
        async for line in _lines():
            await _take(session, runtime, clock, line)
            session.done()
    finally:
        await runtime.stop()


def welcome(session: Session, runtime: Runtime) -> None:
    """Say how to talk."""
    session.out.write(runtime.core.copy.say("chat-welcome", speaker=session.speaker) + "\n")
    session.out.flush()


async def _take(session: Session, runtime: Runtime, clock: Clock, line: str) -> None:
    if not line:
        return
    try:
        if line.startswith("/now "):
            _move(runtime.settings, clock, line.removeprefix("/now ").strip())
            await runtime.settle()
            return
        spoken = session.element(line)
    except ValueError as error:
        session.problem(str(error))
        return
    if spoken is not None:
        await _send(session, runtime, spoken)
    await runtime.settle()


async def _send(session: Session, runtime: Runtime, spoken: dict[str, str]) -> None:
    key = uuid.uuid4().hex
    # Signed times come by the machine's clock; the intake shifts them like a platform's.
    at = machine_now()
    data = {**spoken, "who": session.speaker, "key": key, "at": at.isoformat()}
    element = Element(key, session.speaker, json.dumps(data).encode(), at)
    await runtime.place.accept("terminal", [element])


def _move(settings: Settings, clock: Clock, instant: str) -> None:
    if not settings.hiroba_clock:
        message = "/now needs HIROBA_CLOCK: start with HIROBA_CLOCK=2026-12-20T10:00+09:00"
        raise ValueError(message)
    moment = datetime.fromisoformat(instant)
    if moment.tzinfo is None:
        message = "write the time with its zone: /now 2026-12-20T10:00+09:00"
        raise ValueError(message)
    clock.set(moment)


async def _lines() -> AsyncIterator[str]:
    """Yield the input's lines without blocking the loop."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        yield line.strip()
