"""What goes wrong on the way to a platform, by script: in a fixed order or by seeded chance.

The two halves of a failure matter most: whether the platform had already done what it was
asked when the answer got lost. Only its judge knows, the bot cannot.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import assert_never

from aiohttp import web


class Harm(StrEnum):
    """What happens to a request."""

    NONE = "none"
    """Nothing (but the fault's delay): a step that lets a request pass in a fixed order."""
    REFUSE = "refuse"
    """Answered with the fault's status; nothing was done."""
    DROP = "drop"
    """The connection breaks; nothing was done."""
    REFUSE_DONE = "refuse_done"
    """Done, then answered with the fault's status."""
    DROP_DONE = "drop_done"
    """Done, then the connection breaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One line of a fault script.

    Without `times` and `chance` it hits every request. `delay` (seconds) comes before
    everything else; `path` is the beginning of the paths it is meant for.
    """

    harm: Harm
    status: int = 500
    delay: float = 0.0
    path: str = ""
    chance: float = 1.0
    """Share of the matching requests, 0 to 1. Chances of several lines add up."""
    times: int | None = None
    """How often it hits before it is used up; None: without end."""


class FaultScript:
    """Decides for each request which fault hits it: the first matching line that has hits left.

    One number is drawn per request, so a run with the same seed and the same order of
    requests repeats exactly.
    """

    def __init__(self, faults: Sequence[Fault], chance: Random) -> None:
        self._chance = chance
        self._open: list[tuple[Fault, int | None]] = [(fault, fault.times) for fault in faults]

    def draw(self, path: str) -> Fault | None:
        """Return the fault that hits a request to `path`, None when it passes."""
        drawn = self._chance.random()
        for index, (fault, left) in enumerate(self._open):
            if not path.startswith(fault.path) or left == 0:
                continue
            if drawn < fault.chance:
                if left is not None:
                    self._open[index] = (fault, left - 1)
                return fault
            drawn -= fault.chance
        return None


Answering = Callable[[], Awaitable[web.StreamResponse]]


async def suffer(
    fault: Fault, request: web.Request, proceed: Answering, refuse: Callable[[int], web.Response]
) -> web.StreamResponse:
    """Answer `request` under `fault`.

    Args:
        fault: what goes wrong.
        request: whose connection breaks.
        proceed: does what the request asks and makes the honest answer.
        refuse: makes the platform's error body for a status.
    """
    if fault.delay:
        await asyncio.sleep(fault.delay)
    match fault.harm:
        case Harm.NONE:
            return await proceed()
        case Harm.REFUSE:
            return refuse(fault.status)
        case Harm.DROP:
            return _broken(request)
        case Harm.REFUSE_DONE:
            await proceed()
            return refuse(fault.status)
        case Harm.DROP_DONE:
            await proceed()
            return _broken(request)
        case _:
            assert_never(fault.harm)


def _broken(request: web.Request) -> web.Response:
    """Break the connection; the response that is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)
