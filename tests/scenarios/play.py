"""Plays a script: brings about what it presupposes, lets people act, compares every word.

It is strict in both directions: what a script expects must be heard, and what is heard must be
in the script.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from bot.community import load
from tests.adapters.live import SAKURA, change, count
from tests.scenarios.checks import claimed
from tests.scenarios.script import Act, Check, Given, Script, Told, agrees
from tests.scenarios.stage import Line, LineStage, Stage

JAPAN = ZoneInfo("Asia/Tokyo")
BETWEEN = timedelta(minutes=3)
"""What passes before somebody acts, unless a time is given."""
WALK = ("(友だち追加)", "［同意してはじめる］", "桜吹雪の花子", "［40代］")
INTRODUCTION = "猫と暮らす夜型のカナリアです"


@dataclass(slots=True)
class Play:
    """One run of one script on one stage."""

    stage: Stage
    now: datetime
    who: str = ""
    timed: bool = True
    waiting: list[Line] = field(default_factory=list)
    bound: dict[str, str] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)
    """Every text that somebody typed: what must be gone once they are erased."""
    pushes: int = 0
    """Counted messages to people."""

    async def run(self, script: Script) -> None:
        for step in script.steps:
            match step:
                case Given():
                    self._nothing_left(step.number)
                    for fact in step.facts:
                        await self._bring_about(fact)
                case Act():
                    self._nothing_left(step.number)
                    await self._act(step)
                case Told():
                    self._compare(step)
                case Check():
                    for claim in step.claims:
                        await claimed(self, claim)
                case _:
                    assert_never(step)
        self._nothing_left(0)

    async def _act(self, step: Act) -> None:
        if not self.timed:
            await self.until(self.now + BETWEEN)
        self.timed = False
        await self.does(step.who, step.said, step.medium)

    async def does(self, who: str, said: str, medium: str = "LINE") -> None:
        """Let somebody act now; what is heard waits to be compared."""
        self.who = who
        if not said.startswith(("［", "(")):
            self.said.setdefault(who, []).append(said)
        await self.stage.act(who, medium, said)
        self._listen()

    async def until(self, moment: datetime) -> None:
        """Let time pass; what the bot says by itself meanwhile waits to be compared."""
        self.now = moment
        await self.stage.at(moment)
        self._listen()

    def _listen(self) -> None:
        seen = self.stage.heard()
        self.pushes += sum(one.way == "push" and not one.to.startswith("#") for one in seen)
        self.waiting += seen

    def _compare(self, step: Told) -> None:
        to = step.to or self.who
        line = next((one for one in self.waiting if one.to == to), None)
        assert line is not None, f"line {step.number}: {to} heard nothing; {self.waiting}"
        self.waiting.remove(line)
        assert (line.way, line.labels) == (step.way, step.labels), f"line {step.number}: {line}"
        assert agrees(step.text, line.text, self.bound), (
            f"line {step.number}\nexpected {step.text!r}\nheard    {line.text!r}"
        )

    def _nothing_left(self, number: int) -> None:
        assert self.waiting == [], f"before line {number} somebody heard more than the script says"

    # ── 前提 ────────────────────────────────────────────────────────────────────────────────

    async def _bring_about(self, fact: str) -> None:
        for pattern, bring in FACTS:
            found = pattern.fullmatch(fact)
            if found is not None:
                await bring(self, found)
                return
        message = f"no such 前提: {fact}"
        raise LookupError(message)


Bring = Callable[[Play, re.Match[str]], Awaitable[None]]
FACTS: list[tuple[re.Pattern[str], Bring]] = []


def fact(pattern: str) -> Callable[[Bring], Bring]:
    """Register what brings a 前提 about."""

    def register(bring: Bring) -> Bring:
        FACTS.append((re.compile(pattern), bring))
        return bring

    return register


@fact(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d)")
async def _at(play: Play, found: re.Match[str]) -> None:
    await play.until(datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=JAPAN))
    play.timed = True


@fact(r"(\S+)は未登録")
async def _unknown(play: Play, found: re.Match[str]) -> None:
    user_id = play.stage.user_id(found[1])
    assert count(play.stage.database, "account", "user_id = ?", user_id) == 0


@fact(r"(\S+)はボットより前からの友だち")
async def _friend(play: Play, found: re.Match[str]) -> None:
    if isinstance(play.stage, LineStage):
        play.stage.side.line.member(found[1], friend=True)


@fact(r"クーポン「(.+)」残り(\d+)")
async def _stock(play: Play, found: re.Match[str]) -> None:
    coupons = load(SAKURA).coupons.items()
    (coupon,) = [name for name, defined in coupons if defined.title == found[1]]
    sql = "UPDATE coupon SET issued = stock - ? WHERE id = ?"
    change(play.stage.database, sql, int(found[2]), coupon)


@fact(r"通数 今月([\d,]+)")
async def _counted(play: Play, found: re.Match[str]) -> None:
    messages = int(found[1].replace(",", ""))
    sql = "INSERT INTO usage (platform, month, counted) VALUES (?, ?, ?)"
    change(play.stage.database, sql, play.stage.platform, play.now.strftime("%Y-%m"), messages)
    play.stage.uses(messages)


@fact(r"受付番号は D-(\d+) まで")
async def _receipts(play: Play, found: re.Match[str]) -> None:
    sql = "INSERT INTO counter (name, value) VALUES ('deletions', ?)"
    change(play.stage.database, sql, int(found[1]))


@fact(r"役割 (\S+)=(staff|manager|owner)")
async def _role(play: Play, found: re.Match[str]) -> None:
    realm = play.stage.side.line.user_id if isinstance(play.stage, LineStage) else ""
    change(
        play.stage.database,
        "INSERT INTO role (platform, realm, user_id, role, granted_at) VALUES (?, ?, ?, ?, ?)",
        *(play.stage.platform, realm, play.stage.user_id(found[1]), found[2]),
        play.now.strftime("%Y-%m-%d %H:%M:%S.%f"),
    )


@fact(r"(\S+)=関心(\S+?)\((\d{4}-\d\d-\d\d)\)")
async def _interested(play: Play, found: re.Match[str]) -> None:
    """Let somebody have joined and answered on that day, and have introduced themselves."""
    after = play.now
    await play.until(datetime.fromisoformat(f"{found[3]}T10:00").replace(tzinfo=JAPAN))
    interest = f"［{found[2]}］"
    rest = ("［決定］", "［はじめて］", "［自己紹介する］", INTRODUCTION)
    for said in (*WALK, interest, *rest):
        await play.does(found[1], said)
    await play.until(after)
    play.waiting.clear()
    play.pushes = 0
