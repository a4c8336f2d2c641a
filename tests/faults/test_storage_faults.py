"""A torn log, a held lock, a full disk, a damaged file, yesterday's backup (trust C6, C8 to C10)."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import aiohttp
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from adapters.line.simulator.webhook import Answer
from adapters.simulation.faults import Fault, FaultScript, Harm
from bot.adapter import Element
from bot.errors import StoreDown
from storage import inbox
from storage.query import change
from storage.seal import Cipher
from tests.faults.die import coupon, intake, said, settled, survey
from tests.faults.home import REFUSED, Home, Life, user_id
from tests.faults.rows import counts
from tests.faults.waltear import tear, written
from tests.unit.running import element, running

PUSH = "/v2/bot/message/push"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, managers=user_id("manager")).settle_in()


async def test_a_torn_log_opens_as_a_true_past(tmp_path: Path) -> None:
    cipher = Cipher([Fernet.generate_key().decode()], b"x" * 32)
    path, log = await written(tmp_path / "hiroba.db", cipher, 40)
    found = tear(path, log, Random(3), 40)
    assert found["torn"] + found["gap"] + found["damaged"] == 0, found
    assert 0 < found["survivors"] < 40 * 40  # some cuts took much, some took little


async def test_a_lock_held_elsewhere_is_answered_503_in_time_and_reads_go_on(home: Home) -> None:
    async with home.simulator(redelivery=(), answer_seconds=15.0) as line:
        life = await Life(home, line.url).ready()
        hanako, taro = line.member("hanako"), line.member("taro")
        with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = asyncio.get_running_loop().time()
            outcome = await hanako.follow()
            assert outcome.statuses == (503,)
            assert asyncio.get_running_loop().time() - began < 9
            assert await _status(home, "/healthz") == 200
            assert await _status(home, "/readyz") == 200
            other.execute("ROLLBACK")
        await said(taro, taro.follow())
        await said(hanako, hanako.follow())
        await life.kill()


async def test_a_full_disk_refuses_intake_serves_reads_and_recovers(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.say("hanako", "こんにちは")
        (pages,) = bot.rows("PRAGMA page_count")[0]
        full = change(text(f"PRAGMA max_page_count = {pages}"))
        await bot.store.write(lambda tx: tx.run(full))
        refused = list[Element]()
        for number in range(200):
            one = element(f"key{number}", f"taro{number}", "あ" * 3000)
            try:
                await bot.intake.accept("terminal", [one])
            except StoreDown:
                refused.append(one)
        assert refused
        await bot.store.read(lambda tx: tx.all(inbox.COUNT_STATES))
        assert bot.rows("SELECT count(*) FROM inbox") == [(1 + 200 - len(refused),)]
        space = change(text("PRAGMA max_page_count = 1000000"))
        await bot.store.write(lambda tx: tx.run(space))
        await bot.intake.accept("terminal", refused)
        assert bot.rows("SELECT state, count(*) FROM inbox GROUP BY state") == [("done", 201)]
    with closing(sqlite3.connect(tmp_path / "hiroba.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_damaged_file_refuses_the_start_and_says_what_to_do(home: Home) -> None:
    async with home.simulator() as line:
        life = await Life(home, line.url).ready()
        await intake(line)
        await life.stop()
        raw = bytearray(home.database.read_bytes())
        for page in range(2, len(raw) // 4096, 3):
            raw[page * 4096 : page * 4096 + 512] = b"\xa5" * 512
        home.database.write_bytes(raw)
        assert await Life(home, line.url).ended() == REFUSED
        assert "damaged" in home.log.read_text() or "cannot be opened" in home.log.read_text()


async def test_a_file_that_is_no_database_refuses_the_start(home: Home) -> None:
    home.database.write_bytes(b"hello" * 4096)
    assert await Life(home, "http://127.0.0.1:1").ended() == REFUSED
    assert "cannot be opened" in home.log.read_text()


async def test_yesterdays_backup_repeats_no_push_and_waits_for_a_manager(home: Home) -> None:
    backup = home.folder / "backup.db"
    async with home.simulator() as line:
        life = await Life(home, line.url).ready()
        manager = line.member("manager", friend=True)
        await intake(line)
        await survey(line)
        # The managers' post is written and cannot leave: so the backup holds it as to be sent.
        line.faults = FaultScript([Fault(harm=Harm.REFUSE, status=429, path=PUSH)], Random(0))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(coupon(line), 2)
        assert home.command("backup", str(backup)).returncode == 0
        line.faults = None
        await manager.next(20)
        await settled(home)
        await life.stop()
        before = line.totals.pushes, len(line.log)
        done = home.command("restore", str(backup), "--yes")
        assert done.returncode == 0, done.stderr
        assert "再開" in done.stdout
        life = await Life(home, line.url).ready()
        await asyncio.sleep(1.2)  # two ticks of the clock
        assert line.totals.pushes == before[0]
        assert not [call for call in line.log[before[1] :] if call.path == PUSH]
        assert counts(home.database, "SELECT name, 1 FROM state WHERE name = 'stop'")
        await said(manager, manager.say("再開"))
        assert not counts(home.database, "SELECT name, 1 FROM state WHERE name = 'stop'")
        assert line.totals.pushes == before[0]
        await life.kill()


async def _status(home: Home, path: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{home.port}{path}") as response,
    ):
        return Answer(response.status).status
