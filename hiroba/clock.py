"""The one source of time, and the only place that asks the machine for it."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's time, or a time that was set and runs on from there (HIROBA_CLOCK)."""

    def __init__(self, start: datetime | None = None) -> None:
        self._offset = timedelta(0)
        if start is not None:
            self.set(start)

    @property
    def offset(self) -> timedelta:
        """How far this clock runs ahead of the machine's."""
        return self._offset

    def now(self) -> datetime:
        """Return the community's time, aware UTC."""
        return machine_now() + self._offset

    def monotonic(self) -> float:
        """Return seconds for measuring waits."""
        return time.monotonic()

    def set(self, instant: datetime) -> None:
        """Show `instant` (aware) from now on, running."""
        self._offset = instant.astimezone(UTC) - machine_now()


def machine_now() -> datetime:
    """Return the machine's own time, aware UTC: signature freshness is always judged by it."""
    return datetime.now(UTC)
