"""What a month's plan still allows, asked before each chunk and never promised twice.

LINE's own number lags behind, and others may send from its console; ours knows nothing of them.
The larger of the two is what is spent. While a chunk is on its way nobody knows which of them has
it already, so near the limit the next chunk waits until the one before it is told.
"""

import asyncio

from bot.adapter import Adapter, Metered, Quota
from bot.core import Core
from bot.errors import RetryLater
from bot.posting import month_of
from storage import state
from storage.store import Store


class Gate:
    """One platform's month."""

    def __init__(self, core: Core, store: Store, adapter: Adapter) -> None:
        self.core, self.store, self.adapter = core, store, adapter
        self._taken = 0
        self._given_back = 0
        self._told = asyncio.Condition()

    async def take(self, wanted: int) -> int:
        """Return how many of `wanted` may be sent now; give them back once they are recorded.

        Raises:
            RetryLater, Unreachable, Rejected: the platform does not say how its month stands.
        """
        while True:
            before = self._given_back
            left = await self._left()
            # What was given back while we asked may be missing in the answer.
            out = self._taken - before
            granted = wanted if left is None else min(wanted, left - out)
            if granted == wanted or not out:
                self._taken += max(0, granted)
                return max(0, granted)
            async with self._told:
                while self._given_back == before:
                    await self._told.wait()

    async def give_back(self, granted: int) -> None:
        """Say that a chunk is sent and recorded, or was not sent."""
        if granted:
            async with self._told:
                self._given_back += granted
                self._told.notify_all()

    async def _left(self) -> int | None:
        """Return what is left of the month; None when there is no limit."""
        if not self.adapter.limits.push_counts:
            return None
        used, limits = 0, [self.core.community.push.policy.plan_limit]
        if isinstance(self.adapter, Metered):
            quota = await self._ask(self.adapter)
            used, limits = quota.used, [*limits, quota.limit]
        stated = [limit for limit in limits if limit is not None]
        if not stated:
            return None
        month = month_of(self.core, self.core.clock.now())
        counted = await self.store.read(
            lambda tx: tx.one(state.COUNTED, platform=self.adapter.name, month=month)
        )
        return min(stated) - max(used, counted or 0)

    @staticmethod
    async def _ask(adapter: Metered) -> Quota:
        """Ask; a question whose answer was lost has sent nothing to anybody."""
        try:
            return await adapter.quota()
        except RetryLater as error:
            raise RetryLater(error.after, error.reason) from error
