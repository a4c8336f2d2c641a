"""The ladder: one event, exactly one handler, no priorities.

Seen keys stop at the inbox. Here: find or create the member · a pressed choice goes to the
feature named in it, always · commands · rights words · the open conversation · member words ·
the buttons shown last, typed · anything else.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.adapter import account_of
from bot.context import Context, lane_of
from bot.core import Core
from bot.errors import UserError
from bot.events import (
    Account,
    ChoiceSelected,
    Content,
    Event,
    FormSubmitted,
    MemberJoined,
    MemberLeft,
    MessageReceived,
    MessageUnsent,
    PlatformEvent,
    ReactionAdded,
    Unknown,
)
from bot.feature import Handler
from bot.messages import Choice, Text
from bot.rules.degrade import chosen
from bot.wire import verified
from storage import activity, answers, members, outbox
from storage.members import AccountState, MemberRow, Role
from storage.store import Tx

CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")
"""The shape of every one-time code."""


@dataclass(frozen=True, slots=True)
class Received:
    """An event with what the inbox knows of it."""

    event: PlatformEvent
    source: str
    received_at: datetime


async def handle(core: Core, tx: Tx, received: Received) -> None:
    """Carry one event to its handler.

    Raises:
        Exception: whatever a handler raises that is not a UserError: a bug, to be retried.
    """
    event = received.event
    if isinstance(event, Unknown) or not _concerns_us(event):
        return
    account = account_of(event.address)
    member = await _find(tx, account)
    if isinstance(event, MemberLeft):
        await _leave(core, tx, received, member)
        return
    ctx = await _context(core, tx, received, member)
    if member is None:
        ctx.member = await _create(ctx, account)
    elif member.state is not AccountState.ACTIVE or isinstance(event, MemberJoined):
        # Written for whoever is active too: a leave that comes later and is older is known by it.
        await _set_state(ctx, member, AccountState.ACTIVE)
    try:
        await _climb(ctx, event, first=member is None)
    except UserError as error:
        ctx.reply(Text(ctx.text(error.key, **error.values)))
    await ctx.finish()


def _concerns_us(event: Event) -> bool:
    """Talk among people in a group is theirs, unless it addresses the bot."""
    if event.address.account is None:
        return False
    if event.address.private:
        return True
    return isinstance(event, ChoiceSelected) or getattr(event, "mentioned", False)


async def _find(tx: Tx, account: Account) -> MemberRow | None:
    found: MemberRow | None = await tx.one(
        members.MEMBER_BY_ACCOUNT,
        platform=account.platform,
        realm=account.realm,
        user_id=account.user_id,
    )
    return found


async def _create(ctx: Context, account: Account) -> MemberRow:
    """First contact: a member with one account, and nothing known.

    Of an account that is known to have left later than this event, only that is kept: events
    may come in any order.
    """
    known = await members.account_hash(ctx.tx, (account.platform, account.realm, account.user_id))
    left = await ctx.tx.one(members.LEFT_SINCE, hash=known, at=ctx.occurred_at)
    state = AccountState.ACTIVE if left is None else AccountState.LEFT
    [member_id] = await ctx.tx.all(members.ADD_MEMBER, now=ctx.now)
    [account_id] = await ctx.tx.all(
        members.ADD_ACCOUNT,
        member_id=member_id,
        platform=account.platform,
        realm=account.realm,
        user_id=account.user_id,
        conversation=ctx.address.conversation,
        state=state,
        at=ctx.occurred_at,
    )
    return MemberRow(member_id, None, ctx.now, None, None, account_id, state, ctx.occurred_at)


async def _set_state(ctx: Context, member: MemberRow, state: AccountState) -> bool:
    """Set whether the account can be reached; False when something newer is known."""
    changed = await ctx.tx.run(
        members.SET_ACCOUNT_STATE, account_id=member.account_id, state=state, at=ctx.occurred_at
    )
    return changed > 0


async def _context(core: Core, tx: Tx, received: Received, member: MemberRow | None) -> Context:
    event = received.event
    account = account_of(event.address)
    lane = lane_of(tx, event.address)
    seconds = core.adapters[event.address.platform].limits.reply_seconds
    role = await tx.one(
        members.ROLE_OF,
        platform=account.platform,
        realm=account.realm,
        user_id=account.user_id,
    )
    return Context(
        core=core,
        tx=tx,
        now=core.clock.now(),
        source=received.source,
        address=event.address,
        lane=lane,
        member=member,
        role=role or core.community.role_of(account) or Role.MEMBER,
        reply_until=received.received_at + timedelta(seconds=seconds) if seconds else None,
        occurred_at=event.occurred_at,
        message_id=event.message_id if isinstance(event, MessageReceived) else "",
        conversation=await tx.one(answers.CONVERSATION, lane=lane),
    )


async def _leave(core: Core, tx: Tx, received: Received, member: MemberRow | None) -> None:
    """Stop everything that would be sent; what was told stays until retention or erasure."""
    account = account_of(received.event.address)
    if member is None:
        known = await members.account_hash(tx, (account.platform, account.realm, account.user_id))
        await tx.run(members.PUT_LEFT, hash=known, at=received.event.occurred_at)
        return
    ctx = await _context(core, tx, received, member)
    if not await _set_state(ctx, member, AccountState.LEFT):
        return
    await tx.run(outbox.DROP_OF_MEMBER_PUSHES, member_id=member.id)
    await ctx.record("left")
    react = core.registry.platform.get(MemberLeft)
    if react is not None:
        await react(ctx, received.event)
    await ctx.finish()


async def _climb(ctx: Context, event: PlatformEvent, *, first: bool) -> None:
    match event:
        case MessageReceived():
            await _record(ctx, "message" if event.content is Content.TEXT else event.content.value)
            await _message(ctx, event, first=first)
        case ChoiceSelected():
            await _record(ctx, "choice")
            await _choice(ctx, event)
        case MemberJoined():
            await _record(ctx, "returned" if not first else "joined")
            await ctx.core.registry.platform[MemberJoined](ctx, replace(event, returning=not first))
        case FormSubmitted() | ReactionAdded() | MessageUnsent():
            await _record(ctx, type(event).__name__)
            react = ctx.core.registry.platform.get(type(event))
            if react is not None:
                await react(ctx, event)
        case MemberLeft() | Unknown():
            return


async def _record(ctx: Context, kind: str) -> None:
    await ctx.tx.run(
        activity.RECORD, member_id=ctx.member_id, kind=kind, subject="", at=ctx.occurred_at
    )


async def _message(ctx: Context, event: MessageReceived, *, first: bool) -> None:
    text = event.text if event.content is Content.TEXT else ""
    word = ctx.core.vocabulary.word(text) if text else None
    if text and await _managers_word(ctx, text, known=word is not None):
        return
    if first:
        await ctx.core.registry.platform[MemberJoined](ctx, _as_joined(event))
    elif word is not None and word.right:
        await word.handle(ctx)
    elif (listener := _listener(ctx)) is not None:
        if not await _typed_choice(ctx, text, elsewhere=True):
            await listener(ctx, event)
    elif word is not None:
        await word.handle(ctx)
    elif not await _typed_choice(ctx, text):
        await ctx.core.registry.platform[MessageReceived](ctx, event)


async def _managers_word(ctx: Context, text: str, *, known: bool) -> bool:
    """Take commands and one-time codes; a bare word that members have, too, is theirs."""
    called = ctx.core.vocabulary.command(text)
    if called is None or (known and not called.explicit):
        return await _code(ctx, text)
    if ctx.role.rank < called.command.role.rank:
        known = ctx.role is not Role.MEMBER
        raise UserError("refused-role", needs=called.command.role.value if known else "")
    await called.command.handle(ctx, called.arguments)
    return True


def _listener(ctx: Context) -> Handler | None:
    """Return who listens to this conversation."""
    listening = ctx.core.registry.features.get(ctx.conversation.feature if ctx.conversation else "")
    return listening.listener if listening else None


async def _code(ctx: Context, text: str) -> bool:
    """Offer a text of the shape of a one-time code to whoever hands such codes out."""
    if not CODE.fullmatch(text.strip().upper()):
        return False
    for take in ctx.core.registry.codes:
        if await take(ctx, text.strip().upper()):
            return True
    return False


def _as_joined(event: MessageReceived) -> MemberJoined:
    """A friend from before the bot: the first contact is a welcome, whatever was said."""
    return MemberJoined(key=event.key, address=event.address, occurred_at=event.occurred_at)


async def _typed_choice(ctx: Context, text: str, *, elsewhere: bool = False) -> bool:
    """Take a typed number or label as a press of the button shown last.

    `elsewhere`: only where those buttons are not of the feature that listens, which reads its
    own better (a yes to an erasure must not become a nickname).
    """
    if not text or ctx.conversation is None:
        return False
    own = f"{ctx.conversation.feature}:"
    if elsewhere and any(value.startswith(own) for _, value in ctx.conversation.offered):
        return False
    options = tuple(Choice(label, value) for label, value in ctx.conversation.offered)
    found = chosen(text, options)
    if found is None:
        return False
    await _press(ctx, found.value)
    return True


async def _choice(ctx: Context, event: ChoiceSelected) -> None:
    value = verified(ctx.tx.cipher, event.value, ctx.account)
    if value is None:
        raise UserError("choice-old")
    await _press(ctx, value, event.picked)


async def _press(ctx: Context, value: str, picked: str = "") -> None:
    """Carry a choice `feature:verb:argument` to its feature; what no longer exists is answered."""
    name, _, rest = value.partition(":")
    verb, _, argument = rest.partition(":")
    feature = ctx.core.registry.features.get(name)
    handle_choice = feature.choices.get(verb) if feature else None
    if handle_choice is None:
        raise UserError("choice-old")
    await handle_choice(ctx, f"{argument}={picked}" if picked else argument)
