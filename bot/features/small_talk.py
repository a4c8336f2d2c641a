"""Small talk: the last rung, for whatever nothing else understands."""

from bot import answering, buttons
from bot.context import Context
from bot.events import Content, MessageReceived
from bot.feature import Feature
from bot.messages import Choices, Text

feature = Feature("small_talk")

KEYS = {
    Content.TEXT: "small-talk-text",
    Content.STICKER: "small-talk-sticker",
    Content.IMAGE: "small-talk-picture",
}


@feature.on(MessageReceived)
async def answer(ctx: Context, event: MessageReceived) -> None:
    """Answer kindly and promise nothing; offer to go on with a survey that is not finished."""
    text = ctx.text(KEYS.get(event.content, "small-talk-other"))
    left = await answering.unfinished(ctx)
    offers = [buttons.word(ctx, "continue")] if left else []
    ctx.reply(Text(text), Choices((*offers, buttons.menu(ctx))))
