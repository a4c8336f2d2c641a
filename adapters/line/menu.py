"""The rich menu: one picture with areas to tap, the same for everyone.

Because it is the same for everyone, an area sends a word (as if the member typed it) or
opens a page; it cannot carry a value signed for one person.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.line.api import Api
from adapters.line.render import LIMITS, shorten
from bot.errors import Misconfigured

PREFIX = "hiroba-"
"""Menus whose name begins so are ours: all others stay as they are."""

MOST_AREAS = 20
CHAT_BAR = 14
SAID = 300
IMAGE_BYTES = 1_000_000
WIDTHS = range(800, 2_501)
LOWEST = 250
FLATTEST = 1.45
"""Width divided by height, at least (LINE Developers, requirements for rich menu image)."""
_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the picture, in its pixels; it either `says` a word or `opens` an address."""

    x: int
    y: int
    width: int
    height: int
    label: str
    says: str = ""
    opens: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """A rich menu: its picture's bytes and size, the bar under the talk, and the areas."""

    chat_bar: str
    width: int
    height: int
    image: bytes
    areas: tuple[Area, ...]


async def publish(api: Api, menu: Menu) -> str:
    """Show `menu` to everyone and delete our older ones; return its id.

    Publishing the same menu again changes nothing, and what a broken try left behind is
    deleted by the next one.

    Raises:
        Misconfigured: the menu breaks LINE's rules; lists every problem.
        RetryLater, Unreachable, Rejected: LINE did not take it.
    """
    if found := list(problems(menu)):
        raise Misconfigured(found)
    definition = _definition(menu)
    ours = {i: name for i, name in (await api.menus()).items() if name.startswith(PREFIX)}
    shown = await api.default_menu()
    if ours.get(shown) != definition["name"]:
        shown = await api.create_menu(definition, menu.image, _media_type(menu.image))
        await api.show_menu(shown)
    for menu_id in ours.keys() - {shown}:
        await api.delete_menu(menu_id)
    return shown


def problems(menu: Menu) -> Iterator[str]:
    """Yield every rule of LINE that a menu breaks (LINE Developers, rich menu object)."""
    if not menu.chat_bar or shorten(menu.chat_bar, CHAT_BAR) != menu.chat_bar:
        yield f"the chat bar needs a text of 1 to {CHAT_BAR} characters"
    if menu.width not in WIDTHS or menu.height < LOWEST or menu.width < menu.height * FLATTEST:
        yield "the size must be 800 to 2500 wide, 250 high or more, and 1.45 times as wide as high"
    if not _media_type(menu.image) or len(menu.image) > IMAGE_BYTES:
        yield "the picture must be a PNG or JPEG of at most 1 MB"
    if not 1 <= len(menu.areas) <= MOST_AREAS:
        yield f"a menu has 1 to {MOST_AREAS} areas"
    for number, area in enumerate(menu.areas, 1):
        yield from (f"area {number} {trouble}" for trouble in _area_problems(menu, area))


def _area_problems(menu: Menu, area: Area) -> Iterator[str]:
    inside = area.x + area.width <= menu.width and area.y + area.height <= menu.height
    if min(area.x, area.y, area.width - 1, area.height - 1) < 0 or not inside:
        yield "lies outside the picture"
    if bool(area.says) == bool(area.opens):
        yield "must either say a word or open an address"
    if shorten(area.says, SAID) != area.says:
        yield f"says more than {SAID} characters"
    if area.opens and not area.opens.startswith("https://"):
        yield "opens an address that is not https"


def _definition(menu: Menu) -> dict[str, Any]:
    """Describe the menu as LINE wants it; the name tells this very picture and areas apart."""
    definition = {
        "size": {"width": menu.width, "height": menu.height},
        "selected": True,
        "chatBarText": menu.chat_bar,
        "areas": [_area(area) for area in menu.areas],
    }
    content = json.dumps(definition).encode() + menu.image
    return {**definition, "name": PREFIX + hashlib.sha256(content).hexdigest()[:16]}


def _area(area: Area) -> dict[str, Any]:
    action = (
        {"type": "uri", "uri": area.opens} if area.opens else {"type": "message", "text": area.says}
    )
    return {
        "bounds": {"x": area.x, "y": area.y, "width": area.width, "height": area.height},
        "action": {**action, "label": shorten(area.label, LIMITS.label)},
    }


def _media_type(image: bytes) -> str:
    return next((kind for magic, kind in _TYPES.items() if image.startswith(magic)), "")
