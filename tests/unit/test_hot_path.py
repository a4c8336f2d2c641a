"""The hot path makes its statements once: a second member's joining compiles nothing.

Compiling a statement at each call cut the whole bot to the speed of a naive one (docs/adr/0002).
That no ORM session is opened is a rule of the house (test_house.py).
"""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import literal, select
from sqlalchemy.sql.compiler import SQLCompiler

from tests.unit.desk import Desk, open_desk

PRESSES = ("同意してはじめる", "スキップ", "30代", "まつげ", "決定", "はじめて")


async def join(desk: Desk, who: str) -> None:
    await desk.follow(who=who)
    for label in PRESSES:
        await desk.press(label, who=who)
    await desk.say("メニュー", who=who)


async def test_a_second_member_compiles_no_statement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    make = SQLCompiler.__init__

    def counted(self: SQLCompiler, *args: Any, **named: Any) -> None:
        make(self, *args, **named)
        compiled.append(str(self))

    monkeypatch.setattr(SQLCompiler, "__init__", counted)
    desk = await open_desk(tmp_path)
    try:
        await join(desk, "hanako")
        str(select(literal(1)))
        assert compiled, "the counter counts"
        compiled.clear()
        await join(desk, "sato")
    finally:
        await desk.close()
    assert compiled == []
