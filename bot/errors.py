"""The errors of Hiroba, and what each of them means to whoever catches it.

HirobaError
├── UserError           the member's (or manager's) input cannot be taken; worded in prompts/
├── Undeliverable       why a message did not leave; adapters raise nothing else from `send`
│   ├── RetryLater      try the same row again, not before `after`
│   ├── Unreachable     this recipient cannot be reached; `reason` is recorded
│   └── Rejected        the platform refuses this message for good; a bug or a limit of ours
├── Malformed           an inbound element that no platform of ours would send; quarantined
├── StoreDown           the store cannot commit now; doors answer 503 and nothing is lost
├── Busy                too much open work; doors answer 503 and the platform redelivers
├── HandlerWaited       a handler waited for the world inside a transaction; a bug
└── Misconfigured       the process must not start; carries every problem with its cure
"""

import traceback
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path


def raised_at(error: BaseException) -> str:
    """Return file:line where an error was raised: for logs, which never hold its text."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


class HirobaError(Exception):
    """Root of every error this project raises on purpose."""


class UserError(HirobaError):
    """Input that cannot be taken, with the copy key that says why and what to do next."""

    def __init__(self, key: str, **values: str | int) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


class Undeliverable(HirobaError):
    """Why a message did not leave."""


class RetryLater(Undeliverable):
    """The platform asks for patience, or its answer was lost; `after` is the least wait."""

    def __init__(self, after: timedelta, reason: str = "busy", *, ambiguous: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.reason = reason
        self.ambiguous = ambiguous
        """True when the try may have arrived (time-out, dropped connection, 5xx)."""


class Unreachable(Undeliverable):
    """The recipient cannot be reached; `reason` is one word (blocked, token_used, quota)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Rejected(Undeliverable):
    """The platform refuses the message itself (a 400): repeating it would not help."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Malformed(HirobaError):
    """An inbound element without the fields its platform promises; it goes to quarantine."""


class StoreDown(HirobaError):
    """The store cannot take or commit a transaction now."""


class Busy(HirobaError):
    """Open work is past its bound; the platform should redeliver."""


class HandlerWaited(HirobaError):
    """A handler awaited something other than the store: handlers never wait for the world."""


class Misconfigured(HirobaError):
    """The process refuses to start; `problems` lists every problem with its cure."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
