"""LINE's hard limits on whole requests: pure, total, and stricter than the official contract.

The contract leaves most of these out (lengths of text and labels, counts of columns, sizes of
JSON); the numbers are those of the Messaging API reference. Where sources disagree (the length
of a Flex alternative text) the smaller number holds: what passes here passes there.
"""

import re
from collections.abc import Callable, Mapping

from adapters.line.simulator.actions import MENU, QUICK_REPLY, check_action
from adapters.line.simulator.findings import (
    Findings,
    Json,
    Link,
    Violation,
    Words,
    over_utf16,
)
from adapters.line.simulator.flex import check_flex
from adapters.line.simulator.templates import check_template

MOST_MESSAGES = 5
MOST_RECIPIENTS = 500
MOST_QUICK_REPLIES = 13
USER_ID = re.compile(r"U[0-9a-f]{32}")

_TEXT = Words("text", 5_000, over_utf16)
_ALT_TEXT = Words("altText", 400, over_utf16)
_SENDER_NAME = Words("name", 20)
_ICON = Link("iconUrl", needed=False)
_QUICK_REPLY_ICON = Link("imageUrl", needed=False)
_ORIGINAL, _PREVIEW = Link("originalContentUrl"), Link("previewImageUrl")
_PLACE_TITLE = Words("title", 100, over_utf16)
_PLACE_ADDRESS = Words("address", 100, over_utf16)
_COUPON = Words("couponId", 100, over_utf16)
_PACKAGE, _STICKER = Words("packageId", 20), Words("stickerId", 20)
_BASE_URL = Link("baseUrl")
_UNIT = re.compile(r"[A-Za-z0-9_]{1,30}")
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_]*)\}")

_MENU_NAME, _BAR_TEXT = Words("name", 300), Words("chatBarText", 14)
_MENU_WIDTH, _MENU_HEIGHT, _MENU_RATIO = (800, 2_500), 250, 1.45
_MOST_AREAS = 20
_ENDPOINT = Words("endpoint", 500, over_utf16)


def violations(path: str, body: object, *, http_media: bool = False) -> list[Violation]:
    """Return every limit that a request breaks; empty when LINE would take it.

    Args:
        path: the API's path, e.g. `/v2/bot/message/push`; paths without limits pass.
        body: the parsed JSON body.
        http_media: let http addresses on loopback pass as media (LINE itself wants https).
    """
    check = _REQUESTS.get(path)
    if check is None:
        return []
    if not isinstance(body, dict):
        return [Violation("", "The request body could not be parsed as a JSON object")]
    found = Findings(http_media=http_media)
    check(found, body)
    return found.found


# ── requests ─────────────────────────────────────────────────────────────────────────────────


def _messages(found: Findings, body: Json) -> None:
    for where, message in found.objects(body, "", "messages", (1, MOST_MESSAGES)):
        check = _MESSAGES.get(str(message.get("type")))
        if check is None:
            found.add(f"{where}type", f"invalid message type: {message.get('type')}")
            continue
        check(found, message, where)
        if "quickReply" in message:
            _quick_reply(found, message["quickReply"], f"{where}quickReply")
        if "sender" in message:
            _sender(found, message["sender"], f"{where}sender")
    if not isinstance(body.get("notificationDisabled", False), bool):
        found.add("notificationDisabled", "must be a boolean")


def _reply(found: Findings, body: Json) -> None:
    if not isinstance(body.get("replyToken"), str) or not body["replyToken"]:
        found.add("replyToken", "May not be empty")
    _messages(found, body)


def _push(found: Findings, body: Json) -> None:
    if not isinstance(body.get("to"), str) or not body["to"]:
        found.add("to", "May not be empty")
    _units(found, body)
    _messages(found, body)


def _multicast(found: Findings, body: Json) -> None:
    to = body.get("to")
    if not isinstance(to, list) or not 1 <= len(to) <= MOST_RECIPIENTS:
        found.add("to", f"Size must be between 1 and {MOST_RECIPIENTS}")
    elif not all(isinstance(user, str) and USER_ID.fullmatch(user) for user in to):
        found.add("to", "The property, 'to', in the request body is invalid")
    elif len(set(to)) != len(to):
        found.add("to", "must not hold the same user twice")
    _units(found, body)
    _messages(found, body)


def _narrowcast(found: Findings, body: Json) -> None:
    limit = body.get("limit", {})
    most = limit.get("max", 1) if isinstance(limit, dict) else None
    if not isinstance(most, int) or most < 1:
        found.add("limit.max", "must be a positive number")
    _messages(found, body)


def _units(found: Findings, body: Json) -> None:
    units = body.get("customAggregationUnits", [])
    if not isinstance(units, list) or len(units) > 1:
        found.add("customAggregationUnits", "Size must be between 0 and 1")
    elif not all(isinstance(unit, str) and _UNIT.fullmatch(unit) for unit in units):
        found.add("customAggregationUnits", "must be 1 to 30 of A-Z a-z 0-9 _")


def _loading(found: Findings, body: Json) -> None:
    if not USER_ID.fullmatch(str(body.get("chatId"))):
        found.add("chatId", "must be the ID of a user")
    seconds = body.get("loadingSeconds", 20)
    if not isinstance(seconds, int) or seconds not in range(5, 61, 5):
        found.add("loadingSeconds", "must be a multiple of 5 between 5 and 60")


def _endpoint(found: Findings, body: Json) -> None:
    found.words(body, "", _ENDPOINT)


# ── messages ─────────────────────────────────────────────────────────────────────────────────


def _quick_reply(found: Findings, reply: object, at: str) -> None:
    if not isinstance(reply, dict):
        found.add(at, "must be an object")
        return
    for where, item in found.objects(reply, f"{at}.", "items", (1, MOST_QUICK_REPLIES)):
        if item.get("type", "action") != "action":
            found.add(f"{where}type", "must be action")
        found.link(item, where, _QUICK_REPLY_ICON)
        check_action(found, item.get("action"), f"{where}action", QUICK_REPLY)


def _sender(found: Findings, sender: object, at: str) -> None:
    if not isinstance(sender, dict):
        found.add(at, "must be an object")
        return
    if "name" in sender:
        found.words(sender, f"{at}.", _SENDER_NAME)
    found.link(sender, f"{at}.", _ICON)


def _text(found: Findings, message: Json, at: str) -> None:
    found.words(message, at, _TEXT)


def _text_v2(found: Findings, message: Json, at: str) -> None:
    found.words(message, at, _TEXT)
    bare = str(message.get("text")).replace("{{", "").replace("}}", "")
    known = message.get("substitution", {})
    if not isinstance(known, dict):
        found.add(f"{at}substitution", "must be an object")
        return
    for name in _PLACEHOLDER.findall(bare):
        if name not in known:
            found.add(f"{at}text", f"no substitution for the placeholder {{{name}}}")


def _image(found: Findings, message: Json, at: str) -> None:
    found.link(message, at, _ORIGINAL)
    found.link(message, at, _PREVIEW)


def _audio(found: Findings, message: Json, at: str) -> None:
    found.link(message, at, _ORIGINAL)
    duration = message.get("duration")
    if not isinstance(duration, int) or duration < 1:
        found.add(f"{at}duration", "must be specified in milliseconds")


def _location(found: Findings, message: Json, at: str) -> None:
    found.words(message, at, _PLACE_TITLE)
    found.words(message, at, _PLACE_ADDRESS)
    for key in ("latitude", "longitude"):
        if not isinstance(message.get(key), (int, float)):
            found.add(f"{at}{key}", "must be a number")


def _sticker(found: Findings, message: Json, at: str) -> None:
    found.words(message, at, _PACKAGE)
    found.words(message, at, _STICKER)


def _template(found: Findings, message: Json, at: str) -> None:
    found.words(message, at, _ALT_TEXT)
    check_template(found, message.get("template"), f"{at}template")


def _flex(found: Findings, message: Json, at: str) -> None:
    found.words(message, at, _ALT_TEXT)
    check_flex(found, message.get("contents"), f"{at}contents")


def _imagemap(found: Findings, message: Json, at: str) -> None:
    found.words(message, at, _ALT_TEXT)
    found.link(message, at, _BASE_URL)


def _coupon(found: Findings, message: Json, at: str) -> None:
    found.words(message, at, _COUPON)


_MESSAGES: Mapping[str, Callable[[Findings, Json, str], None]] = {
    "text": _text,
    "textV2": _text_v2,
    "image": _image,
    "video": _image,
    "audio": _audio,
    "location": _location,
    "sticker": _sticker,
    "template": _template,
    "flex": _flex,
    "imagemap": _imagemap,
    "coupon": _coupon,
}


# ── rich menus ───────────────────────────────────────────────────────────────────────────────


def _rich_menu(found: Findings, menu: Json) -> None:
    found.words(menu, "", _MENU_NAME)
    found.words(menu, "", _BAR_TEXT)
    if not isinstance(menu.get("selected"), bool):
        found.add("selected", "must be specified")
    width, height = _extent(menu.get("size"))
    narrowest, widest = _MENU_WIDTH
    if not narrowest <= width <= widest or height < _MENU_HEIGHT or width < height * _MENU_RATIO:
        found.add("size", "width 800 to 2500, height from 250, width / height from 1.45")
    for where, area in found.objects(menu, "", "areas", (1, _MOST_AREAS)):
        check_action(found, area.get("action"), f"{where}action", MENU)
        bounds = area.get("bounds")
        right, bottom = _extent(bounds)
        left, top = _extent(bounds, ("x", "y"))
        if min(left, top) < 0 or left + right > width or top + bottom > height:
            found.add(f"{where}bounds", "must lie within the rich menu")


def _extent(holder: object, keys: tuple[str, str] = ("width", "height")) -> tuple[int, int]:
    """Return two whole numbers of an object; what is missing or no number is far out of range."""
    values = [holder.get(key) if isinstance(holder, dict) else None for key in keys]
    across, down = (value if isinstance(value, int) else -1_000_000 for value in values)
    return across, down


_REQUESTS: Mapping[str, Callable[[Findings, Json], None]] = {
    "/v2/bot/message/reply": _reply,
    "/v2/bot/message/push": _push,
    "/v2/bot/message/multicast": _multicast,
    "/v2/bot/message/narrowcast": _narrowcast,
    "/v2/bot/message/broadcast": _messages,
    "/v2/bot/message/validate/reply": _messages,
    "/v2/bot/message/validate/push": _messages,
    "/v2/bot/message/validate/multicast": _messages,
    "/v2/bot/message/validate/narrowcast": _messages,
    "/v2/bot/message/validate/broadcast": _messages,
    "/v2/bot/chat/loading/start": _loading,
    "/v2/bot/channel/webhook/endpoint": _endpoint,
    "/v2/bot/richmenu": _rich_menu,
}

CHECKED_PATHS = frozenset(_REQUESTS)
"""The paths whose requests have limits here."""
