"""A canary person: a member whose every word is unmistakable, through a whole life with failures."""

import io
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

import bot.intake
from adapters.line.simulator.member import Member
from bot.context import Context
from bot.events import MessageReceived
from bot.features.small_talk import feature
from tests.faults.die import said

SURVEY = """
[survey]
id = "canary"
title = "すべての種類"
minutes = 1
offered = "menu"

[[question]]
id = "short"
kind = "short_text"
text = "短い文？"

[[question]]
id = "long"
kind = "long_text"
text = "長い文？"

[[question]]
id = "number"
kind = "number"
text = "数？"
high = 999999999

[[question]]
id = "day"
kind = "date"
text = "日？"

[[question]]
id = "nps"
kind = "nps"
text = "おすすめ度？"

[[question]]
id = "one"
kind = "single"
text = "ひとつ？"
tag = "種類"
options = [{ id = "canaryone", label = "カナリア一" }, { id = "other", label = "ほか" }]

[[question]]
id = "many"
kind = "multi"
text = "いくつ？"
tag = "複数"
options = [{ id = "canarymany", label = "カナリア多" }, { id = "other", label = "ほか" }]

[[question]]
id = "agree"
kind = "consent"
text = "よい？"
options = [{ id = "yes", label = "はい" }, { id = "no", label = "いいえ" }]
"""
"""Every kind of question there is."""
BOOM = "かなりあ-boom"
"""A text that the harmed life's handler breaks on."""


@dataclass(slots=True)
class Canary:
    """The person and everything of theirs that must not be found. `values` maps names to texts."""

    member: Member
    values: dict[str, str] = field(default_factory=dict)
    pictures: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values["LINE id"] = self.member.user_id

    def word(self, name: str) -> str:
        """Return a text of this person that nothing else in the world contains."""
        text = f"かなりあ{name}-{len(self.values):02}-q7x"
        self.values[name] = text
        return text

    async def say(self, name: str) -> None:
        await self.hear(self.member.said(self.word(name)))

    async def hear(self, *events: dict[str, object]) -> None:
        """Deliver events whose tokens and message ids must vanish too, and wait for the answer."""
        self._remember(*events)
        await said(self.member, self.member._webhook.post(list(events)))  # noqa: SLF001

    async def shout(self, *events: dict[str, object]) -> None:
        """Deliver events that nobody answers."""
        self._remember(*events)
        outcome = await self.member._webhook.post(list(events))  # noqa: SLF001
        assert outcome.taken

    def _remember(self, *events: dict[str, object]) -> None:
        for event in events:
            if "replyToken" in event:
                self.values[f"token {len(self.values)}"] = str(event["replyToken"])
            message = event.get("message")
            if isinstance(message, dict) and message["id"]:
                self.values[f"message {len(self.values)}"] = str(message["id"])

    async def join(self) -> None:
        """Follow, agree, and answer the first survey with a nickname."""
        member = self.member
        await self.hear(member.followed())
        await self.hear(member.tapped("同意してはじめる"))
        await self.say("nickname")
        for label in ("40代", "まつげ", "決定", "いま使っている"):
            await self.hear(member.tapped(label))

    async def answer(self) -> None:
        """Answer every kind of question there is."""
        member = self.member
        await self.hear(member.said("メニュー"))
        await self.hear(member.tapped("すべての種類"))
        await self.say("short")
        await self.say("long")
        self.values |= {"number": "918273645", "day": "1907-03-11"}
        await self.hear(member.said(self.values["number"]))
        await self.hear(member.picked(self.values["day"]))
        await self.hear(member.said("7"))
        self.values |= {"one": "canaryone", "tag": "カナリア一", "many": "canarymany"}
        await self.hear(member.tapped("カナリア一"))
        await self.hear(member.tapped("カナリア多"))
        await self.hear(member.tapped("決定"))
        await self.hear(member.tapped("はい"))

    async def introduce(self) -> None:
        """Write about oneself, then send a picture instead."""
        member = self.member
        await self.hear(member.tapped("自己紹介する"))
        await self.say("introduction")
        await self.hear(member.said("自己紹介する"))
        await self.hear(member.sent_image(self._picture()))

    def _picture(self) -> bytes:
        made = io.BytesIO()
        comment = self.word("exif").encode()
        Image.effect_noise((97, 61), 80).convert("RGB").save(made, "JPEG", comment=comment)
        self.pictures.append(made.getvalue()[-400:-100])
        return made.getvalue()

    async def fail(self) -> None:
        """Meet a broken handler, say things behind it, and do what nobody understands."""
        member = self.member
        self.values["boom"] = BOOM
        unknown = member.did("dance", dance={"note": self.word("unknown")})
        stale = {**member.said(self.word("stale")), "timestamp": 1_000_000_000_000}
        odd = member.did("message", message={"id": "", "type": "text", "text": self.word("odd")})
        broken = {**member.said(self.word("malformed")), "timestamp": "no time"}
        await self.shout(unknown)
        await self.shout(stale)
        await self.shout(odd)
        await self.shout(broken)
        await self.shout(member.said(BOOM))
        await self.shout(member.said(self.word("behind")))
        await member.next(20)

    async def leave(self) -> None:
        """Erase everything, with two taps."""
        await self.hear(self.member.said("消して"))
        await self.hear(self.member.tapped("消す"))
        assert "消しました" in self.member.inbox[-1].text


def break_on_boom() -> None:
    """Plant a handler that breaks, and quotes what it was given; runs in the child."""
    handle = feature.reactions[MessageReceived]

    async def broken(ctx: Context, event: MessageReceived) -> None:
        if event.text == BOOM:
            message = f"cannot take {event.text} of {ctx.address}"
            raise RuntimeError(message)
        await handle(ctx, event)

    reactions: Any = feature.reactions
    reactions[MessageReceived] = broken
    bot.intake.MOST_TRIES = 2
