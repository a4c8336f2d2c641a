"""Buttons that more than one feature shows."""

from bot.commands import word_key
from bot.context import Context
from bot.messages import Choice


def menu(ctx: Context) -> Choice:
    """Return the way back to everything."""
    return Choice(ctx.text("word-menu"), "menu:show")


def word(ctx: Context, word_id: str) -> Choice:
    """Return a button that is the same as saying a member's word."""
    return Choice(ctx.text(word_key(word_id)), f"menu:word:{word_id}")
