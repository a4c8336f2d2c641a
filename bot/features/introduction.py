"""Introduction: a first word or a picture, kept for the member and shown to the managers."""

from datetime import datetime
from functools import partial
from typing import Any

from bot import buttons, consent
from bot.context import Context
from bot.core import Core
from bot.errors import UserError
from bot.events import Content, MemberIntroduced, MessageReceived
from bot.feature import Feature
from bot.messages import Choices, Image, Part, Text
from bot.pictures import NotAPicture, redrawn
from bot.ports import Work
from bot.rules.answers import blank
from storage import answers, work
from storage.answers import IntroductionRow
from storage.store import Tx

feature = Feature("introduction")

LONGEST = 300
"""Characters of an introduction."""
AT_START = 100
"""Waiting introductions shown at one start; more wait for the next."""


@feature.word("introduce")
@feature.choice("begin")
async def begin(ctx: Context, _argument: str = "") -> None:
    """Wait for one message or one picture."""
    if not consent.given(ctx):
        consent.ask(ctx)
        return
    ctx.open(feature.name, {})
    ctx.reply(
        Text(ctx.text("introduction-begin", longest=str(LONGEST))),
        Choices((buttons.word(ctx, "cancel"),)),
    )


@feature.listen
async def listen(ctx: Context, event: MessageReceived) -> None:
    """Take the message, unless it is a word of its own or nothing that introduces anyone."""
    text = event.text.strip() if event.content is Content.TEXT else ""
    word = ctx.core.vocabulary.word(text) if text else None
    if word is not None:
        ctx.close()
        await word.handle(ctx)
    elif not consent.given(ctx):
        ctx.close()
        consent.ask(ctx)
    elif event.content is Content.IMAGE and event.attachment:
        await _picture(ctx, event)
    elif blank(text):
        raise UserError("introduction-not-that")
    elif len(text) > LONGEST:
        raise UserError("introduction-too-long", longest=str(LONGEST), length=str(len(text)))
    else:
        introduction_id = await _put(ctx, text)
        await ctx.emit(MemberIntroduced(member_id=ctx.member_id, introduction_id=introduction_id))
        _thank(ctx, "introduction-thanks")


@feature.job("introduction.picture")
async def picture(hands: Work, payload: dict[str, Any]) -> None:
    """Fetch, redraw and keep a picture, unless it was taken back or replaced meanwhile."""
    try:
        content = await redrawn(await hands.download(payload["platform"], payload["attachment"]))
    except NotAPicture:
        content = b""
    keep = partial(_keep, payload, content, hands.clock.now())
    await hands.store.write(keep)


@feature.wakeup("introduction.pictured")
async def pictured(ctx: Context, media_id: str) -> None:
    """Announce the introduction that has its picture now."""
    row = await ctx.tx.one(answers.INTRODUCTION_OF, member_id=ctx.member_id)
    if row is not None and row.media_id == media_id:
        await ctx.emit(MemberIntroduced(member_id=ctx.member_id, introduction_id=row.id))


@feature.wakeup("introduction.refused")
async def refused(ctx: Context, _media_id: str) -> None:
    """Say that what was sent could not be read as a picture."""
    again = Choices((buttons.word(ctx, "introduce"), buttons.menu(ctx)))
    ctx.reply(Text(ctx.text("introduction-no-picture")), again)


@feature.on(MemberIntroduced)
async def show(ctx: Context, event: MemberIntroduced) -> None:
    """Show an introduction in the managers' channel; without one it waits, unshown."""
    row = await ctx.tx.one(answers.INTRODUCTION, introduction_id=event.introduction_id)
    if row is None or ctx.core.channel("managers") is None:
        return
    # Of the event's own showing and the one a start asks for, one changes the row.
    if await ctx.tx.run(answers.SHOWN, introduction_id=row.id, now=ctx.now):
        await ctx.to_channel("managers", *_shown(ctx, row))


@feature.start
async def show_waiting(core: Core, tx: Tx) -> None:
    """Show what waited for a managers' channel, now that there is one."""
    if core.channel("managers") is None:
        return
    for row in await tx.all(answers.UNSHOWN, limit=AT_START):
        fields = {"member_id": row.member_id, "introduction_id": row.id}
        payload = {"event": "MemberIntroduced", "feature": feature.name, "fields": fields}
        await core.engine.enqueue(tx, "react", f"unshown/{row.id}", payload, core.clock.now())


async def _picture(ctx: Context, event: MessageReceived) -> None:
    """Keep a place for the picture; fetching it is work that waits for the world."""
    await _put(ctx, None)
    payload = {
        "member_id": ctx.member_id,
        "platform": ctx.address.platform,
        "attachment": event.attachment,
        "message_id": ctx.message_id,
        "media_id": ctx.tx.cipher.mac("media", ctx.source),
    }
    await ctx.enqueue("introduction.picture", ctx.source, payload)
    _thank(ctx, "introduction-picture")


async def _put(ctx: Context, text: str | None) -> int:
    """Store the member's introduction in place of an earlier one; return its number."""
    before = await ctx.tx.one(answers.INTRODUCTION_OF, member_id=ctx.member_id)
    if before is not None and before.media_id is not None:
        await ctx.tx.run(answers.DROP_MEDIA, id=before.media_id)
    own = ctx.tx.cipher.of(ctx.member_id)
    sealed = None if text is None else own.seal(text, f"introduction:{ctx.member_id}")
    introduction_id: int
    (introduction_id,) = await ctx.tx.all(
        answers.PUT_INTRODUCTION,
        member_id=ctx.member_id,
        text=sealed,
        media_id=None,
        at=ctx.occurred_at,
        message_id=ctx.message_id,
    )
    return introduction_id


async def _keep(payload: dict[str, Any], content: bytes, now: datetime, tx: Tx) -> None:
    """Attach a picture to the introduction that waits for it; b"" was none and is refused."""
    media_id, member_id = payload["media_id"], payload["member_id"]
    place = {"member_id": member_id, "message_id": payload["message_id"]}
    if not content:
        if await tx.one(answers.UNSAY_INTRODUCTION, **place) is not None:
            await _wake(tx, "introduction.refused", payload, now)
        return
    if await tx.one(answers.MEDIA, id=media_id) is not None:
        return
    if await tx.run(answers.ATTACH_PICTURE, **place, media_id=media_id):
        await tx.run(
            answers.ADD_MEDIA,
            id=media_id,
            member_id=member_id,
            content_type="image/jpeg",
            content=tx.cipher.of(member_id).seal(content, f"media:{media_id}"),
            now=now,
        )
        await _wake(tx, "introduction.pictured", payload, now)


async def _wake(tx: Tx, kind: str, payload: dict[str, Any], now: datetime) -> None:
    await tx.run(
        work.PUT_WAKEUP,
        kind=kind,
        ref=payload["media_id"],
        member_id=payload["member_id"],
        due=now,
    )


def _shown(ctx: Context, row: IntroductionRow) -> tuple[Part, ...]:
    name = ctx.nickname
    said = ctx.text("introduction-shown", named="yes" if name else "no", name=name)
    parts: list[Part] = [Text(said)]
    if row.text is not None:
        parts.append(Text(ctx.tx.cipher.text(row.text, f"introduction:{row.member_id}")))
    if row.media_id is not None:
        parts.append(Image(f"member/{row.media_id}.jpg", ctx.text("introduction-alt")))
    return tuple(parts)


def _thank(ctx: Context, key: str) -> None:
    ctx.close()
    ctx.reply(Text(ctx.text(key)), Choices((buttons.menu(ctx),)))
