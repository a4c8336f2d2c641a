"""Coupons: what a member holds, and for managers how many are left."""

from bot import buttons
from bot import coupons as giving
from bot.context import Context
from bot.core import Core
from bot.feature import Arguments, Feature
from bot.messages import Choices, Image, Part, Text
from bot.tables import Coupon
from storage import coupons
from storage.members import Role
from storage.store import Tx

feature = Feature("coupons")


@feature.start
async def stock(core: Core, tx: Tx) -> None:
    """Bring the stock of every coupon up to the community's file; given ones stay given."""
    await giving.sync(tx, core.community)


@feature.word("coupon")
@feature.choice("show")
async def show(ctx: Context, _argument: str = "") -> None:
    """Show every coupon the member holds, and remember that it was looked at."""
    defined = ctx.core.community.coupons
    held = await ctx.tx.all(coupons.ISSUES_OF, member_id=ctx.member_id)
    for row in held:
        if row.coupon not in defined:
            continue
        ctx.reply(*_card(ctx, defined[row.coupon]))
        if row.opened_at is None:
            await ctx.tx.run(
                coupons.OPENED, coupon=row.coupon, member_id=ctx.member_id, now=ctx.now
            )
            await ctx.record("coupon.opened", row.coupon)
    if not any(row.coupon in defined for row in held):
        ctx.reply(Text(ctx.text("coupon-none")))
    ctx.reply(Choices((buttons.menu(ctx),)))


@feature.command("coupon.status", role=Role.STAFF)
async def status(ctx: Context, _arguments: Arguments) -> None:
    """Say of every coupon how many there are, were given, are left, and were looked at."""
    defined = ctx.core.community.coupons
    lines = []
    for row in await ctx.tx.all(coupons.STOCK):
        if row.id not in defined:
            continue
        opened = await ctx.tx.one(coupons.COUNT_OPENED, coupon=row.id) or 0
        counts = {"stock": row.stock, "given": row.issued, "left": row.stock - row.issued}
        until = giving.last_day(ctx, defined[row.id])
        title = defined[row.id].title
        lines.append(ctx.text("coupon-status", title=title, until=until, opened=opened, **counts))
    ctx.reply(Text("\n".join(lines) or ctx.text("coupon-status-none")))


def _card(ctx: Context, coupon: Coupon) -> tuple[Part, ...]:
    over = giving.ended(ctx.core.community, coupon, ctx.now)
    said = ctx.text(
        "coupon-card",
        title=coupon.title,
        until=giving.last_day(ctx, coupon),
        code=coupon.code,
        ended="yes" if over else "no",
    )
    if not coupon.image or over:
        return (Text(said),)
    # The text says all that the picture shows: where there are none, nothing is missing.
    return Image(coupon.image, alt=""), Text(said)
