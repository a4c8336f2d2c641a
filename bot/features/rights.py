"""A member's rights: see what is stored, have it erased, hear less (japan-rules.md J15, J39).

Erasing takes everything personal in one transaction, with the jobs and messages that wait. What
stays: numbers without a name, and under a keyed hash what the account already had, so that
coming back gives nothing a second time. The next contact starts at consent.
"""

from dataclasses import asdict
from datetime import timedelta
from typing import Final

from bot import buttons, disclosure
from bot.context import Context, lane_of
from bot.coupons import once_flag
from bot.errors import UserError
from bot.events import Address, MemberLeft
from bot.feature import Feature
from bot.messages import Choice, Choices, Text
from bot.roles import account_of, leaves_no_owner
from storage import activity, coupons, inbox, members, outbox, personal, state
from storage.members import AccountRow, AccountState

feature = Feature("rights")

RETENTION: Final = timedelta(days=365)
"""How long what a member told us is kept after they left everywhere."""
FORGET: Final = "member.forget"


@feature.word("data", right=True)
async def show(ctx: Context) -> None:
    """Say in one line what is stored, with ways to see all of it, to correct and to erase it."""
    found = disclosure.summary(ctx, await personal.export(ctx.tx, ctx.member_id))
    text = ctx.text("data-summary", items=found) if found else ctx.text("data-little")
    ctx.reply(
        Text(text), Choices((Choice(ctx.text("data-all-button"), "rights:all:1"), *_next(ctx)))
    )


@feature.choice("all")
async def show_all(ctx: Context, argument: str) -> None:
    """Show one page of everything that is stored, and who was given any of it."""
    pages = disclosure.pages(ctx, await personal.export(ctx.tx, ctx.member_id))
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
    await _forget(ctx, accounts)
    receipt = await ctx.tx.one(state.NEXT, name="deletions")
    ctx.reply(Text(ctx.text("erase-done", receipt=f"D-{receipt:04d}")))


@feature.on(MemberLeft)
async def start_retention(ctx: Context, event: MemberLeft) -> None:
    """Start the clock when an account is left; coming back is seen when it rings (J18)."""
    await ctx.wake(FORGET, str(ctx.member_id), event.occurred_at + RETENTION)


@feature.wakeup(FORGET)
async def forget_who_left(ctx: Context, _: str) -> None:
    """Erase a member who is gone everywhere; the last owner is kept, with the community."""
    accounts = await ctx.tx.all(members.ACCOUNTS_OF, member_id=ctx.member_id)
    if any(row.state is not AccountState.LEFT for row in accounts):
        return
    if not await leaves_no_owner(ctx, [account_of(row) for row in accounts]):
        await _forget(ctx, accounts)


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
    await _erase(ctx)
    ctx.reply(Text(ctx.text("erase-before")))


async def _forget(ctx: Context, accounts: list[AccountRow]) -> None:
    """Erase the member, their roles and everything that waits for them."""
    await _remember_what_they_had(ctx, accounts)
    await ctx.tx.run(outbox.FORGET_OF_MEMBER, member_id=ctx.member_id)
    await ctx.tx.run(outbox.FORGET_ABOUT, member_id=ctx.member_id)
    for row in accounts:
        await ctx.tx.run(members.DROP_ROLE, **asdict(account_of(row)))
        lane = lane_of(ctx.tx, Address(row.platform, None, row.conversation))
        await ctx.tx.run(inbox.FORGET_OF_LANE, lane=lane)
    await _erase(ctx)
    await ctx.tx.run(activity.RECORD, member_id=None, kind="erased", subject="", at=ctx.occurred_at)


async def _remember_what_they_had(ctx: Context, accounts: list[AccountRow]) -> None:
    """Put the once-flags of the member under the hash of each account, before the names go."""
    hashes = [
        await members.account_hash(ctx.tx, (row.platform, row.realm, row.user_id))
        for row in accounts
    ]
    issues = await ctx.tx.all(coupons.ISSUES_OF, member_id=ctx.member_id)
    flags = {once_flag(issue.coupon) for issue in issues}
    for known in hashes:
        flags.update(await ctx.tx.all(members.FLAGS_OF, hash=known))
    for known in hashes:
        for flag in sorted(flags):
            await ctx.tx.run(members.ADD_ONCE, hash=known, flag=flag, now=ctx.now)


async def _erase(ctx: Context) -> None:
    """Erase the member's rows, and leave nothing in hand that would write one again."""
    await personal.erase(ctx.tx, ctx.member_id)
    ctx.tx.scrub()
    ctx.member = None
    ctx.conversation = None
