"""Unsend: what a member takes back is taken out of what they told us."""

from bot import answering
from bot.context import Context
from bot.events import MessageUnsent
from bot.feature import Feature
from storage import answers

feature = Feature("unsend")


@feature.on(MessageUnsent)
async def unsay(ctx: Context, event: MessageUnsent) -> None:
    """Forget what one message brought; nothing is said, the record says that it happened."""
    # Answers that came by a button have no message.
    if not event.message_id:
        return
    await answering.unsay(ctx, event.message_id)
    gone = await ctx.tx.all(
        answers.UNSAY_INTRODUCTION, member_id=ctx.member_id, message_id=event.message_id
    )
    for row in gone:
        if row.media_id is not None:
            await ctx.tx.run(answers.DROP_MEDIA, id=row.media_id)
