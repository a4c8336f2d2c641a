"""`migrate`, `owner`, `backup`, `restore`: short visits to the database."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from bot.errors import Misconfigured
from bot.roles import invite
from hiroba.clock import Clock, machine_now
from hiroba.forgetting import Forgotten, finish, forget
from hiroba.runtime import open_cipher
from hiroba.settings import Settings, checked, environment, key_problems, with_keys
from storage import audit, visit
from storage import migrate as migrations
from storage.keyring import Keyring
from storage.lock import AlreadyRunning, FileLock
from storage.members import Role
from storage.seal import SealBroken
from storage.sqlite import SqliteStore
from storage.store import StoreError


def migrate() -> None:
    """Bring the database to this version; refuses beside a serving process."""
    settings = checked(environment(), serving=False)
    path = settings.database
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        migrations.upgrade(path)
    sys.stdout.write(f"{path} is at revision {migrations.head()}\n")


async def owner() -> None:
    """Print a one-time code for the first owner."""
    settings = _existing()
    if problems := list(key_problems(settings)):
        raise Misconfigured(problems)
    store = SqliteStore(settings.database, open_cipher(settings))
    now = Clock(settings.clock_start).now()

    try:
        code = await store.write(lambda tx: invite(tx, Role.OWNER, now))
    finally:
        await store.close()
    sys.stdout.write(f"{code}\n")
    sys.stderr.write("Send this code to the bot within 10 minutes: that account becomes owner.\n")


async def verify_audit() -> int:
    """Print what the audit log's chain says; return 0 when it holds, 1 when it does not."""
    settings = _existing()
    store = SqliteStore(settings.database, open_cipher(settings))
    try:
        verdict = await store.read(audit.verify)
    finally:
        await store.close()
    if verdict.broken is None:
        sys.stdout.write(f"{verdict.held} acts: the chain holds\n")
        return 0
    at = f"row {verdict.broken} was changed" if verdict.broken else "its end was cut off"
    sys.stdout.write(f"broken after {verdict.held} acts: {at}\n")
    return 1


def backup(target: Path) -> None:
    """Copy the database page by page to `target`, also while it is served."""
    settings = _existing()
    if target.exists():
        raise Misconfigured([f"{target} exists: name a new file"])
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    visit.copy(settings.database, part, _progress)
    part.chmod(0o600)
    part.replace(target)
    sys.stderr.write("\n")
    sys.stdout.write(
        f"{target}: {target.stat().st_size:,} bytes. Keep HIROBA_SECRET_KEYS apart, and copy "
        f"{settings.keyring} over its one copy elsewhere: it is not in here.\n"
    )


def _progress(_: int, remaining: int, total: int) -> None:
    if sys.stderr.isatty() and total:
        sys.stderr.write(f"\r{100 * (total - remaining) // total} %")


def restore(source: Path, *, yes: bool) -> None:
    """Put a backup in place of the database, paused: nothing is sent until a manager resumes.

    Whoever was erased since the backup was taken is erased from it first.
    """
    settings = _with_its_keys()
    path = settings.database
    _usable(source)
    if path.exists() and not yes and not _asked(f"Replace {path} by {source}?"):
        raise Misconfigured(["nothing was changed: add --yes to replace the database"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        part = path.with_name(path.name + ".part")
        _remove(part, "", "-wal", "-shm")
        with closing(sqlite3.connect(source)) as backup_, closing(sqlite3.connect(part)) as copy:
            backup_.backup(copy)
        migrations.upgrade(part)
        forgotten = _forget(settings, part)
        visit.pause(part, machine_now())
        _remove(path, "-wal", "-shm")
        part.replace(path)
    sys.stdout.write(f"{path} is restored and paused: a manager starts sending again with the word")
    sys.stdout.write(" \u518d\u958b (resume).\n")
    sys.stdout.write(f"{forgotten.erased} members who were erased since are erased from it, too.\n")
    if forgotten.unreadable:
        sys.stdout.write(
            f"{forgotten.unreadable} texts and pictures had no key in {settings.keyring} and were "
            "left out. Is there a newer copy of that file? Put it there and restore again.\n"
        )


def _with_its_keys() -> Settings:
    """Return settings with keys: those of the environment, or the file that `chat` made."""
    settings = checked(environment(), serving=False)
    if settings.keys or settings.database.with_name("secret.key").exists():
        return with_keys(settings)
    raise Misconfigured(list(key_problems(settings)))


def _forget(settings: Settings, part: Path) -> Forgotten:
    """Finish the erasures of the database to be replaced, and repeat them on its successor."""
    keyring = Keyring(settings.keyring, settings.keys)
    named = {"hiroba_keyring": str(settings.keyring)}
    new = settings.model_copy(update={**named, "database_url": f"sqlite:///{part}"})
    cipher = open_cipher(new)
    try:
        if settings.database.exists():
            asyncio.run(_finish(settings))
        return asyncio.run(forget(part, cipher, keyring, Clock(settings.clock_start).now()))
    finally:
        keyring.close()


async def _finish(settings: Settings) -> None:
    try:
        cipher = open_cipher(settings)
        await finish(settings.database, cipher)
        cipher.keyring.close()
    except (Misconfigured, SealBroken, sqlite3.Error, StoreError):
        sys.stderr.write(
            f"{settings.database} cannot be read: whoever was erased in its last seconds may be "
            "in the backup still.\n"
        )


def _remove(path: Path, *endings: str) -> None:
    for ending in endings:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _usable(source: Path) -> None:
    if not source.is_file():
        raise Misconfigured([f"there is no {source}: name a file that `hiroba backup` wrote"])
    try:
        damage = visit.damage_of_backup(source)
    except sqlite3.DatabaseError as error:
        raise Misconfigured([f"{source} is no backup of Hiroba ({error})"]) from error
    if damage != visit.SOUND:
        raise Misconfigured([f"{source} is damaged: take another backup"])


def _asked(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _alone(path: Path) -> FileLock:
    """Return the file's lock, to be held while the file is changed."""
    lock = FileLock(path)
    try:
        with lock:
            pass
    except AlreadyRunning as error:
        raise Misconfigured([f"another process serves {path}: stop it first"]) from error
    return lock


def _existing() -> Settings:
    settings = checked(environment(), serving=False)
    if not settings.database.is_file():
        raise Misconfigured([f"there is no {settings.database}: start `hiroba serve` once"])
    return settings
