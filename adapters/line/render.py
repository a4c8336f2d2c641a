"""From fitted messages to LINE's message objects: pure, and plain dicts only.

Plain because the SDK's models drop fields that they were not given as models. Text always
goes out as type `text`, never `textV2`, where braces in a member's name would be markup.
"""

from collections.abc import Callable, Iterator
from typing import Any, assert_never

import regex

from bot.adapter import Signer
from bot.messages import (
    Card,
    Choice,
    Choices,
    Form,
    Image,
    Limits,
    Link,
    Message,
    Part,
    Picks,
    Text,
    Unit,
)

LIMITS = Limits(
    parts=5,
    text=5_000,
    text_unit=Unit.UTF16,
    choices=13,
    label=20,
    label_unit=Unit.GRAPHEMES,
    images=True,
    forms=False,
    dates=True,
    # LINE promises a minute; the rest is for the way there.
    reply_seconds=50,
    push_counts=True,
    one_time_key=True,
    sends_per_second=2_000,
    recipients=500,
    multicasts_per_second=200,
)
DISPLAY_TEXT = 300
"""Graphemes of the text that a press shows in the talk."""
ALT_TEXT = 400
"""UTF-16 units of the text in notifications; LINE's sources disagree (400 or 1,500)."""
ADDRESS = regex.compile(r"https://[!-~]{1,992}")
"""What LINE takes as the address of a picture or button: https, plain ASCII, at most 1,000."""

JSONObject = dict[str, Any]
Media = Callable[[str], str]

_GRAPHEME = regex.compile(r"\X")


def render(message: Message, sign: Signer, media: Media) -> tuple[JSONObject, ...]:
    """Turn a message into LINE's message objects; choices become the last one's quick replies.

    Lengths and numbers are those of a message that fits LIMITS; a message that does not is
    still rendered, and LINE refuses it.
    """
    shown = (one for part in message.parts for one in _objects(part, sign, media))
    # LINE refuses a whole send for one blank text.
    objects = [one for one in shown if one["type"] != "text" or one["text"].strip()]
    choices = [part for part in message.parts if isinstance(part, Choices)]
    options = [option for part in choices for option in part.options]
    if options:
        objects = objects or [_text("\n".join(option.label for option in options))]
        items = [{"type": "action", "action": _action(option, sign)} for option in options]
        objects[-1]["quickReply"] = {"items": items}
    return tuple(objects)


def _objects(part: Part, sign: Signer, media: Media) -> Iterator[JSONObject]:
    """Yield the message object of a part; nothing for choices."""
    match part:
        case Text():
            yield _text(part.text)
        case Image():
            yield _image(part, media)
        case Link():
            yield _link(part)
        case Card():
            yield _card(part, sign, media)
        case Form():
            yield _text("\n".join([part.title, *(question.text for question in part.questions)]))
        case Choices():
            pass
        case _:
            assert_never(part)


def _text(text: str) -> JSONObject:
    return {"type": "text", "text": text}


def _image(image: Image, media: Media) -> JSONObject:
    address = media(image.path)
    if not ADDRESS.fullmatch(address):
        return _text(image.alt or image.path)
    return {"type": "image", "originalContentUrl": address, "previewImageUrl": address}


def _link(link: Link) -> JSONObject:
    """Show a button, or plain text when LINE would refuse the address in a button."""
    if not ADDRESS.fullmatch(link.url):
        return _text(f"{link.label}\n{link.url}".strip())
    label = shorten(link.label or link.url, LIMITS.label)
    button = {"type": "button", "action": {"type": "uri", "label": label, "uri": link.url}}
    return _flex(link.label or link.url, {"body": _column([button])})


def _card(card: Card, sign: Signer, media: Media) -> JSONObject:
    bubble: JSONObject = {}
    picture = media(card.image.path) if card.image else ""
    if ADDRESS.fullmatch(picture):
        bubble["hero"] = {"type": "image", "url": picture, "size": "full", "aspectMode": "cover"}
    title = {"type": "text", "text": card.title, "weight": "bold", "size": "lg", "wrap": True}
    body = {"type": "text", "text": card.body, "wrap": True}
    words = [text for text in (title, body) if text["text"]]
    if words:
        bubble["body"] = _column(words)
    buttons = [{"type": "button", "action": _action(option, sign)} for option in card.options]
    if buttons:
        bubble["footer"] = _column(buttons)
    alt = card.title or card.body or (card.image.alt if card.image else "")
    return _flex(alt, bubble) if bubble else _text(alt)


def _flex(alt: str, bubble: JSONObject) -> JSONObject:
    # Notifications show one line, and an empty altText is refused.
    alt = shorten(alt, ALT_TEXT, utf16) or "…"
    return {"type": "flex", "altText": alt, "contents": {"type": "bubble", **bubble}}


def _column(contents: list[JSONObject]) -> JSONObject:
    return {"type": "box", "layout": "vertical", "spacing": "md", "contents": contents}


def _action(choice: Choice, sign: Signer) -> JSONObject:
    action = {"label": shorten(choice.label, LIMITS.label), "data": sign(choice)}
    match choice.picks:
        case Picks.NOTHING:
            shown = shorten(choice.label, DISPLAY_TEXT)
            return {"type": "postback", **action, "displayText": shown}
        case Picks.DATE:
            return {"type": "datetimepicker", **action, "mode": "date"}
        case _:
            assert_never(choice.picks)


def utf16(text: str) -> int:
    """Count as LINE counts message text: UTF-16 code units.

    >>> utf16("🍎")
    2
    """
    return len(text) + sum(character > "\uffff" for character in text)


def shorten(text: str, limit: int, size: Callable[[str], int] = lambda _: 1) -> str:
    """Cut between graphemes so that the sizes of all graphemes add up to at most `limit`.

    >>> shorten("abcdef", 5)
    'abcd…'
    """
    if 2 * len(text) <= limit:
        return text  # No size is more than two for each code point, and most labels are short.
    graphemes = _GRAPHEME.findall(text)
    if sum(map(size, graphemes)) <= limit:
        return text
    kept, room = [], limit - 1
    for grapheme in graphemes:
        room -= size(grapheme)
        if room < 0:
            break
        kept.append(grapheme)
    return "".join(kept) + "…"
