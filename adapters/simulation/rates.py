"""The two ways in which platforms count requests. Time is handed in and nothing here waits."""

from collections.abc import Callable


class TokenBucket:
    """`limit` requests at once, refilled evenly so that `limit` pass every `per` seconds."""

    def __init__(self, limit: int, per: float, seconds: Callable[[], float]) -> None:
        self._limit = limit
        self._refill = limit / per
        self._seconds = seconds
        self._level = float(limit)
        self._at = seconds()

    def take(self) -> float:
        """Return 0.0 and count one request, or the seconds until one would be let through."""
        now = self._seconds()
        self._level = min(self._limit, self._level + (now - self._at) * self._refill)
        self._at = now
        if self._level < 1.0:
            return (1.0 - self._level) / self._refill
        self._level -= 1.0
        return 0.0


class FixedWindow:
    """`limit` requests in each window of `per` seconds; the first request opens a window."""

    def __init__(self, limit: int, per: float, seconds: Callable[[], float]) -> None:
        self._limit = limit
        self._per = per
        self._seconds = seconds
        self._left = 0
        self._ends = seconds()

    def take(self) -> float:
        """Return 0.0 and count one request, or the seconds until the window ends."""
        now = self._seconds()
        if now >= self._ends:
            self._left, self._ends = self._limit, now + self._per
        if self._left == 0:
            return self._ends - now
        self._left -= 1
        return 0.0
