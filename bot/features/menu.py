"""Menu: everything there is, in one place; and the word that ends whatever is open."""

from collections.abc import Iterator

from bot import answering, buttons
from bot.context import Context
from bot.errors import UserError
from bot.feature import Feature
from bot.messages import Choice, Choices, Text
from bot.surveys import Offered, Survey

feature = Feature("menu")

USUAL = ("continue", "correct", "coupon", "introduce", "data", "fewer", "delete")
"""The words a menu offers when the community names none."""


@feature.word("menu")
@feature.choice("show")
async def show(ctx: Context, _argument: str = "") -> None:
    """Show the menu. It ends an open conversation: what is typed next is meant for the menu."""
    if ctx.conversation is not None and ctx.conversation.feature:
        ctx.close()
    left = await answering.unfinished(ctx)
    text = ctx.text("menu", community=ctx.core.community.name)
    ctx.reply(Text(text), Choices(tuple(_offers(ctx, left))))


@feature.choice("word")
async def word(ctx: Context, word_id: str) -> None:
    """Do what a member's word does."""
    for each in (word for found in ctx.core.registry.features.values() for word in found.words):
        if each.id == word_id:
            await each.handle(ctx)
            return
    raise UserError("choice-old")


@feature.word("cancel", right=True)
async def cancel(ctx: Context) -> None:
    """End the open conversation; its feature's own goodbye is the copy entry `cancel-<feature>`."""
    listening = ctx.conversation.feature if ctx.conversation else ""
    key = f"cancel-{listening}" if listening else "cancel-nothing"
    text = ctx.text(key if ctx.core.copy.has(key) else "cancel-done")
    ctx.close()
    left = await answering.unfinished(ctx)
    offers = [buttons.word(ctx, "continue")] if left else []
    ctx.reply(Text(text), Choices((*offers, buttons.menu(ctx))))


def _offers(ctx: Context, left: Survey | None) -> Iterator[Choice]:
    """Yield the words of the menu, then its surveys; going on only where something is left."""
    for word_id in ctx.core.community.menu.items or USUAL:
        if word_id != "continue" or left is not None:
            yield buttons.word(ctx, word_id)
    for survey in ctx.core.community.surveys:
        if survey.offered is Offered.MENU:
            yield Choice(survey.form.title, f"survey:begin:{survey.form.id}")
