"""A member's rights: see what is stored, have it erased, hear less (japan-rules.md J15, J39).

Erasing (`bot.erasure`) takes everything personal in one transaction, with the jobs and messages
that wait, and then the member's key, so that backups forget, too. What stays: numbers without a
name, and under a keyed hash what the account already had, so that coming back gives nothing a
second time. The next contact starts at consent.
"""

import asyncio
from datetime import timedelta
from typing import Any

from bot import buttons, disclosure, erasure
from bot.context import Context
from bot.errors import UserError
from bot.feature import Feature
from bot.messages import Choice, Choices, Text
from bot.ports import Work
from bot.roles import account_of, leaves_no_owner
from storage import members, personal, state
from storage.members import AccountState

feature = Feature("rights")


@feature.word("data", right=True)
async def show(ctx: Context) -> None:
    """Say in one line what is stored, with ways to see all of it, to correct and to erase it."""
    found = disclosure.summary(ctx, await disclosure.everything(ctx))
    text = ctx.text("data-summary", items=found) if found else ctx.text("data-little")
    ctx.reply(
        Text(text), Choices((Choice(ctx.text("data-all-button"), "rights:all:1"), *_next(ctx)))
    )


@feature.choice("all")
async def show_all(ctx: Context, argument: str) -> None:
    """Show one page of everything that is stored, and who was given any of it."""
    pages = disclosure.pages(ctx, await disclosure.everything(ctx))
    number = int(argument) if argument.isdecimal() else 1
    if not 1 <= number <= len(pages):
        raise UserError("choice-old")
    ctx.reply(Text(pages[number - 1]))
    if number < len(pages):
        more = Choice(ctx.text("data-more-button"), f"rights:all:{number + 1}")
        ctx.reply(Choices((more, *_next(ctx))))
        return
    receivers = ctx.core.community.purpose.receivers
    ctx.reply(Text(ctx.text("data-receivers", receivers=receivers)), Choices(_next(ctx)))


@feature.word("fewer", right=True)
async def fewer(ctx: Context) -> None:
    """Send the member no more news; it waits for their next word (J15)."""
    await ctx.tx.run(members.SET_MUTED, member_id=ctx.member_id, at=ctx.now)
    await ctx.record("muted")
    back = Choice(ctx.text("fewer-back-button"), "rights:more")
    ctx.reply(Text(ctx.text("fewer-done")), Choices((back,)))


@feature.choice("more")
async def more(ctx: Context, _: str) -> None:
    """Send news again as before."""
    await ctx.tx.run(members.SET_MUTED, member_id=ctx.member_id, at=None)
    await ctx.record("unmuted")
    ctx.reply(Text(ctx.text("fewer-undone")), Choices((buttons.menu(ctx),)))


@feature.word("delete", right=True)
async def ask(ctx: Context) -> None:
    """Say what would go, and ask once more."""
    choices = (
        Choice(ctx.text("erase-yes-button"), f"rights:erase:{ctx.member_id}"),
        Choice(ctx.text("erase-no-button"), "rights:keep"),
    )
    ctx.reply(Text(ctx.text("erase-ask")), Choices(choices))


@feature.choice("keep")
async def keep(ctx: Context, _: str) -> None:
    """Leave everything as it is."""
    ctx.reply(Text(ctx.text("erase-kept")), Choices((buttons.menu(ctx),)))


@feature.choice("erase")
async def erase(ctx: Context, argument: str) -> None:
    """Erase the member who was asked; `argument` is their number, which is never given again."""
    if argument != str(ctx.member_id):
        await _late(ctx)
        return
    accounts = await ctx.tx.all(members.ACCOUNTS_OF, member_id=ctx.member_id)
    if await leaves_no_owner(ctx, [account_of(row) for row in accounts]):
        raise UserError("erase-last-owner")
    await _forget(ctx)
    receipt = await ctx.tx.one(state.NEXT, name="deletions")
    ctx.reply(Text(ctx.text("erase-done", receipt=f"D-{receipt:04d}")))


@feature.wakeup(erasure.FORGET)
async def forget_who_left(ctx: Context, _: str) -> None:
    """Erase a member who is still gone everywhere; the last owner is kept, with the community."""
    accounts = await ctx.tx.all(members.ACCOUNTS_OF, member_id=ctx.member_id)
    left = ctx.now - timedelta(days=ctx.core.community.retention.left_days)
    if any(row.state is not AccountState.LEFT or row.changed_at > left for row in accounts):
        return
    if not await leaves_no_owner(ctx, [account_of(row) for row in accounts]):
        await _forget(ctx)


@feature.job(erasure.FORGET_KEY)
async def forget_key(hands: Work, payload: dict[str, Any]) -> None:
    """Destroy the key of a member who is erased, and list their accounts for old backups."""
    erased = erasure.load(payload)
    keyring = hands.store.cipher.keyring
    await asyncio.to_thread(keyring.forget, erased.member_id, erased.hashes, erased.at)


def _next(ctx: Context) -> tuple[Choice, Choice]:
    """Return what a member may want to do about what is stored."""
    correct = Choice(ctx.text("data-correct-button"), buttons.word(ctx, "correct").value)
    return correct, buttons.word(ctx, "delete")


async def _late(ctx: Context) -> None:
    """Answer an old button: whoever came back since is asked anew, the others stay forgotten.

    Raises:
        UserError: the member of today was not asked.
    """
    if ctx.member is None or ctx.member.joined_at != ctx.now:
        raise UserError("erase-again")
    # This very press made a member of someone who is erased already.
    await personal.erase(ctx.tx, ctx.member_id)
    ctx.tx.scrub()
    _leave_nothing_in_hand(ctx)
    ctx.reply(Text(ctx.text("erase-before")))


async def _forget(ctx: Context) -> None:
    """Erase the member, and let their key be destroyed once this is committed."""
    erased = await erasure.erase(ctx.tx, ctx.member_id, ctx.now)
    await ctx.enqueue(erasure.FORGET_KEY, str(erased.member_id), erased.dump())
    _leave_nothing_in_hand(ctx)


def _leave_nothing_in_hand(ctx: Context) -> None:
    """Hold nothing that would write a row of the member again."""
    ctx.member = None
    ctx.conversation = None
