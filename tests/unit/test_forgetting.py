"""Who is erased stays erased: in every copy of the database, and in a backup that comes back."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from bot.erasure import FORGET_KEY
from bot.errors import Misconfigured
from hiroba.database import backup, restore
from jobs.housekeeping import CLEAN_UP, Keeping
from jobs.worker import Job
from storage import members, work
from storage.keyring import BLOCK, Keyring
from storage.seal import Cipher, SealBroken
from tests.unit.desk import A1, Desk, desk_in
from tests.unit.running import Bot, element, running
from tests.unit.surveying import completed

CANARY = "カナリアの花子"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as opened:
        yield opened


def ring(desk: Desk) -> Keyring:
    found = desk.cipher.keyring
    assert isinstance(found, Keyring)
    return found


async def test_the_key_goes_after_the_commit_and_no_copy_opens_again(desk: Desk) -> None:
    await completed(desk, name=CANARY)
    member = await desk.member()
    copies = await sealed(desk)
    assert {desk.cipher.open(each, bound).decode() for each, bound in copies} == {CANARY}
    await desk.say("消して")
    await desk.press("消す")
    # The process ends here: the job is a row, and the next process finds it.
    assert member.id in ring(desk).members()
    assert [(job.kind, job.member_id) for job in await undone(desk)] == [(FORGET_KEY, None)]
    await desk.work()
    assert member.id not in ring(desk).members()
    known = members.hash_of(desk.cipher, ("line", "channel", "U-hanako"))
    assert ring(desk).forgotten() == {known: A1}
    for each, bound in copies:
        with pytest.raises(SealBroken):
            desk.cipher.open(each, bound)
    assert await undone(desk) == []


async def test_a_key_file_in_trouble_is_tried_again_every_night(desk: Desk) -> None:
    await completed(desk)
    number = (await desk.member()).id
    await desk.say("消して")
    await desk.press("消す")
    sqlite3.connect(desk.store.path).executescript("UPDATE job SET state = 'dead', tries = 8")
    desk.clock.ahead(days=40)
    await Keeping(desk.core, desk.store).clean(Job(0, CLEAN_UP, "", {}, 1, "desk"))
    await desk.work()
    assert number not in ring(desk).members()


async def sealed(desk: Desk) -> list[tuple[bytes, str]]:
    """What members wrote, as it is stored, and what it is bound to."""
    with closing(sqlite3.connect(desk.store.path)) as connection:
        return connection.execute(
            "SELECT nickname, 'nickname:' || id FROM member UNION "
            "SELECT text, 'answer:' || member_id || ':' || survey || ':' || question FROM answer "
            "WHERE text IS NOT NULL"
        ).fetchall()


async def undone(desk: Desk) -> list[work.JobRow]:
    return await desk.all(work.UNDONE, kind=FORGET_KEY)


# ── a backup that comes back ────────────────────────────────────────────────────────────────────


KEY = Fernet.generate_key().decode()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'hiroba.db'}")
    monkeypatch.setenv("HIROBA_SECRET_KEYS", KEY)
    return tmp_path


async def say(bot: Bot, who: str, text: str) -> None:
    """Say something under a key of its own: these databases outlive a process."""
    await bot.intake.accept("terminal", [element(uuid4().hex, who, text)])
    await bot.runtime.settle()


async def joined(bot: Bot, who: str, name: str) -> None:
    """Go through journey A1 by typing what the buttons say."""
    for text in ("こんにちは", "同意してはじめる", name, "40代", "まつげ", "決定", "はじめて"):
        await say(bot, who, text)


async def erased(bot: Bot, who: str) -> None:
    for text in ("消して", "消す"):
        await say(bot, who, text)
    assert "消しました" in bot.shown[-1]["text"]


def looked(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def readable(folder: Path) -> bytes:
    """What a thief of all files and of HIROBA_SECRET_KEYS could read: every value, opened."""
    keyring = Keyring(folder / "hiroba.db.keys", [KEY])
    cipher, found = Cipher([KEY], b"", keyring), list[bytes]()
    with closing(sqlite3.connect(folder / "hiroba.db")) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
            for row in connection.execute(f'SELECT * FROM "{table}"').fetchall():  # noqa: S608
                found += [opened(cipher, value) for value in row]
    keyring.close()
    raw = [path.read_bytes() for path in sorted(folder.glob("hiroba.db*"))]
    return b"\n".join([*found, *raw])


def opened(cipher: Cipher, value: object) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    fernet, token = cipher._key_of(value)  # noqa: SLF001 - a thief asks nobody what it is bound to
    return fernet.decrypt(token)


async def test_a_backup_forgets_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Back up, erase, restore: 0 findable values, the key gone, and no second coupon."""
    copy = home / "backups" / "copy"
    async with running(home, key=KEY) as bot:
        await joined(bot, "hanako", CANARY)
        await joined(bot, "taro", "太郎さん")
        backup(copy)
        assert "it is not in here" in capsys.readouterr().out
        await erased(bot, "hanako")
    marks = [CANARY.encode(), b"hanako"]
    copied = looked(copy, "SELECT nickname FROM member ORDER BY id")
    ring = Keyring(home / "hiroba.db.keys", [KEY])
    assert 1 not in ring.members()
    with pytest.raises(SealBroken):
        Cipher([KEY], b"", ring).open(copied[0][0], "nickname:1")
    for each in ring.forgotten():
        assert each.encode() not in copy.read_bytes()
    await asyncio.to_thread(restore, copy, yes=True)
    assert "1 members who were erased since are erased" in capsys.readouterr().out
    assert [mark for mark in marks if mark in readable(home)] == []
    assert "太郎さん".encode() in readable(home)
    async with running(home, key=KEY) as bot:
        assert bot.rows("SELECT flag FROM once") == [("coupon:first500",)]
        await joined(bot, "hanako", CANARY)
        assert bot.rows("SELECT count(*) FROM coupon_issue WHERE member_id IS NOT NULL") == [(1,)]
        # Nobody gets the number, and so the key, of somebody of another day.
        assert bot.rows("SELECT max(id) FROM member")[0][0] > max(ring.members()) - BLOCK
        await say(bot, "taro", "わたしのデータ")
        assert "太郎さん" in bot.shown[-1]["text"]
    ring.close()


async def test_who_joined_again_is_another_member_and_stays(home: Path) -> None:
    async with running(home, key=KEY) as bot:
        await joined(bot, "hanako", "はな")
        await erased(bot, "hanako")
        await joined(bot, "hanako", "はなこ")
        backup(home / "copy")
        await joined(bot, "taro", "太郎さん")
    for _ in range(2):
        await asyncio.to_thread(restore, home / "copy", yes=True)
        async with running(home, key=KEY) as bot:
            await say(bot, "hanako", "わたしのデータ")
            assert "はなこ" in bot.shown[-1]["text"]
            assert bot.rows("SELECT count(*) FROM member") == [(1,)]


async def test_an_erasure_that_a_crash_cut_off_is_finished_before_a_restore(home: Path) -> None:
    async with running(home, key=KEY) as bot:
        await joined(bot, "hanako", CANARY)
        backup(home / "copy")
        await say(bot, "hanako", "消して")
        # Killed after the commit: the job is a row, and nobody has carried it out.
        await bot.intake.accept("terminal", [element("last", "hanako", "消す")])
    assert 1 in Keyring(home / "hiroba.db.keys", [KEY]).members()
    assert looked(home / "hiroba.db", "SELECT count(*) FROM member") == [(0,)]
    await asyncio.to_thread(restore, home / "copy", yes=True)
    assert 1 not in Keyring(home / "hiroba.db.keys", [KEY]).members()
    assert CANARY.encode() not in readable(home)


async def test_an_erasure_that_a_crash_cut_off_is_finished_at_the_next_start(home: Path) -> None:
    async with running(home, key=KEY) as bot:
        await joined(bot, "hanako", CANARY)
        await say(bot, "hanako", "消して")
        await bot.intake.accept("terminal", [element("last", "hanako", "消す")])
    async with running(home, key=KEY) as bot:
        await bot.runtime.settle()
    assert 1 not in Keyring(home / "hiroba.db.keys", [KEY]).members()


async def test_a_lost_key_file_refuses_the_start_until_a_restore_goes_on_without(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = home / "hiroba.db.keys"
    async with running(home, key=KEY) as bot:
        await joined(bot, "hanako", "はな")
    for content in (None, b"no database" * 500):
        keys.unlink()
        if content:
            keys.write_bytes(content)
        with pytest.raises(Misconfigured, match="HIROBA_KEYRING"):
            async with running(home, key=KEY):
                pytest.fail("it started")
        if content is None:
            assert not keys.exists()
            keys.touch()
    keys.unlink()
    backup(home / "copy")
    await asyncio.to_thread(restore, home / "copy", yes=True)
    assert "2 texts and pictures had no key" in capsys.readouterr().out
    async with running(home, key=KEY) as bot:
        await say(bot, "hanako", "わたしのデータ")
        assert bot.shown[-1]["text"].startswith("年代40代")


async def test_restoring_needs_the_keys(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(home, key=KEY) as bot:
        await joined(bot, "hanako", "はな")
        backup(home / "copy")
    before = (home / "hiroba.db").read_bytes()
    monkeypatch.delenv("HIROBA_SECRET_KEYS")
    with pytest.raises(Misconfigured, match="is not set"):
        restore(home / "copy", yes=True)
    monkeypatch.setenv("HIROBA_SECRET_KEYS", Fernet.generate_key().decode())
    with pytest.raises(Misconfigured, match="does not open"):
        restore(home / "copy", yes=True)
    assert (home / "hiroba.db").read_bytes() == before


async def test_a_damaged_database_is_replaced_all_the_same(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(home, key=KEY) as bot:
        await joined(bot, "hanako", "はな")
        backup(home / "copy")
    (home / "hiroba.db").write_bytes(b"no database" * 500)
    await asyncio.to_thread(restore, home / "copy", yes=True)
    assert "cannot be read" in capsys.readouterr().err
    async with running(home, key=KEY) as bot:
        assert bot.rows("SELECT count(*) FROM member") == [(1,)]
