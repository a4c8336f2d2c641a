"""The processes of a bench: the bot, the baseline, the bare handler, LINE, and the load."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil
from cryptography.fernet import Fernet

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "prompts" / "communities" / "sakura"
SECRET = "bench-channel-secret-0123456789ab"
TOKEN = "bench-access-token-0123456789"
PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Child:
    """A child process; its standard error goes to a file beside the databases."""

    command: list[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env={**os.environ, **self.env},
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)

    def read(self) -> str:
        """Return the next line it prints."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            message = f"{self.command} ended:\n{self.log.read_text(encoding='utf-8')[-2000:]}"
            raise RuntimeError(message)
        return line

    def ask(self, **order: object) -> dict[str, Any]:
        """Give an order and return its answer."""
        if self.process.stdin is None:
            raise RuntimeError(self.command)
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.read())
        return answer

    @property
    def cpu(self) -> float:
        """Seconds of processor time it has used."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def resident(self) -> float:
        """Resident memory in MB (10^6 bytes would flatter: 2^20)."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20


def module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"tests.bench.{name}", *arguments]


class Bot(Child):
    """A server under test. `port` is where it hears webhooks."""

    port: int = 0

    def wait_until(self, path: str, statuses: set[int]) -> None:
        """Wait until a GET of `path` is answered with one of `statuses`."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as response:
                    status = response.status
            except urllib.error.HTTPError as error:
                status = error.code
            except OSError:
                status = 0
            if status in statuses:
                return
            time.sleep(0.01)
        message = f"{self.command} did not answer"
        raise TimeoutError(message)

    def settled(self) -> bool:
        """Whether nothing that it was given is still to be done."""
        return True


class Hiroba(Bot):
    """Our server, as `hiroba serve` starts it, on a fresh database."""

    def __init__(self, folder: Path, line: str) -> None:
        self.port = free_port()
        self.database = folder / "hiroba.db"
        self.connection: sqlite3.Connection | None = None
        env = {
            "DATABASE_URL": f"sqlite:///{self.database}",
            "HIROBA_COMMUNITY": str(SAMPLE),
            "HIROBA_SECRET_KEYS": Fernet.generate_key().decode(),
            "LINE_CHANNEL_SECRET": SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": TOKEN,
            "LINE_API_BASE": line,
        }
        serve = [str(Path(sys.executable).parent / "hiroba"), "serve", "--port", str(self.port)]
        super().__init__(serve, folder / "hiroba.log", env)

    def settled(self) -> bool:
        """Whether every reply is SENT in the file (a reader beside the server sees it)."""
        self.connection = self.connection or sqlite3.connect(self.database)
        query = "SELECT 1 FROM outbox WHERE state = 'ready' AND way = 'reply' LIMIT 1"
        return self.connection.execute(query).fetchone() is None


class Naive(Bot):
    """The baseline of naive.py."""

    def __init__(self, folder: Path, line: str) -> None:
        self.port = free_port()
        given = ("--port", str(self.port), "--database", str(folder / "naive.db"))
        keys = ("--line", line, "--secret", SECRET, "--token", TOKEN)
        super().__init__(module("naive", *given, *keys), folder / "naive.log")


class Bare(Bot):
    """The handler of bare.py."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        command = module("bare", "--port", str(self.port), "--secret", SECRET)
        super().__init__(command, folder / "bare.log")


def line_process(folder: Path) -> Child:
    """Return LINE and its members, not yet started."""
    return Child(module("line"), folder / "line.log")


def load(
    bot: Bot, bodies: Path, connections: int, rate: float = 0
) -> list[tuple[float, float, int]]:
    """Run the load generator to its end; return (written, answered, status) of each request."""
    seen = bodies.with_suffix(".seen")
    order = {
        "port": bot.port,
        "bodies": str(bodies),
        "seen": str(seen),
        "connections": connections,
        "rate": rate,
    }
    subprocess.run(module("load"), input=json.dumps(order) + "\n", text=True, cwd=ROOT, check=True)
    rows = json.loads(seen.read_text(encoding="utf-8"))
    return [(began, ended, status) for began, ended, status in rows]
