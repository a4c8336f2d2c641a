"""Pictures people send: checked, shrunk, and stripped of everything but what they show.

The rule it keeps: the bytes that were received are never shown to anyone. What is kept is drawn
anew from their pixels, so neither a place in EXIF nor a hidden file travels along.
"""

import asyncio
from io import BytesIO

from PIL import Image, ImageOps

LARGEST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000
"""Above this a picture is a decompression bomb for us; phones make up to 24 million, seldom 48."""
LONGEST_SIDE = 1280
QUALITY = 85
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")


class NotAPicture(ValueError):
    """The bytes are no picture of a kind and size we take."""


async def redrawn(data: bytes) -> bytes:
    """Return a received picture as a clean JPEG, its longest side at most LONGEST_SIDE pixels.

    Raises:
        NotAPicture: not JPEG, PNG, GIF or WebP, damaged, or too large.
    """
    return await asyncio.to_thread(_redraw, data)


def _redraw(data: bytes) -> bytes:
    if len(data) > LARGEST_BYTES:
        message = "too many bytes"
        raise NotAPicture(message)
    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as received:
            _bound(received)
            # A JPEG is decoded at a fraction of its size where that is enough.
            received.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            upright = ImageOps.exif_transpose(received)
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            return _encoded(upright)
    except (OSError, SyntaxError, EOFError, ValueError, *bombs) as error:
        message = f"no picture of ours: {type(error).__name__}"
        raise NotAPicture(message) from error


def _bound(picture: Image.Image) -> None:
    """Refuse by the header alone, before a pixel is decoded."""
    if picture.width * picture.height > MOST_PIXELS:
        message = "too many pixels"
        raise NotAPicture(message)


def _encoded(picture: Image.Image) -> bytes:
    """Draw onto white (JPEG knows no transparency) without any of the file's own notes."""
    layer = picture.convert("RGBA")
    clean = Image.new("RGB", layer.size, "white")
    clean.paste(layer, mask=layer)
    made = BytesIO()
    clean.save(made, "JPEG", quality=QUALITY)
    return made.getvalue()
