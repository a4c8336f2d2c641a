"""Limits of action objects: what happens when a member presses something.

Source: Messaging API reference, "Action objects"; labels are counted in grapheme clusters.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.line.simulator.findings import Findings, Json, Words, over_utf16

_COMMON = frozenset({"postback", "message", "uri", "datetimepicker", "clipboard"})
_MODES: Mapping[str, re.Pattern[str]] = {
    "date": re.compile(r"\d{4}-\d{2}-\d{2}"),
    "time": re.compile(r"\d{2}:\d{2}"),
    "datetime": re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}"),
}
_SCHEMES = ("https://", "http://", "line://", "tel:")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an action stands: the rule of its label and the kinds that may stand there."""

    label: Words
    kinds: frozenset[str]


QUICK_REPLY = Spot(Words("label", 20), _COMMON | {"camera", "cameraRoll", "location"})
TEMPLATE = Spot(Words("label", 20), _COMMON)
TEMPLATE_BACKGROUND = Spot(Words("label", 20, needed=False), _COMMON)
IMAGE_CAROUSEL = Spot(Words("label", 12, needed=False), _COMMON)
FLEX_BUTTON = Spot(Words("label", 40), _COMMON)
FLEX_AREA = Spot(Words("label", 40, needed=False), _COMMON)
MENU = Spot(Words("label", 20, needed=False), _COMMON | {"richmenuswitch"})

_DATA = Words("data", 300, over_utf16)
_DISPLAY_TEXT = Words("displayText", 300, needed=False)
_OLD_DISPLAY_TEXT = Words("text", 300, needed=False)
_FILL_IN_TEXT = Words("fillInText", 300, needed=False)
_MESSAGE_TEXT = Words("text", 300)
_ADDRESS = Words("uri", 1_000, over_utf16)
_CLIPBOARD = Words("clipboardText", 1_000, over_utf16)
_ALIAS = Words("richMenuAliasId", 32, over_utf16)


def check_action(found: Findings, action: object, at: str, spot: Spot) -> None:
    """Check one action; `at` is its path without a trailing dot."""
    if not isinstance(action, dict):
        found.add(at, "must be specified")
        return
    kind = str(action.get("type"))
    if kind not in spot.kinds:
        found.add(f"{at}.type", f"invalid action type here: {kind}")
        return
    inside = f"{at}."
    found.words(action, inside, spot.label)
    check = _CHECKS.get(kind)
    if check is not None:
        check(found, action, inside)


def _postback(found: Findings, action: Json, at: str) -> None:
    found.words(action, at, _DATA)
    found.words(action, at, _DISPLAY_TEXT)
    found.words(action, at, _OLD_DISPLAY_TEXT)
    if "text" in action and "displayText" in action:
        found.add(f"{at}text", "displayText and text cannot be used together")
    if "fillInText" in action:
        found.words(action, at, _FILL_IN_TEXT)
        if action.get("inputOption") != "openKeyboard":
            found.add(f"{at}fillInText", "needs inputOption openKeyboard")


def _message(found: Findings, action: Json, at: str) -> None:
    found.words(action, at, _MESSAGE_TEXT)


def _uri(found: Findings, action: Json, at: str) -> None:
    found.words(action, at, _ADDRESS)
    address = action.get("uri")
    if isinstance(address, str) and not address.startswith(_SCHEMES):
        found.add(f"{at}uri", "invalid uri scheme")


def _datetimepicker(found: Findings, action: Json, at: str) -> None:
    found.words(action, at, _DATA)
    form = _MODES.get(str(action.get("mode")))
    if form is None:
        found.add(f"{at}mode", f"must be one of {sorted(_MODES)}")
        return
    stated = [action[key] for key in ("min", "initial", "max") if key in action]
    for value in stated:
        if not isinstance(value, str) or form.fullmatch(value) is None:
            found.add(f"{at}mode", f"min, initial and max must fit the mode: {value}")
            return
    # In each of the three formats the alphabetical order is the order in time.
    if stated != sorted(stated) or ("min" in action and action["min"] == action.get("max")):
        found.add(f"{at}min", "min, initial and max must be in order")


def _clipboard(found: Findings, action: Json, at: str) -> None:
    found.words(action, at, _CLIPBOARD)


def _switch(found: Findings, action: Json, at: str) -> None:
    found.words(action, at, _ALIAS)
    found.words(action, at, _DATA)


_CHECKS: Mapping[str, Callable[[Findings, Json, str], None]] = {
    "postback": _postback,
    "message": _message,
    "uri": _uri,
    "datetimepicker": _datetimepicker,
    "clipboard": _clipboard,
    "richmenuswitch": _switch,
}
