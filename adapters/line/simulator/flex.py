"""Limits of Flex Messages: bubbles, carousels and the components inside.

Source: Messaging API reference, "Flex Message".
"""

import json
import re
from collections.abc import Callable, Mapping

from adapters.line.simulator.actions import FLEX_AREA, FLEX_BUTTON, check_action
from adapters.line.simulator.findings import Findings, Json, Link

_MOST_BUBBLES = 12
_BUBBLE_BYTES = 30_000
_CAROUSEL_BYTES = 50_000
_MOST_DEPTH = 10
_MOST_CHILDREN = 1_000

_BLOCKS: Mapping[str, frozenset[str]] = {
    "header": frozenset({"box"}),
    "hero": frozenset({"box", "image", "video"}),
    "body": frozenset({"box"}),
    "footer": frozenset({"box"}),
}
_IN_BOX = frozenset({"box", "button", "image", "text", "separator", "filler"})
_IN_LAYOUT: Mapping[str, frozenset[str]] = {
    "horizontal": _IN_BOX,
    "vertical": _IN_BOX,
    "baseline": frozenset({"icon", "text", "filler"}),
}
_IN_TEXT = frozenset({"span"})
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?")
_COLOURS = ("color", "backgroundColor", "borderColor")
_URL, _PREVIEW = Link("url"), Link("previewUrl")


def check_flex(found: Findings, container: object, at: str) -> None:
    """Check the `contents` of a Flex Message; `at` is their path without a trailing dot."""
    kind = str(container.get("type")) if isinstance(container, dict) else ""
    if not isinstance(container, dict) or kind not in {"bubble", "carousel"}:
        found.add(f"{at}.type", f"invalid container type: {kind}")
    elif kind == "bubble":
        _bubble(found, container, at)
    else:
        for where, bubble in found.objects(container, f"{at}.", "contents", (1, _MOST_BUBBLES)):
            if bubble.get("type") == "bubble":
                _bubble(found, bubble, where[:-1])
            else:
                found.add(f"{where}type", "a carousel holds bubbles only")
        _size(found, container, at, _CAROUSEL_BYTES)


def _size(found: Findings, container: Json, at: str, most: int) -> None:
    weight = len(json.dumps(container, ensure_ascii=False, separators=(",", ":")).encode())
    if weight > most:
        found.add(at, f"JSON must not exceed {most} bytes: {weight}")


def _bubble(found: Findings, bubble: Json, at: str) -> None:
    present = [name for name in _BLOCKS if name in bubble]
    if not present:
        found.add(at, "at least one block must be specified")
    for name in present:
        _component(found, bubble[name], f"{at}.{name}", (_BLOCKS[name], 1))
    if "action" in bubble:
        check_action(found, bubble["action"], f"{at}.action", FLEX_AREA)
    _size(found, bubble, at, _BUBBLE_BYTES)


def _component(
    found: Findings, component: object, at: str, place: tuple[frozenset[str], int]
) -> None:
    """Check a component; `place` is the kinds allowed here and the depth of nesting."""
    allowed, depth = place
    kind = str(component.get("type")) if isinstance(component, dict) else ""
    if not isinstance(component, dict) or kind not in allowed:
        found.add(f"{at}.type", f"invalid component here: {kind}")
        return
    if depth > _MOST_DEPTH:
        found.add(at, f"boxes may not be nested deeper than {_MOST_DEPTH}")
        return
    for key in _COLOURS:
        if key in component and _COLOUR.fullmatch(str(component[key])) is None:
            found.add(f"{at}.{key}", "must be #RRGGBB or #RRGGBBAA")
    _COMPONENTS[kind](found, component, f"{at}.", depth)
    if kind != "button" and "action" in component:
        check_action(found, component["action"], f"{at}.action", FLEX_AREA)


def _box(found: Findings, box: Json, at: str, depth: int) -> None:
    allowed = _IN_LAYOUT.get(str(box.get("layout")))
    if allowed is None:
        found.add(f"{at}layout", f"must be one of {sorted(_IN_LAYOUT)}")
        return
    if not isinstance(box.get("contents"), list):
        found.add(f"{at}contents", "must be specified")
    for where, child in found.objects(box, at, "contents", (0, _MOST_CHILDREN)):
        _component(found, child, where[:-1], (allowed, depth + 1))


def _button(found: Findings, button: Json, at: str, _depth: int) -> None:
    check_action(found, button.get("action"), f"{at}action", FLEX_BUTTON)


def _text(found: Findings, text: Json, at: str, depth: int) -> None:
    spans = list(found.objects(text, at, "contents", (0, _MOST_CHILDREN)))
    for where, span in spans:
        _component(found, span, where[:-1], (_IN_TEXT, depth))
    if not spans and not _visible(text):
        found.add(f"{at}text", "must be non-empty text")


def _span(found: Findings, span: Json, at: str, _depth: int) -> None:
    if not _visible(span):
        found.add(f"{at}text", "must be non-empty text")


def _visible(holder: Json) -> bool:
    text = holder.get("text")
    return isinstance(text, str) and bool(text)


def _picture(found: Findings, picture: Json, at: str, _depth: int) -> None:
    found.link(picture, at, _URL)


def _video(found: Findings, video: Json, at: str, depth: int) -> None:
    found.link(video, at, _URL)
    found.link(video, at, _PREVIEW)
    _component(
        found, video.get("altContent"), f"{at}altContent", (frozenset({"box", "image"}), depth + 1)
    )


def _plain(_found: Findings, _component: Json, _at: str, _depth: int) -> None:
    """Separators and fillers have nothing to limit."""


_COMPONENTS: Mapping[str, Callable[[Findings, Json, str, int], None]] = {
    "box": _box,
    "button": _button,
    "text": _text,
    "span": _span,
    "image": _picture,
    "icon": _picture,
    "video": _video,
    "separator": _plain,
    "filler": _plain,
}
