"""The table engine: once per key, again after a failure, never twice by a zombie."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from bot.errors import RetryLater
from jobs import table, worker
from jobs.table import TableEngine
from jobs.worker import Job
from storage import activity, work
from storage.sqlite import connect
from storage.store import Tx
from tests.faults.home import until
from tests.unit.running import Bot, element, running

KIND = "test.work"
ROW = f"SELECT state, tries, fault FROM job WHERE kind = '{KIND}'"  # noqa: S608


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with running(tmp_path) as made:
        yield made


async def enqueue(bot: Bot, key: str, **payload: Any) -> None:
    async def add(tx: Tx) -> None:
        await bot.core.engine.enqueue(tx, KIND, key, payload, bot.clock.now())

    await bot.store.write(add)


def doing(bot: Bot, *faults: Exception) -> list[str]:
    """Let jobs fail by these faults, one after the other, then succeed; return what was done."""
    left, done = list(faults), list[str]()

    async def handle(job: Job) -> None:
        if left:
            raise left.pop(0)
        done.append(f"{job.key} {job.payload.get('n', '')}".strip())

    bot.runtime.engine.handler(KIND, handle)
    return done


async def test_one_key_is_one_job_and_its_payload_is_sealed(bot: Bot) -> None:
    done = doing(bot)
    await enqueue(bot, "a", n="canary-51")
    await enqueue(bot, "a", n="other")
    assert b"canary-51" not in (bot.store.path.with_suffix(".db-wal")).read_bytes()
    await bot.runtime.settle()
    await enqueue(bot, "a", n="later")
    await bot.runtime.settle()
    assert done == ["a canary-51"]
    assert bot.rows(f"SELECT state, payload FROM job WHERE kind = '{KIND}'") == [("done", None)]  # noqa: S608


async def test_a_transaction_that_is_rolled_back_leaves_no_job(bot: Bot) -> None:
    done = doing(bot)

    async def broken(tx: Tx) -> None:
        await bot.core.engine.enqueue(tx, KIND, "a", {}, bot.clock.now())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await bot.store.write(broken)
    await bot.runtime.settle()
    assert done == []
    assert bot.rows(ROW) == []


async def test_a_failing_job_waits_longer_each_time_and_is_done_in_the_end(bot: Bot) -> None:
    done = doing(bot, KeyError("x"), ValueError("y"))
    await enqueue(bot, "a")
    await bot.runtime.settle()
    assert bot.rows(ROW) == [("open", 1, "KeyError")]
    bot.ahead(seconds=1)
    await bot.runtime.settle()
    assert bot.rows(ROW) == [("open", 1, "KeyError")]  # due after two seconds
    bot.ahead(seconds=1.1)
    await bot.runtime.settle()
    assert bot.rows(ROW) == [("open", 2, "ValueError")]
    bot.ahead(seconds=5)
    await bot.runtime.settle()
    assert bot.rows(ROW) == [("done", 3, "")]
    assert done == ["a"]


async def test_a_job_that_always_fails_is_dead_and_the_managers_hear_of_it_once(bot: Bot) -> None:
    doing(bot, *[RuntimeError("x") for _ in range(100)])
    await enqueue(bot, "a")
    for _ in range(worker.MOST_TRIES + 3):
        await bot.runtime.settle()
        await bot.runtime.sweep()
        bot.ahead(hours=1)
    assert bot.rows(ROW) == [("dead", worker.MOST_TRIES, "RuntimeError")]
    assert len([shown for shown in bot.shown if shown["to"] == "#管理"]) == 1


async def test_retry_later_waits_as_long_as_it_says(bot: Bot) -> None:
    done = doing(bot, RetryLater(timedelta(minutes=5), "rate"))
    await enqueue(bot, "a")
    await bot.runtime.settle()
    bot.ahead(minutes=4)
    await bot.runtime.settle()
    assert done == []
    bot.ahead(minutes=2)
    await bot.runtime.settle()
    assert done == ["a"]


async def test_a_job_of_a_kind_nobody_knows_does_not_stop_the_others(bot: Bot) -> None:
    async def add(tx: Tx) -> None:
        await bot.core.engine.enqueue(tx, "gone.kind", "a", {}, bot.clock.now())

    await bot.store.write(add)
    done = doing(bot)
    await enqueue(bot, "b")
    await bot.runtime.settle()
    assert done == ["b"]
    assert bot.rows("SELECT state, fault FROM job WHERE kind = 'gone.kind'")[0][0] == "open"


async def test_a_zombie_whose_lease_ran_out_leaves_nothing(bot: Bot) -> None:
    woken, wrote = asyncio.Event(), list[str]()

    async def slow(job: Job) -> None:
        await woken.wait()
        wrote.append("zombie")

        async def last(tx: Tx) -> None:
            await tx.run(
                activity.RECORD, member_id=None, kind="zombie", subject="", at=bot.clock.now()
            )
            await job.end(tx)

        await bot.store.write(last)

    async def quick(job: Job) -> None:
        wrote.append("second")
        await bot.store.write(job.end)

    await enqueue(bot, "a")
    first = bot.runtime.engine
    first.handler(KIND, slow)
    other = TableEngine(bot.core, bot.store, "other")
    other.handler(KIND, quick)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(first.step())
        await asyncio.sleep(0.05)
        assert await other.step() == 0  # the claim holds
        bot.clock.set(bot.clock.now() + table.LEASE + timedelta(seconds=1))
        assert await other.step() == 1
        woken.set()
    assert wrote == ["second", "zombie"]
    assert bot.rows("SELECT 1 FROM activity WHERE kind = 'zombie'") == []
    assert bot.rows(ROW) == [("done", 2, "")]


async def test_a_restart_frees_its_own_claims_at_once(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    async with running(tmp_path, key=key) as bot:
        await enqueue(bot, "a")
        claimed = await bot.store.write(
            lambda tx: tx.all(
                work.CLAIM,
                now=bot.clock.now(),
                limit=1,
                worker="local",
                until=bot.clock.now() + table.LEASE,
            )
        )
        assert len(claimed) == 1
    async with running(tmp_path, key=key) as bot:
        done = doing(bot)
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(bot.runtime.engine.work())
            await until(lambda: bool(done), 5)
            working.cancel()


async def test_a_locked_database_does_not_end_the_loop(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "POLL_SECONDS", 0.05)
    done = doing(bot)
    other = connect(bot.store.path)
    other.execute("BEGIN IMMEDIATE")
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(bot.runtime.engine.work())
        await asyncio.sleep(2.6)  # longer than the writer waits for a lock
        other.execute("ROLLBACK")
        other.close()
        await enqueue(bot, "a")
        await until(lambda: bool(done), 5)
        working.cancel()


async def test_jobs_run_side_by_side_and_a_stop_lets_them_end(bot: Bot) -> None:
    together, most, ended = 0, 0, 0

    async def handle(_: Job) -> None:
        nonlocal together, most, ended
        together += 1
        most = max(most, together)
        await asyncio.sleep(0.2)
        together -= 1
        ended += 1

    bot.runtime.engine.handler(KIND, handle)
    for number in range(5):
        await enqueue(bot, str(number))
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(bot.runtime.engine.work())
        await asyncio.sleep(0.1)
        working.cancel()
    await bot.runtime.engine.finish(5)
    assert (most, ended) == (5, 5)
    assert bot.rows(f"SELECT count(*) FROM job WHERE kind = '{KIND}' AND state = 'done'") == [(5,)]  # noqa: S608


async def test_what_a_death_left_to_show_is_shown_once(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    async with running(tmp_path, key=key) as bot:
        await bot.say("hanako", "はじめまして")
        agree = next(each for each in bot.shown[-1]["choices"] if "同意" in each["label"])
        press = element("agree", "hanako", "", kind="press", value=agree["value"])
        await bot.intake.accept("terminal", [press])
        await bot.say("hanako", "自己紹介する")
        await bot.intake.accept("terminal", [element("me", "hanako", "まつげが好きです")])
        assert bot.rows("SELECT count(*) FROM job WHERE state = 'open'") == [(1,)]
    async with running(tmp_path, key=key) as bot:
        await bot.runtime.settle()
        posts = [shown for shown in bot.shown if shown["to"] == "#管理"]
        assert len(posts) == 1
