"""A platform's rate limit as one row that all workers share (GCRA, reserved in batches).

One UPDATE reserves the permits of a tenth of a second; the batch is then spent from memory,
so that a limit of 2,000 a second costs ten small writes and not two thousand.
"""

import asyncio
from datetime import timedelta

from bot.ports import Clock
from storage import state
from storage.store import Store, Tx

BATCH_SECONDS = 0.1
BURST_SECONDS = 0.2
"""How far a token may run ahead of its rate."""
LONGEST_WAIT = timedelta(minutes=1)
"""A row further in the future than this is a clock that was set back, not a platform's wish."""


class Permits:
    """Permits of one platform token."""

    def __init__(self, store: Store, clock: Clock, token: str, per_second: int) -> None:
        self.store, self.clock, self.token = store, clock, token
        self.per_second = per_second
        self.batch = max(1, int(per_second * BATCH_SECONDS))
        self._left = 0
        self._reserving = asyncio.Lock()

    async def take(self) -> None:
        """Return when one send may leave; waits where the rate is used up."""
        if not self.per_second:
            return
        while self._left == 0:
            async with self._reserving:
                if self._left == 0:
                    wait = await self.store.write(self._reserve)
                    await asyncio.sleep(wait)
        self._left -= 1

    async def _reserve(self, tx: Tx) -> float:
        """Move the token's theoretical arrival time on by one batch; return the seconds to wait."""
        micros = self._micros(timedelta(0))
        await tx.run(state.OPEN_PERMIT, token=self.token, tat=micros)
        [tat] = await tx.all(state.PERMIT, token=self.token)
        began = min(max(tat, micros), self._micros(LONGEST_WAIT))
        cost = int(self.batch * 1e6 / self.per_second)
        await tx.one(state.MOVE_PERMIT, token=self.token, tat=began + cost)
        self._left = self.batch
        return max(0.0, float(began - micros) / 1e6 - BURST_SECONDS)

    def _micros(self, ahead: timedelta) -> int:
        """Return the machine's time (a shown time may jump), so much ahead, in microseconds."""
        return int((self.clock.now() - self.clock.offset + ahead).timestamp() * 1e6)

    async def pause(self, seconds: timedelta) -> None:
        """Let every worker wait: the platform said so."""
        until = self._micros(min(seconds, LONGEST_WAIT))
        self._left = 0

        async def move(tx: Tx) -> None:
            await tx.run(state.OPEN_PERMIT, token=self.token, tat=until)
            await tx.one(state.MOVE_PERMIT, token=self.token, tat=until)

        await self.store.write(move)
