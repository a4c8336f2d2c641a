"""What managers are told unasked: in their channel, once for each thing."""

from datetime import datetime
from uuid import uuid5

from bot.context import KEYS, lane_of
from bot.core import Core
from bot.messages import Message, Text
from bot.posting import Letter, post
from bot.rules.etiquette import Want
from storage.store import Tx


async def tell_managers(core: Core, tx: Tx, what: str, text: str, now: datetime) -> bool:
    """Post `text`; the same `what` is told once. False while no channel of theirs is reachable."""
    address = core.channel("managers")
    if address is None:
        return False
    # The key makes it once: the outbox refuses a second row with the same one.
    letter = Letter(
        key=uuid5(KEYS, what),
        address=address,
        lane=lane_of(tx, address),
        want=Want.PUSH_OK,
        member_id=None,
    )
    await post(core, tx, Message((Text(text),)), letter, now)
    return True
