"""Random SIGKILLs of `hiroba serve` under load; LINE repeats what was not acknowledged.

Walkers are people who join, answer, get the coupon while there are any, and then say several
things at once. The judge is what each of them saw: every answer once, in order.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from random import Random

from adapters.line.simulator.inbox import Delivery
from adapters.line.simulator.member import Member
from adapters.line.simulator.simulator import LineSimulator
from adapters.line.simulator.webhook import Outcome
from tests.faults.die import settled
from tests.faults.home import Home, Life, until
from tests.faults.rows import counts

SHORTEST, LONGEST = 0.05, 0.6
"""Seconds between a life's first answer and its death."""
PATIENCE = 30.0
WORDS = ("メニュー", "わたしのデータ", "訂正", "クーポンを見る", "通知を減らす")
ANSWERS = ("メニューです", "ニックネーム", "どのお答え", "SAKURA", "お知らせを止めました")
NO_COUPON = "クーポン"
ISSUED, SOLD_OUT = "お礼に", "配り終えました"


@dataclass(slots=True)
class Judged:
    """What a run of kills came to."""

    kills: int = 0
    people: int = 0
    events: int = 0
    repeats: int = 0
    """Webhooks that LINE had to send again."""
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    issued: int = 0
    sold_out: int = 0
    stock: int = 0
    damaged: int = 0
    stale: int = 0
    """Replies sent a second time, which the used token made harmless."""
    repeated: int = 0
    """Pushes sent a second time, which the retry key made harmless."""
    rows: Counter[str] = field(default_factory=Counter)

    @property
    def wrong(self) -> list[str]:
        """Name what must not have happened."""
        bad = {
            "lost": self.lost,
            "doubled": self.doubled,
            "disordered": self.disordered,
            "damaged": self.damaged,
            "stock": self.issued - self.stock,
            "rows": self.rows["issued"] - self.stock,
            "left": self.rows["open"],
        }
        return [f"{name}: {count}" for name, count in bad.items() if count]


class Crowd:
    """People who use the bot while it dies."""

    def __init__(self, line: LineSimulator, judged: Judged) -> None:
        self.line, self.judged = line, judged
        self.over = asyncio.Event()

    async def walk(self, number: int) -> None:
        """Be one person after the other until it is over."""
        turn = 0
        while not self.over.is_set():
            turn += 1
            await self._live(self.line.member(f"walker-{number}-{turn}"))
            self.judged.people += 1

    async def _live(self, who: Member) -> None:
        try:
            await self._see(who, who.follow(), "ようこそ")
            await self._see(who, who.tap("同意してはじめる"), "何とお呼び")
            await self._see(who, who.say("はなこ"), "年代")
            await self._see(who, who.tap("40代"), "気になるもの")
            await self._see(who, who.tap("まつげ"), "選択中")
            await self._see(who, who.tap("決定"), "使ったこと")
            thanks = await self._see(who, who.tap("いま使っている"), "ありがとう、はなこさん")
            self.judged.issued += ISSUED in thanks.text
            self.judged.sold_out += SOLD_OUT in thanks.text
            await self._introduce(who)
            await self._at_once(who, held=ISSUED in thanks.text)
        except (TimeoutError, LookupError):
            self.judged.lost += 1

    async def _see(self, who: Member, act: Awaitable[Outcome], words: str) -> Delivery:
        self._count(await act)
        seen = await who.next(PATIENCE)
        self.judged.disordered += words not in seen.text
        return seen

    async def _introduce(self, who: Member) -> None:
        await self._see(who, who.say("自己紹介する"), "最初の一言")
        await self._see(who, who.say(f"{who.name}です"), "ありがとうございます")

    async def _at_once(self, who: Member, *, held: bool) -> None:
        """Say several words in one body; the answers come in the order of the words."""
        self._count(await self.line.post([who.said(word) for word in WORDS]), len(WORDS))
        texts = [(await who.next(PATIENCE)).text for _ in WORDS]
        told = ANSWERS if held else (*ANSWERS[:3], NO_COUPON, *ANSWERS[4:])
        self.judged.disordered += any(w not in t for w, t in zip(told, texts, strict=True))

    def _count(self, outcome: Outcome, events: int = 1) -> None:
        self.judged.events += events
        self.judged.repeats += len(outcome.statuses) - 1
        self.judged.lost += events * (not outcome.taken)


async def kill(home: Home, kills: int, chance: Random, walkers: int = 12) -> Judged:
    """Let `walkers` use a bot that dies `kills` times at random, then judge."""
    judged = Judged(stock=home.stock)
    async with home.simulator() as line:
        manager = line.member("manager", friend=True)
        crowd = Crowd(line, judged)
        life = await Life(home, line.url).ready()
        async with asyncio.TaskGroup() as tasks:
            for number in range(walkers):
                tasks.create_task(crowd.walk(number))
            for _ in range(kills):
                await asyncio.sleep(chance.uniform(SHORTEST, LONGEST))
                await life.kill()
                judged.kills += 1
                judged.damaged += home.sound() != "ok"
                life = await Life(home, line.url).ready()
            served = home.stock + walkers
            await until(lambda: judged.issued + judged.sold_out >= served, 600)
            crowd.over.set()
        await settled(home)
        await life.stop()
        _judge(judged, line, manager)
    judged.rows = _rows(home)
    return judged


def _judge(judged: Judged, line: LineSimulator, manager: Member) -> None:
    """Count what the managers saw: each introduction once."""
    told = "\n".join(each.text for each in manager.inbox)
    walkers = [person for person in line.people.values() if person is not manager.person]
    for who in walkers:
        shown = told.count(f"{who.name}です")
        judged.lost += not shown
        judged.doubled += max(0, shown - 1) + len(who.inbox) - who.read
    judged.doubled += line.totals.doubled
    judged.stale, judged.repeated = line.totals.stale, line.totals.repeated


def _rows(home: Home) -> Counter[str]:
    found = counts(home.database, "SELECT 'issued', issued FROM coupon")
    found += counts(home.database, "SELECT 'holders', count(*) FROM coupon_issue")
    found += counts(home.database, "SELECT 'open', count(*) FROM inbox WHERE state != 'done'")
    return found
