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
BULK_SHARE = 0.8
"""What broadcasts may take of a rate; answers to people keep the rest."""
BURST_SECONDS = 0.2
"""How far a token may run ahead of its rate."""
LONGEST_WAIT = timedelta(minutes=1)
"""A row further in the future than this is a clock that was set back, not a platform's wish."""


class Permits:
    """Permits of one platform token.

    Those of a bulk lane are `within` the token's own: they keep to their share of the rate, and
    what they leave is there for whoever answers a person.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        token: str,
        per_second: int,
        within: "Permits | None" = None,
    ) -> None:
        self.store, self.clock, self.token = store, clock, token
        self.per_second, self.within = per_second, within
        self.batch = max(1, int(per_second * BATCH_SECONDS))
        self._left = 0
        self._reserving = asyncio.Lock()

    async def take(self) -> None:
        """Return when one send may leave; waits where the rate is used up."""
        if self.within is not None:
            await self.within.take()
        if not self.per_second:
            return
        while self._left == 0:
            async with self._reserving:
                if self._left == 0:
                    await asyncio.sleep(await self.store.write(self._reserve))
                    self._left = self.batch
        self._left -= 1

    async def _reserve(self, tx: Tx) -> float:
        """Move the token's theoretical arrival time on by one batch; return the seconds to wait."""
        now, latest = self._micros(timedelta(0)), self._micros(LONGEST_WAIT)
        cost = int(self.batch * 1e6 / self.per_second)
        [tat] = await tx.all(
            state.RESERVE_PERMITS, token=self.token, now=now, latest=latest, cost=cost
        )
        return max(0.0, float(tat - cost - now) / 1e6 - BURST_SECONDS)

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
