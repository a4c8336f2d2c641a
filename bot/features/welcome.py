"""Welcome: the first word to whoever comes, and to whoever comes back."""

from bot import buttons, consent
from bot.context import Context
from bot.events import MemberJoined
from bot.feature import Feature
from bot.messages import Choices, Text

feature = Feature("welcome")


@feature.on(MemberJoined)
async def welcome(ctx: Context, event: MemberJoined) -> None:
    """Ask a newcomer for consent; greet a returning member without beginning anything again."""
    if not event.returning or not consent.given(ctx):
        consent.ask(ctx)
        return
    named = "yes" if ctx.nickname else "no"
    text = ctx.text("welcome-back", named=named, name=ctx.nickname)
    ctx.reply(Text(text), Choices((buttons.menu(ctx), buttons.word(ctx, "fewer"))))


@feature.choice("details")
async def details(ctx: Context, _argument: str) -> None:
    """Say what would be stored, who would get it, and how to erase it."""
    purpose = ctx.core.community.purpose
    text = ctx.text("welcome-details", stores=purpose.stores, receivers=purpose.receivers)
    ctx.reply(Text(text), Choices(consent.buttons(ctx)))


@feature.choice("later")
async def later(ctx: Context, _argument: str) -> None:
    """Leave the member in peace, and say how to begin."""
    offers = Choices((buttons.word(ctx, "continue"), buttons.menu(ctx)))
    ctx.reply(Text(ctx.text("welcome-later")), offers)
