"""The clock of a simulated platform: it runs like the machine's until somebody moves it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def standstill() -> float:
    """Tick of a clock that moves only when it is told to."""
    return 0.0


class Clock:
    """A settable clock with a wall side (`now`) and a side that never runs back (`seconds`).

    Args:
        start: the aware instant to start from; None starts at the machine's own time, because
            a bot refuses signed times that are far from its own.
        tick: monotonic seconds that drive the clock; `standstill` leaves it to `advance`.
    """

    def __init__(
        self, start: datetime | None = None, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._tick = tick
        self._begun = tick()
        self._advanced = 0.0
        if start is None:
            # The one place where a simulated platform learns the time of the real world.
            start = datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251
        self._origin = start

    def seconds(self) -> float:
        """Return monotonic seconds since the clock was made; setting it back does not lower it."""
        return self._tick() - self._begun + self._advanced

    def now(self) -> datetime:
        """Return the aware wall time."""
        return self._origin + timedelta(seconds=self.seconds())

    def advance(self, seconds: float) -> None:
        """Let `seconds` (0 or more) pass at once."""
        if seconds < 0:
            message = "time passes forwards; use `set` to move the wall time back"
            raise ValueError(message)
        self._advanced += seconds

    def set(self, instant: datetime) -> None:
        """Move the wall time to `instant`; moving forwards also lets that time pass."""
        ahead = (instant - self.now()).total_seconds()
        if ahead >= 0:
            self.advance(ahead)
        else:
            self._origin += timedelta(seconds=ahead)
