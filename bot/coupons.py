"""Coupons: given once, never more than there are."""

from datetime import datetime
from enum import StrEnum

from bot.community import Community
from bot.context import Context
from bot.tables import Coupon
from storage import coupons, members
from storage.members import account_hash
from storage.store import Tx


class Issue(StrEnum):
    """What became of giving a coupon; everything but ISSUED is the reason why not."""

    ISSUED = "issued"
    ALREADY = "already"
    """The member has it, or had it before they had everything erased."""
    SOLD_OUT = "sold_out"
    ENDED = "ended"


async def issue(ctx: Context, coupon_id: str) -> Issue:
    """Give the member a coupon that the community defines, if they may have it and one is left."""
    if await _had(ctx, coupon_id):
        return Issue.ALREADY
    if ended(ctx.core.community, ctx.core.community.coupons[coupon_id], ctx.now):
        return Issue.ENDED
    # The condition is in the statement: of two takers of the last one, one changes no row.
    if not await ctx.tx.run(coupons.TAKE, coupon=coupon_id):
        return Issue.SOLD_OUT
    await ctx.tx.run(coupons.ADD_ISSUE, coupon=coupon_id, member_id=ctx.member_id, now=ctx.now)
    await ctx.record("coupon.issued", coupon_id)
    return Issue.ISSUED


def once_flag(coupon_id: str) -> str:
    """Return the flag under which an erased account stays known to have had a coupon."""
    return f"coupon:{coupon_id}"


def ended(community: Community, coupon: Coupon, now: datetime) -> bool:
    """Tell whether a coupon's last day, in the community's time zone, is over."""
    return now.astimezone(community.zone).date() > coupon.valid_until


def last_day(ctx: Context, coupon: Coupon) -> str:
    """Return a coupon's last day as people write it."""
    day = coupon.valid_until
    return ctx.text("coupon-day", year=str(day.year), month=str(day.month), day=str(day.day))


async def sync(tx: Tx, community: Community) -> None:
    """Give every defined coupon its stock row; at start, before anything is handled."""
    for coupon_id, coupon in community.coupons.items():
        await tx.run(coupons.PUT_STOCK, coupon=coupon_id, stock=coupon.stock)


async def _had(ctx: Context, coupon_id: str) -> bool:
    held = await ctx.tx.all(coupons.ISSUES_OF, member_id=ctx.member_id)
    if any(row.coupon == coupon_id for row in held):
        return True
    for row in await ctx.tx.all(members.ACCOUNTS_OF, member_id=ctx.member_id):
        known = await account_hash(ctx.tx, (row.platform, row.realm, row.user_id))
        flag = once_flag(coupon_id)
        if await ctx.tx.one(members.HAD_ONCE, hash=known, flag=flag) is not None:
            return True
    return False
