"""The emergency stop: nothing is pushed to members until a manager says so, replies go on.

What was held is never caught up by itself (japan-rules.md J16): the manager who ends the stop
sees how much waits, and sends it or drops it.
"""

from bot import broadcasts
from bot.context import Context
from bot.errors import UserError
from bot.feature import Arguments, Feature
from bot.messages import Choice, Choices, Text
from bot.posting import STOP
from storage import outbox, state
from storage.members import Role

feature = Feature("stop")

RESTORED = "restored"
"""The stop's reason after a backup was put back: nobody knows what had left by then."""


@feature.command("stop", role=Role.MANAGER)
async def stop(ctx: Context, _: Arguments) -> None:
    """Stop all pushes to members, and hold what was about to leave."""
    fresh = await ctx.tx.run(state.ADD, name=STOP, value={"reason": "manager"}, now=ctx.now)
    await ctx.tx.run(outbox.HOLD_PUSHES, reason="stopped")
    await broadcasts.halt(ctx.tx)
    if fresh:
        await ctx.record("stop")
        await ctx.audit("stop")
    held = await ctx.tx.one(outbox.COUNT_HELD) or 0
    ctx.reply(Text(ctx.text("stop-done" if fresh else "stop-already", held=held)))


@feature.command("resume", role=Role.MANAGER)
async def resume(ctx: Context, _: Arguments) -> None:
    """End the stop; when messages were held, ask first what becomes of them."""
    await _resume(ctx)


@feature.choice("send")
async def send(ctx: Context, argument: str) -> None:
    """End the stop and send what was held, each by today's hours, caps and budget."""
    if not await _as_shown(ctx, argument):
        return
    sent = await ctx.tx.run(outbox.RELEASE_HELD, now=ctx.now)
    await _lift(ctx)
    ctx.reply(Text(ctx.text("resume-sending", held=sent)))


@feature.choice("drop")
async def drop(ctx: Context, argument: str) -> None:
    """End the stop and drop what was held."""
    if not await _as_shown(ctx, argument):
        return
    dropped = await ctx.tx.run(outbox.DROP_HELD, reason="cancelled")
    await _lift(ctx)
    ctx.reply(Text(ctx.text("resume-dropped", held=dropped)))


async def _as_shown(ctx: Context, argument: str) -> bool:
    """Whether a manager decides about the number that was shown; if not, say how it stands.

    Raises:
        UserError: whoever presses may not decide this (any more).
    """
    if ctx.role.rank < Role.MANAGER.rank:
        raise UserError("refused-role")
    held = await ctx.tx.one(outbox.COUNT_HELD) or 0
    if await ctx.tx.one(state.GET, name=STOP) is not None and argument == str(held):
        return True
    await _resume(ctx)
    return False


async def _resume(ctx: Context) -> None:
    found = await ctx.tx.one(state.GET, name=STOP)
    if found is None:
        ctx.reply(Text(ctx.text("resume-nothing")))
        return
    if found.get("reason") == RESTORED:
        ctx.reply(Text(ctx.text("resume-restored")))
    held = await ctx.tx.one(outbox.COUNT_HELD) or 0
    if not held:
        await _lift(ctx)
        ctx.reply(Text(ctx.text("resume-done")))
        return
    ctx.reply(
        Text(ctx.text("resume-ask", held=held)),
        Choices(
            (
                Choice(ctx.text("resume-send"), f"stop:send:{held}"),
                Choice(ctx.text("resume-drop"), f"stop:drop:{held}"),
            )
        ),
    )


async def _lift(ctx: Context) -> None:
    await ctx.tx.run(state.DROP, name=STOP)
    await ctx.record("resume")
    await ctx.audit("resume")
