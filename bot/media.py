"""Members' pictures, as `/media/member/` shows them."""

from storage import answers
from storage.store import Store


async def picture(store: Store, media_id: str) -> tuple[bytes, str] | None:
    """Return a picture's bytes and content type; None when there is none (any more)."""
    row = await store.read(lambda tx: tx.one(answers.MEDIA, id=media_id))
    if row is None:
        return None
    return store.cipher.open(row.content, f"media:{row.id}"), row.content_type
