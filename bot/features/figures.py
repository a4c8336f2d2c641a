"""How many members there are, with what each number counts, so that none is misread."""

from datetime import timedelta

from bot.context import Context
from bot.feature import Arguments, Feature
from bot.messages import Text
from bot.posting import month_of
from storage import activity, members, state
from storage.members import AccountState, Role

feature = Feature("figures")

WEEK = timedelta(days=7)
ACTIVE = timedelta(days=30)


@feature.command("members", role=Role.STAFF)
async def show(ctx: Context, _: Arguments) -> None:
    """Say how many there are, can be reached, left, joined, agreed and came back."""
    midnight = ctx.now.astimezone(ctx.core.community.zone).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    lines = [
        ctx.text("figures-members", count=await ctx.tx.one(members.COUNT_MEMBERS) or 0),
        *await _accounts(ctx),
        ctx.text(
            "figures-joined",
            today=await ctx.tx.one(members.COUNT_JOINED_SINCE, since=midnight) or 0,
            week=await ctx.tx.one(members.COUNT_JOINED_SINCE, since=ctx.now - WEEK) or 0,
        ),
        ctx.text("figures-consented", count=await ctx.tx.one(members.COUNT_CONSENTED) or 0),
        ctx.text(
            "figures-active",
            count=await ctx.tx.one(activity.COUNT_ACTIVE_SINCE, since=ctx.now - ACTIVE) or 0,
            days=ACTIVE.days,
        ),
        *await _counted(ctx),
    ]
    ctx.reply(Text("\n".join(lines)))


async def _accounts(ctx: Context) -> list[str]:
    """Return one line for each platform: who can be written to, and who left."""
    counts: dict[str, dict[AccountState, int]] = {}
    for row in await ctx.tx.all(members.COUNT_ACCOUNTS):
        counts.setdefault(row.platform, {})[row.state] = row.total
    return [
        ctx.text(
            "figures-platform",
            platform=platform,
            active=found.get(AccountState.ACTIVE, 0),
            left=found.get(AccountState.LEFT, 0),
        )
        for platform, found in counts.items()
    ]


async def _counted(ctx: Context) -> list[str]:
    """Return one line for each platform that counts messages, beside budget and plan."""
    policy = ctx.core.community.push.policy
    month = month_of(ctx.core, ctx.now)
    lines = []
    for name, adapter in ctx.core.adapters.items():
        if adapter.limits.push_counts:
            counted = await ctx.tx.one(state.COUNTED, platform=name, month=month) or 0
            lines.append(
                ctx.text(
                    "figures-counted",
                    platform=name,
                    counted=counted,
                    budget=_limit(ctx, policy.monthly_budget),
                    plan=_limit(ctx, policy.plan_limit),
                )
            )
    return lines


def _limit(ctx: Context, limit: int | None) -> str:
    return ctx.text("figures-no-limit" if limit is None else "figures-limit", limit=limit or 0)
