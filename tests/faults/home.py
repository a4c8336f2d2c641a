"""A bot to hurt: a community, its keys and its file in one folder, and lives that run on it.

A life is the very command `hiroba serve`, in a process forked from an interpreter that has
everything imported (so that 200 deaths cost seconds, not an hour) and told to stop only by
signals. The simulator and the judge stay in the process that kills.
"""

import asyncio
import multiprocessing
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.fernet import Fernet

from adapters.line.simulator.simulator import LineSimulator

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = "simulated-access-token"
SAKURA = Path(__file__).parents[2] / "prompts" / "communities" / "sakura"
REFUSED = 2
DIED = 137
NEVER_ENDED = -999

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "hiroba.serve",
        "hiroba.main",
        "adapters.line.channel",
        "adapters.line.adapter",
        "logging.config",
        "uvicorn.loops.auto",
        "uvicorn.protocols.http.auto",
        "linebot.v3.messaging",
        "tests.faults.steps",
        "tests.faults.home",
        "tests.faults.warm",
    ]
)

Harm = Callable[[], None]
"""Something done in the child before the command runs; a module's function, to be pickled."""


async def until(condition: Callable[[], bool], seconds: float, pause: float = 0.02) -> None:
    """Wait for something in another process, which has no event to wait for.

    Raises:
        TimeoutError: it did not come about.
    """
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  rows and exit codes cannot ring
            await asyncio.sleep(pause)


def free_port() -> int:
    """Return a port that nobody listens on now; lives of one home follow each other on it."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def user_id(name: str) -> str:
    """Return the LINE account of a simulated person."""
    return LineSimulator(secret=SECRET, token=TOKEN).person(name).user_id


@dataclass(slots=True)
class Home:
    """One bot's folder. `managers` is the LINE account that managers' posts go to."""

    folder: Path
    managers: str = ""
    stock: int = 200
    port: int = field(default_factory=free_port)
    key: str = field(default_factory=lambda: Fernet.generate_key().decode())
    more: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "hiroba.db"

    @property
    def keys(self) -> Path:
        """The file of members' own keys."""
        return self.folder / "hiroba.db.keys"

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"

    @property
    def community(self) -> Path:
        return self.folder / "community"

    @property
    def webhook(self) -> str:
        return f"http://127.0.0.1:{self.port}/line/webhook"

    def settle_in(self) -> Self:
        """Write the community: the sample, with managers on LINE and its stock as wanted."""
        shutil.copytree(SAKURA, self.community)
        path = self.community / "community.toml"
        text = path.read_text()
        text = text.replace("stock = 200", f"stock = {self.stock}")
        if self.managers:
            place = f'managers = ["line:{self.managers}"]'
            text = text.replace('managers = ["slack:C0MANAGERS", "terminal:#管理"]', place)
            text = text.replace(
                'manager = ["terminal:佐藤", "terminal:高橋"]',
                f'manager = ["line:{self.managers}"]',
            )
        path.write_text(text)
        return self

    def env(self, line: str) -> dict[str, str]:
        """Return the environment of a life whose LINE is at the address `line`."""
        return {
            "DATABASE_URL": f"sqlite:///{self.database}",
            "HIROBA_COMMUNITY": str(self.community),
            "HIROBA_SECRET_KEYS": self.key,
            "LINE_CHANNEL_SECRET": SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": TOKEN,
            "LINE_API_BASE": line,
            **self.more,
        }

    def simulator(self, **settings: object) -> LineSimulator:
        """Return LINE's other side for this bot; it repeats what nobody acknowledged."""
        again = {"redelivery": (0.05,) * 200, "answer_seconds": 5.0, **settings}
        line = LineSimulator(secret=SECRET, token=TOKEN, webhook=self.webhook, **again)  # type: ignore[arg-type]
        line.rates = {}
        return line

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another `hiroba` command on this home's file, as a person would in a shell."""
        return subprocess.run(
            [Path(sys.executable).with_name("hiroba"), *words],
            env={**os.environ, **self.env("http://127.0.0.1:1")},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def clear(self) -> None:
        """Forget everything: the database and the members' own keys."""
        for name in (self.database.name, self.keys.name):
            for end in ("", "-wal", "-shm"):
                (self.folder / f"{name}{end}").unlink(missing_ok=True)

    def keep(self, name: str) -> None:
        """Put a copy of a stopped bot's files aside."""
        for path in (self.database, self.keys):
            if path.exists():
                shutil.copyfile(path, self.folder / f"{path.name}.{name}")

    def bring(self, name: str) -> None:
        """Make the files what they were when they were put aside under `name`."""
        self.clear()
        for path in (self.database, self.keys):
            kept = self.folder / f"{path.name}.{name}"
            if kept.exists():
                shutil.copyfile(kept, path)

    def sound(self) -> str:
        """Return what `integrity_check` says of a copy of the file as a death left it."""
        copy = self.folder / "copy.db"
        for end in ("", "-wal"):
            source = self.database.with_name(self.database.name + end)
            target = copy.with_name(copy.name + end)
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copyfile(source, target)
        with closing(sqlite3.connect(copy)) as connection:
            return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


class Life:
    """One run of `hiroba serve`, from its fork to its death."""

    def __init__(
        self, home: Home, line: str, harm: Harm | None = None, words: tuple[str, ...] = ()
    ) -> None:
        """`words` replace `serve` by another command."""
        self.home = home
        words = words or ("serve", "--port", str(home.port))
        arguments = (home.env(line), words, str(home.log), harm)
        self.process = _FORKS.Process(target=_live, args=arguments, daemon=True)
        self.process.start()

    async def ready(self, seconds: float = 20.0) -> Self:
        """Return once it listens.

        Raises:
            TimeoutError: it does not listen in time, or has ended.
        """
        async with asyncio.timeout(seconds):
            while self.process.is_alive():
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.home.port)
                except OSError:
                    await asyncio.sleep(0.005)
                else:
                    writer.close()
                    return self
        message = f"ended with {self.process.exitcode}: {self.home.log.read_text()[-2000:]}"
        raise TimeoutError(message)

    async def ended(self, seconds: float = 20.0) -> int:
        """Wait for its end and return the exit code."""
        await until(lambda: self.process.exitcode is not None, seconds, 0.005)
        code = self.process.exitcode
        return code if code is not None else NEVER_ENDED

    async def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        await self.ended()

    async def stop(self) -> int:
        """SIGTERM, and wait."""
        self.process.terminate()
        return await self.ended()


def _live(env: dict[str, str], words: tuple[str, ...], log: str, harm: Harm | None) -> None:
    """Be `hiroba` with its output in a file; runs in the child."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.update(env)
    os.chdir(Path(log).parent)
    if harm is not None:
        harm()
    from hiroba.main import run  # noqa: PLC0415  already there: the interpreter was warmed

    sys.argv = ["hiroba", *words]
    run()
