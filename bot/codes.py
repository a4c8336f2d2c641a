"""One-time codes (XXXX-XXXX): one person makes a code, another sends it to the bot.

Only a keyed hash of a code is stored. A code works once and for ten minutes; whoever sent five
wrong ones in ten minutes is refused, with a right one too (ASVS 5.0 2.4.1: no guessing).
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from bot.context import Context
from bot.errors import UserError
from storage import activity, state
from storage.store import Tx

LIFE = timedelta(minutes=10)
MOST_WRONG = 5
WRONG = "code.wrong"
"""The kind of activity that counts wrong codes."""

_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 letters, 40 bits in a code; 0, 1, I and O are left out because people copy codes by hand."""
_PREFIX = "code:"


async def make(tx: Tx, purpose: str, data: dict[str, Any], now: datetime) -> str:
    """Return a new code for one `purpose`; `data` (JSON, nothing personal) waits for its taker."""
    code = "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(2))
    await _forget_old(tx, now)
    await tx.run(state.PUT, name=_name(tx, purpose, code), value=data, now=now)
    return code


async def take(ctx: Context, purpose: str, code: str) -> dict[str, Any] | None:
    """Use a code up and return its data; None when there is no such code for this purpose.

    Raises:
        UserError: too many wrong codes from this member; nothing was looked up.
    """
    wrong = await ctx.tx.one(
        activity.COUNT_SINCE, member_id=ctx.member_id, kind=WRONG, since=ctx.now - LIFE
    )
    if wrong is not None and wrong >= MOST_WRONG:
        raise UserError("code-locked")
    await _forget_old(ctx.tx, ctx.now)
    name = _name(ctx.tx, purpose, code)
    data: dict[str, Any] | None = await ctx.tx.one(state.GET, name=name)
    # The row count decides: of two who send one code at once, one finds it gone.
    if data is None or not await ctx.tx.run(state.DROP, name=name):
        await ctx.record(WRONG)
        return None
    return data


async def void(tx: Tx, now: datetime) -> None:
    """Make every open code worthless: whoever made one may have lost the right to."""
    await tx.run(state.DROP_OLDER, prefix=_PREFIX, before=now + timedelta(microseconds=1))


async def _forget_old(tx: Tx, now: datetime) -> None:
    await tx.run(state.DROP_OLDER, prefix=_PREFIX, before=now - LIFE)


def _name(tx: Tx, purpose: str, code: str) -> str:
    return _PREFIX + tx.cipher.mac("code", purpose, code)
