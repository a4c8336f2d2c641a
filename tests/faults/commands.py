"""Die-at-N-th inside commands: the first start with its migration, and putting a backup back."""

from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.die import FLOWS, said
from tests.faults.home import DIED, Home, Life
from tests.faults.rows import Rows, ledger
from tests.faults.steps import NEVER, DieAt

NOWHERE = "http://127.0.0.1:1"


@dataclass(slots=True)
class Commands:
    """A home, what a backup of it holds, and how many steps each command takes."""

    home: Home
    steps: dict[str, int] = field(default_factory=dict)
    today: Rows = field(default_factory=dict)
    yesterday: Rows = field(default_factory=dict)

    @property
    def _backup(self) -> Path:
        return self.home.folder / "backup.db"

    async def rehearse(self) -> None:
        """Make yesterday's backup and today's file, and count the steps of each command."""
        self.steps["start"] = await self._start(NEVER)
        async with self.home.simulator() as line:
            life = await Life(self.home, line.url).ready()
            await FLOWS["intake"](line)
            await life.stop()
            await self._run(("backup", str(self._backup)))
            life = await Life(self.home, line.url).ready()
            await FLOWS["survey"](line)
            await life.stop()
        self.home.keep("today")
        self.today = ledger(self.home.database, self.home.key)
        self.steps["restore"] = await self._restore(NEVER)
        self.yesterday = ledger(self.home.database, self.home.key)
        assert ("stop",) in self.yesterday["state"]

    async def die(self, name: str, last: int) -> list[str]:
        """Run a command with a death at its step `last`; return what was not as it should be."""
        try:
            if name == "start":
                return await self._die_in_start(last)
            return await self._die_in_restore(last)
        except (AssertionError, TimeoutError) as error:
            return [f"{type(error).__name__}: {error}"]

    async def _die_in_start(self, last: int) -> list[str]:
        await self._start(last)
        async with self.home.simulator() as line:
            life = await Life(self.home, line.url).ready()
            hanako = line.member("hanako")
            await said(hanako, hanako.follow())
            await life.kill()
        return [] if self.home.sound() == "ok" else ["damaged"]

    async def _die_in_restore(self, last: int) -> list[str]:
        self.home.bring("today")
        await self._restore(last)
        wrong = [] if self.home.sound() == "ok" else ["damaged"]
        found = ledger(self.home.database, self.home.key)
        if found not in (self.today, self.yesterday):
            wrong.append("neither today nor yesterday")
        await self._restore(NEVER)
        if ledger(self.home.database, self.home.key) != self.yesterday:
            wrong.append("the second try is not yesterday")
        return wrong

    async def _start(self, last: int) -> int:
        self.home.clear()
        track = self.home.folder / "steps.txt"
        life = Life(self.home, NOWHERE, DieAt(last, str(track), everywhere=True))
        if last == NEVER:
            await life.ready()
            await life.stop()
        else:
            assert await life.ended() == DIED
        return len(track.read_text().splitlines())

    async def _restore(self, last: int) -> int:
        track = self.home.folder / "steps.txt"
        harm = DieAt(last, str(track), everywhere=True)
        code = await self._run(("restore", str(self._backup), "--yes"), harm)
        assert code == (0 if last == NEVER else DIED), code
        return len(track.read_text().splitlines())

    async def _run(self, words: tuple[str, ...], harm: DieAt | None = None) -> int:
        return await Life(self.home, NOWHERE, harm, words).ended()
