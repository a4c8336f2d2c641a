"""Broadcasts: everyone once, nobody twice, and whoever did not get it is known by why."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

import jobs.broadcast
import jobs.claim
from adapters.simulation.faults import Fault, FaultScript, Harm
from bot import broadcasts
from bot.broadcasts import Draft
from bot.events import Account
from bot.messages import Choice, Choices, Message, Text
from bot.posting import STOP
from bot.wire import verified
from jobs.tasks import Tasks
from storage import broadcast, members, state
from storage.broadcast import Stage as At
from storage.members import AccountState
from storage.store import Tx
from tests.unit.sending import MORNING, Stage, sending

MULTICAST = "/v2/bot/message/multicast"
KEY = UUID(int=1)


def script(*faults: Fault) -> FaultScript:
    return FaultScript(faults, Random(0))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second try come at once."""
    monkeypatch.setattr(jobs.claim, "BACKOFF", timedelta(0))


async def leave(stage: Stage, member_id: int) -> None:
    await stage.store.write(
        lambda tx: tx.run(
            members.SET_ACCOUNT_STATE, account_id=member_id, state=AccountState.LEFT, at=MORNING
        )
    )


async def mute(stage: Stage, member_id: int) -> None:
    await stage.store.write(lambda tx: tx.run(members.SET_MUTED, member_id=member_id, at=MORNING))


async def stop(stage: Stage, *, on: bool) -> None:
    async def change(tx: Tx) -> None:
        if on:
            await tx.run(state.ADD, name=STOP, value={"reason": "manager"}, now=MORNING)
        else:
            await tx.run(state.DROP, name=STOP)

    await stage.store.write(change)


async def until_quiet(stage: Stage, rounds: int = 40) -> None:
    """Settle again and again: a second try may be due in a moment."""
    for _ in range(rounds):
        await stage.settle()
        if not stage.bot.rows("SELECT 1 FROM broadcast WHERE stage IN ('ready', 'sending')"):
            return
        stage.bot.ahead(seconds=2)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  what happens outside sets no event
            await asyncio.sleep(0.01)


def logged(stage: Stage) -> list[tuple[int, str]]:
    return stage.bot.rows("SELECT seq, result FROM send_log ORDER BY seq")


async def test_everyone_gets_it_once(tmp_path: Path) -> None:
    async with sending(tmp_path, 1_002) as stage:
        number = await stage.launch("年内お試し会のご案内です")
        await stage.settle()
        assert stage.got == [1] * 1_002
        assert stage.calls == [200] * 3
        stands = await stage.progress(number)
        assert (stands.stage, stands.total, stands.sent) == (At.DONE, 1_002, 1_002)
        assert (stands.unsent, stands.failed, stands.excluded) == (0, 0, {})
        counted = stage.bot.rows("SELECT platform, month, counted FROM usage")
        assert ("line", "2026-12", 1_002) in counted
        assert stage.alerts == []


async def test_who_is_left_out_is_counted_by_why(tmp_path: Path) -> None:
    async with sending(tmp_path, 10) as stage:
        await leave(stage, 1)
        await mute(stage, 2)
        await stage.launch("けさのお知らせ")
        await stage.settle()
        await mute(stage, 3)
        draft = Draft(key=KEY, title="夕方", platform="line", message=Message((Text("夕方"),)))
        now = stage.core.clock.now()
        forecast = await stage.store.read(lambda tx: broadcasts.plan(stage.core, tx, draft, now))
        assert (forecast.total, dict(forecast.excluded)) == (
            0,
            {"blocked": 1, "opted_out": 2, "capped": 7},
        )
        assert stage.got == [0, 0, *[1] * 8]
        number = await stage.launch("当選のお知らせ", important=True)
        await stage.settle()
        assert (await stage.progress(number)).excluded == {"blocked": 1}
        assert stage.got == [0, 1, *[2] * 8]


async def test_the_month_ends_in_the_middle(tmp_path: Path) -> None:
    """Journey C2: somebody else sent 1,200 from LINE's console meanwhile."""
    async with sending(tmp_path, 1_002) as stage:
        stage.line.limit, stage.line.used = 5_000, 4_300
        number = await stage.launch("年内お試し会")
        await stage.settle()
        assert sum(stage.got) == 700
        stands = await stage.progress(number)
        assert (stands.stage, stands.reason) == (At.PAUSED, "quota")
        assert (stands.sent, stands.unsent) == (700, 302)
        assert stage.alerts == [
            "中断：700人に送信、302人は未送信（通数の上限）。続きは来月1日か、プラン変更後。「お試し会」"
        ]
        unsent = await stage.store.read(
            lambda tx: tx.all(broadcast.UNSENT, broadcast_id=number, after=0, limit=1_000)
        )
        assert {row.member_id for row in unsent} == {
            n + 1 for n, c in enumerate(stage.got) if not c
        }
        assert 429 not in stage.calls
        # It does not go on by itself, not even when it could.
        stage.line.limit = 9_000
        await until_quiet(stage)
        assert sum(stage.got) == 700
        assert await stage.resume(number)
        await stage.settle()
        assert stage.got == [1] * 1_002
        assert (await stage.progress(number)).stage is At.DONE
        assert len(stage.alerts) == 1


async def test_a_monthly_limit_that_line_alone_knows_pauses_too(tmp_path: Path) -> None:
    async with sending(tmp_path, 20) as stage:
        refuse = Fault(harm=Harm.REFUSE, status=400, path="/v2/bot/message/quota", times=0)
        stage.line.faults = script(refuse)
        quota = stage.core.adapters["line"].quota  # type: ignore[attr-defined]

        async def blind() -> object:
            found = await quota()
            return type(found)(None, 0)

        stage.core.adapters["line"].quota = blind  # type: ignore[attr-defined]
        stage.line.limit = 5
        number = await stage.launch("お知らせ")
        await stage.settle()
        stands = await stage.progress(number)
        assert (stands.stage, stands.reason, stands.sent) == (At.PAUSED, "quota", 0)
        assert stage.calls == [429]
        assert len(stage.alerts) == 1


async def test_a_lost_answer_doubles_nothing(tmp_path: Path) -> None:
    async with sending(tmp_path, 600) as stage:
        stage.line.faults = script(
            Fault(harm=Harm.DROP_DONE, path=MULTICAST, times=1),
            Fault(harm=Harm.REFUSE_DONE, path=MULTICAST, times=1),
            Fault(harm=Harm.DROP, path=MULTICAST, times=1),
        )
        number = await stage.launch("お知らせ")
        await until_quiet(stage)
        assert stage.got == [1] * 600
        assert (stage.line.totals.doubled, stage.line.used) == (0, 600)
        assert (await stage.progress(number)).sent == 600


async def test_one_bad_address_costs_nobody_else_the_message(tmp_path: Path) -> None:
    async with sending(tmp_path, 500) as stage:
        stage.bot.clock.set(MORNING)
        change = "UPDATE account SET conversation = 'nobody' WHERE id = 123"
        await stage.store.write(lambda tx: raw(tx, change))
        number = await stage.launch("お知らせ")
        await until_quiet(stage)
        assert stage.got == [1] * 122 + [0] + [1] * 377
        stands = await stage.progress(number)
        assert (stands.stage, stands.sent, stands.failed) == (At.DONE, 499, 1)
        assert logged(stage) == [(123, "rejected")]
        assert stage.alerts == []


async def raw(tx: Tx, statement: str) -> None:
    tx._connection.execute(statement)  # type: ignore[attr-defined]  # noqa: SLF001


async def test_a_message_that_line_refuses_is_not_tried_on_everyone(tmp_path: Path) -> None:
    async with sending(tmp_path, 1_000) as stage:
        stage.line.faults = script(Fault(harm=Harm.REFUSE, status=400, path=MULTICAST))
        number = await stage.launch("お知らせ")
        await until_quiet(stage)
        stands = await stage.progress(number)
        assert (stands.stage, stands.reason, stands.sent) == (At.PAUSED, "rejected", 0)
        assert len(stage.calls) < 200
        assert len(stage.alerts) == 1


async def test_the_emergency_stop_holds_and_nothing_catches_up(tmp_path: Path) -> None:
    async with sending(tmp_path, 1_500) as stage:
        number = await stage.launch("お知らせ", one_by_one=True)
        running = Tasks().start(stage.settle())
        await until(lambda: len(stage.calls) > 100)
        await stop(stage, on=True)
        await asyncio.sleep(1.0)
        seen = len(stage.calls)
        await running
        assert len(stage.calls) == seen < 1_500
        await stop(stage, on=False)
        await stage.settle()
        stands = await stage.progress(number)
        assert (stands.stage, stands.sent) == (At.STOPPED, sum(stage.got))
        assert len(stage.calls) == seen
        assert await stage.resume(number)
        await stage.settle()
        assert stage.got == [1] * 1_500


async def test_while_the_stop_is_on_nothing_resumes(tmp_path: Path) -> None:
    async with sending(tmp_path, 10) as stage:
        number = await stage.launch("お知らせ")
        await stop(stage, on=True)
        await stage.settle()
        assert not await stage.resume(number)
        assert (stage.calls, sum(stage.got)) == ([], 0)


async def test_pause_resume_and_cancel(tmp_path: Path) -> None:
    async with sending(tmp_path, 40) as stage:
        number = await stage.launch("お知らせ")
        assert await stage.store.write(lambda tx: broadcasts.pause(tx, number))
        await stage.settle()
        assert (await stage.progress(number)).stage is At.PAUSED
        assert stage.alerts == []
        assert await stage.resume(number)
        assert not await stage.resume(number)
        await stage.settle()
        assert stage.got == [1] * 40
        assert not await stage.store.write(lambda tx: broadcasts.cancel(tx, number))
        other = await stage.launch("もう一つ", important=True)
        assert await stage.store.write(lambda tx: broadcasts.cancel(tx, other))
        await stage.settle()
        assert not await stage.resume(other)
        assert stage.got == [1] * 40


async def test_a_chunk_on_its_way_at_the_cancel_is_counted(tmp_path: Path) -> None:
    async with sending(tmp_path, 40) as stage:
        stage.line.latency = 0.3
        number = await stage.launch("お知らせ")
        running = Tasks().start(stage.settle())
        await until(lambda: stage.bot.rows("SELECT 1 FROM chunk WHERE tried_at IS NOT NULL"))
        assert await stage.store.write(lambda tx: broadcasts.cancel(tx, number))
        await running
        stands = await stage.progress(number)
        assert (stands.stage, stands.sent, sum(stage.got)) == (At.CANCELLED, 40, 40)


async def test_a_chunk_whose_key_is_too_old_waits_for_a_manager(tmp_path: Path) -> None:
    async with sending(tmp_path, 40) as stage:
        stage.line.faults = script(Fault(harm=Harm.DROP_DONE, path=MULTICAST, times=1))
        number = await stage.launch("お知らせ")
        await stage.settle()
        stage.bot.ahead(hours=25)
        await stage.settle()
        stands = await stage.progress(number)
        assert (stands.stage, stands.reason, stands.dead) == (At.PAUSED, "dead", 40)
        assert stage.got == [1] * 40
        assert stage.bot.rows("SELECT fault FROM chunk") == [("stale",)]
        assert "40人は届いたかどうか" in stage.alerts[0]


async def test_a_chunk_that_always_fails_is_dead_and_a_manager_revives_it(tmp_path: Path) -> None:
    async with sending(tmp_path, 40) as stage:
        stage.line.faults = script(Fault(harm=Harm.REFUSE, status=500, path=MULTICAST))
        number = await stage.launch("お知らせ")
        await until_quiet(stage)
        stands = await stage.progress(number)
        assert (stands.stage, stands.dead, len(stage.calls)) == (At.PAUSED, 40, 8)
        stage.line.faults = None
        assert await stage.resume(number)
        await stage.settle()
        assert stage.got == [1] * 40


async def test_whoever_opts_out_between_freezing_and_sending_gets_nothing(tmp_path: Path) -> None:
    async with sending(tmp_path, 5) as stage:
        number = await stage.launch("あす", due=MORNING + timedelta(days=1))
        await stage.settle()
        assert (await stage.progress(number)).stage is At.READY
        await mute(stage, 1)
        await leave(stage, 2)
        await stage.store.write(
            lambda tx: raw(tx, "UPDATE recipient SET member_id = NULL WHERE seq = 3")
        )
        stage.bot.ahead(days=1)
        await stage.settle()
        assert stage.got == [0, 0, 0, 1, 1]
        assert logged(stage) == [(1, "opted_out"), (2, "blocked"), (3, "erased")]
        stands = await stage.progress(number)
        assert (stands.stage, stands.sent, stands.failed) == (At.DONE, 2, 3)


async def test_at_night_nothing_leaves(tmp_path: Path) -> None:
    async with sending(tmp_path, 5) as stage:
        stage.bot.ahead(hours=11, minutes=29, seconds=58)
        number = await stage.launch("お知らせ")
        await stage.store.write(lambda tx: broadcasts.pause(tx, number))
        stage.bot.ahead(seconds=5)
        assert await stage.resume(number)
        await stage.settle()
        assert (await stage.progress(number)).stage is At.READY
        assert sum(stage.got) == 0
        stage.bot.ahead(hours=11, minutes=30)
        await stage.settle()
        assert stage.got == [1] * 5


async def test_twenty_hands_open_one_broadcast(tmp_path: Path) -> None:
    async with sending(tmp_path, 5) as stage:
        numbers = await asyncio.gather(*[stage.launch("お知らせ", key=KEY) for _ in range(20)])
        assert len(set(numbers)) == 1
        await stage.settle()
        assert stage.got == [1] * 5


async def test_one_by_one_signs_choices_for_each_person(tmp_path: Path) -> None:
    async with sending(tmp_path, 3) as stage:
        both = Choices((Choice("参加する", "event:join:1"),))
        for one_by_one in (True, False):
            await stage.launch("参加しますか", both, one_by_one=one_by_one, important=True)
            await stage.settle()
        data = [
            [each.buttons[0].action["data"] for each in person.inbox] for person in stage.people
        ]
        own, anyone = zip(*data, strict=True)
        assert (len(set(own)), len(set(anyone))) == (3, 1)
        accounts = [Account("line", "provider", person.user_id) for person in stage.people]
        for signed, account in zip(own, accounts, strict=True):
            able = [verified(stage.bot.store.cipher, signed, each) for each in accounts]
            assert able == ["event:join:1" if each == account else None for each in accounts]
        assert {verified(stage.bot.store.cipher, anyone[0], each) for each in accounts} == {
            "event:join:1"
        }


async def test_one_by_one_through_faults(tmp_path: Path) -> None:
    async with sending(tmp_path, 300) as stage:
        push = "/v2/bot/message/push"
        stage.line.faults = script(
            Fault(harm=Harm.DROP_DONE, path=push, chance=0.1),
            Fault(harm=Harm.REFUSE_DONE, path=push, chance=0.1),
            Fault(harm=Harm.REFUSE, status=500, path=push, chance=0.1),
            Fault(harm=Harm.DROP, path=push, chance=0.1),
        )
        stage.line.person("member7").bond = stage.line.person("stranger").bond
        number = await stage.launch("お知らせ", one_by_one=True)
        await until_quiet(stage)
        assert stage.got == [1] * 7 + [0] + [1] * 292
        assert stage.line.totals.doubled == 0
        stands = await stage.progress(number)
        assert (stands.stage, stands.sent, stands.failed) == (At.DONE, 299, 1)
        assert [row for row in logged(stage) if row[1] != "sent"] == [(8, "left")]
