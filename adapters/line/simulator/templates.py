"""Limits of template messages: buttons, confirm, carousel, image carousel.

Source: Messaging API reference, "Template messages"; texts and titles count grapheme clusters.
"""

from collections.abc import Callable, Mapping

from adapters.line.simulator.actions import (
    IMAGE_CAROUSEL,
    TEMPLATE,
    TEMPLATE_BACKGROUND,
    check_action,
)
from adapters.line.simulator.findings import Findings, Json, Link, Words

_TITLE = Words("title", 40, needed=False)
_THUMBNAIL = Link("thumbnailImageUrl", needed=False)
_IMAGE = Link("imageUrl")
_RATIOS = frozenset({"rectangle", "square"})
_SIZES = frozenset({"cover", "contain"})
_MOST_COLUMNS = 10

_BUTTONS_TEXT, _BUTTONS_SHORT_TEXT = Words("text", 160), Words("text", 60)
_COLUMN_TEXT, _COLUMN_SHORT_TEXT = Words("text", 120), Words("text", 60)
_CONFIRM_TEXT = Words("text", 240)


def check_template(found: Findings, template: object, at: str) -> None:
    """Check one template; `at` is its path without a trailing dot."""
    if not isinstance(template, dict):
        found.add(at, "must be specified")
        return
    check = _CHECKS.get(str(template.get("type")))
    if check is None:
        found.add(f"{at}.type", f"invalid template type: {template.get('type')}")
    else:
        check(found, template, f"{at}.")


def _actions(found: Findings, holder: Json, at: str, size: tuple[int, int]) -> None:
    for where, action in found.objects(holder, at, "actions", size):
        check_action(found, action, where[:-1], TEMPLATE)


def _picture(found: Findings, holder: Json, at: str) -> bool:
    """Check title, picture and background action; return whether the shorter text limit holds."""
    found.words(holder, at, _TITLE)
    found.link(holder, at, _THUMBNAIL)
    if "defaultAction" in holder:
        check_action(found, holder["defaultAction"], f"{at}defaultAction", TEMPLATE_BACKGROUND)
    return "title" in holder or "thumbnailImageUrl" in holder


def _shape(found: Findings, template: Json, at: str) -> None:
    found.one_of(template, at, "imageAspectRatio", _RATIOS)
    found.one_of(template, at, "imageSize", _SIZES)


def _buttons(found: Findings, template: Json, at: str) -> None:
    short = _picture(found, template, at)
    found.words(template, at, _BUTTONS_SHORT_TEXT if short else _BUTTONS_TEXT)
    _shape(found, template, at)
    _actions(found, template, at, (1, 4))


def _confirm(found: Findings, template: Json, at: str) -> None:
    found.words(template, at, _CONFIRM_TEXT)
    _actions(found, template, at, (2, 2))


def _carousel(found: Findings, template: Json, at: str) -> None:
    _shape(found, template, at)
    shapes = set()
    for where, column in found.objects(template, at, "columns", (1, _MOST_COLUMNS)):
        short = _picture(found, column, where)
        found.words(column, where, _COLUMN_SHORT_TEXT if short else _COLUMN_TEXT)
        _actions(found, column, where, (1, 3))
        actions = column.get("actions")
        count = len(actions) if isinstance(actions, list) else 0
        shapes.add((count, "thumbnailImageUrl" in column, "title" in column))
    if len(shapes) > 1:
        found.add(f"{at}columns", "columns must agree in number of actions, image and title")


def _image_carousel(found: Findings, template: Json, at: str) -> None:
    for where, column in found.objects(template, at, "columns", (1, _MOST_COLUMNS)):
        found.link(column, where, _IMAGE)
        check_action(found, column.get("action"), f"{where}action", IMAGE_CAROUSEL)


_CHECKS: Mapping[str, Callable[[Findings, Json, str], None]] = {
    "buttons": _buttons,
    "confirm": _confirm,
    "carousel": _carousel,
    "image_carousel": _image_carousel,
}
