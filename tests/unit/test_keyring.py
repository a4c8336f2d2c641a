"""Members' own keys: made once, gone for good, the same for all processes of a machine."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from storage.keyring import BLOCK, CACHED, Keyring
from storage.seal import Cipher, SealBroken
from storage.store import StoreError

KEYS = [Fernet.generate_key().decode()]
NOW = datetime(2026, 12, 20, 1, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "hiroba.db.keys"


def cipher(path: Path, keys: list[str] = KEYS) -> Cipher:
    return Cipher(keys, b"secret", Keyring(path, keys))


def files(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(path.name + "*")))


def test_what_a_members_key_seals_opens_like_anything_else(path: Path) -> None:
    ours = cipher(path)
    sealed = ours.of(7).seal("花子", "nickname:7")
    assert ours.text(sealed, "nickname:7") == "花子"
    assert ours.rotate(sealed) == sealed
    with pytest.raises(SealBroken, match="another row"):
        ours.open(sealed, "nickname:8")
    for moved in (b"8" + sealed[1:], sealed[:-4], b"7.", b"7"):
        with pytest.raises(SealBroken):
            ours.open(moved, "nickname:7")
    assert cipher(path).text(sealed, "nickname:7") == "花子"


def test_a_file_for_its_owner_alone_made_by_the_first_key(path: Path) -> None:
    ring = Keyring(path, KEYS)
    with pytest.raises(SealBroken, match="no key file"):
        ring.key_of(1)
    assert (ring.members(), ring.forgotten(), path.exists()) == (set(), {}, False)
    ring.key_of(1, make=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ring.members() == set(range(1, 1 + BLOCK))
    ring.close()
    # The file alone is whole when nobody has it open.
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_forgotten_key_leaves_nothing(path: Path) -> None:
    ours = cipher(path)
    sealed = ours.of(7).seal("花子", "nickname:7")
    with sqlite3.connect(path) as connection:
        (key,) = connection.execute("SELECT sealed FROM key WHERE member_id = 7").fetchone()
    connection.close()
    assert key in files(path)
    for _ in range(2):
        ours.keyring.forget(7, ["a", "b"], NOW)
    assert key not in files(path)
    with pytest.raises(SealBroken, match="member 7 has no key"):
        ours.open(sealed, "nickname:7")
    ring = Keyring(path, KEYS)
    assert ring.forgotten() == {"a": NOW, "b": NOW}
    ring.forget(9, ["a"], NOW + timedelta(days=1))
    ring.forget(9, ["b"], NOW - timedelta(days=1))
    assert ring.forgotten() == {"a": NOW + timedelta(days=1), "b": NOW}


def test_no_process_keeps_a_key_that_another_destroyed(path: Path) -> None:
    one, other = cipher(path), cipher(path)
    sealed = one.of(7).seal("花子", "nickname:7")
    assert other.text(sealed, "nickname:7") == "花子"
    one.keyring.forget(7, (), NOW)
    with pytest.raises(SealBroken):
        other.open(sealed, "nickname:7")


def test_threads_and_processes_agree_on_one_key(path: Path) -> None:
    rings = [Keyring(path, KEYS) for _ in range(4)]
    members = [number % 5 * BLOCK + 1 for number in range(80)]

    def sealed(number: int) -> bytes:
        ring = rings[number % 4]
        return Cipher(KEYS, b"", ring).of(members[number]).seal("x", "y")

    with ThreadPoolExecutor(8) as threads:
        values = list(threads.map(sealed, range(80)))
    fresh = cipher(path)
    assert {fresh.open(value, "y") for value in values} == {b"x"}


def test_more_members_than_are_kept_open(path: Path) -> None:
    ours = cipher(path)
    first = ours.of(1).seal("x", "y")
    for number in range(2, CACHED + 3):
        ours.of(number).seal("x", "y")
    assert ours.open(first, "y") == b"x"


def test_foreign_keys_and_foreign_files(path: Path) -> None:
    sealed = cipher(path).of(1).seal("x", "y")
    with pytest.raises(SealBroken):
        cipher(path, [Fernet.generate_key().decode()]).open(sealed, "y")
    path.with_name("other").write_bytes(b"hello" * 1000)
    with pytest.raises(StoreError, match="cannot be used"):
        cipher(path.with_name("other")).of(1).seal("x", "y")
    with pytest.raises(LookupError):
        Cipher(KEYS).of(1)
