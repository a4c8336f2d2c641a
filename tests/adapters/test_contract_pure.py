"""The contract's pure half: `receive` is total and keys are stable, `render` keeps every limit."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapter import Adapter, Payload
from bot.errors import Malformed
from bot.events import PlatformEvent
from bot.messages import Choice, Choices, Image, Message, Text
from bot.rules.degrade import Words, degrade
from bot.rules.measure import length
from hiroba.settings import platforms
from tests.adapters.other_side import OtherSide, open_side, samples, sides

NAMES = sorted(platform.name for platform in platforms())
EVENTS = get_args(PlatformEvent)
WORDS = Words(more="next", back="back", choose="choose", numbers="or type a number")
GLYPHS = ("a", "あ", "𠮷", "🍎", "👨‍👩‍👧", "🇯🇵", "が")
"""One letter each to a reader; one to eleven units to a platform."""


@cache
def side(name: str) -> OtherSide | None:
    """Return a platform's other side, closed again: its pure half needs no socket."""

    async def peek() -> OtherSide:
        async with open_side(name) as opened:
            _ENV[name] = opened.env
            return opened

    return asyncio.run(peek()) if name in sides() else None


_ENV: dict[str, Mapping[str, str]] = {}


@cache
def adapter(name: str) -> Adapter:
    side(name)
    (platform,) = [platform for platform in platforms() if platform.name == name]
    return platform.build(_ENV.get(name, {}))


def received(name: str, raw: bytes) -> object:
    """Return the event, or None for an element that is rightly refused; nothing else may come."""
    try:
        event = adapter(name).receive(raw)
    except Malformed:
        return None
    assert isinstance(event, EVENTS)
    return event


RECORDED = [(name, sample) for name in sides() for sample in samples(name)]


@pytest.mark.parametrize(("name", "sample"), RECORDED)
def test_recorded_elements_become_events_of_their_own_key(name: str, sample: str) -> None:
    opened = side(name)
    assert opened is not None
    elements = opened.elements(samples(name)[sample])
    assert list(elements) == list(opened.elements(samples(name)[sample]))
    for element in elements:
        event: Any = received(name, element.raw)
        if event is None:
            assert element.fault
        else:
            assert event.key == element.key
            assert event.occurred_at.tzinfo is not None
            assert event.address.platform == name


Path = tuple[str | int, ...]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def typed(name: str) -> dict[str, Any]:
    """Return what a terminal's line becomes; platforms without a simulator have no samples."""
    assert name == "terminal"
    return {
        "kind": "text",
        "who": "hanako",
        "key": "k",
        "at": "2026-12-20T10:00+09:00",
        "text": "?",
    }


@cache
def whole(name: str) -> list[Any]:
    """Return parsed elements that are known to be good."""
    opened = side(name)
    if opened is None:
        return [typed(name)]
    bodies = samples(name).values()
    return [
        json.loads(each.raw) for body in bodies for each in opened.elements(body) if not each.fault
    ]


def places(data: object, path: Path = ()) -> list[Path]:
    """Return the path of everything inside parsed JSON."""
    inner = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    found = [path] if path else []
    for key, value in inner:
        found += places(value, (*path, key))
    return found


def without(data: object, path: Path, put: object) -> object:
    """Return a copy in which one place is gone (`put` is ...) or holds something else."""
    copied: Any = json.loads(json.dumps(data))
    holder = copied
    for key in path[:-1]:
        holder = holder[key]
    if put is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = put
    return copied


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_receive_is_total_over_damaged_elements(name: str, data: st.DataObject) -> None:
    element = data.draw(st.sampled_from(whole(name)))
    path = data.draw(st.sampled_from(places(element)))
    put = data.draw(st.just(...) | JSON)
    received(name, json.dumps(without(element, path, put)).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", NAMES)
@given(raw=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=64))
def test_receive_is_total_over_anything(name: str, raw: bytes) -> None:
    assert received(name, raw) is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "raw", [b"", b"[" * 100_000, b"\xff", b'{"at": 1, "who": 2, "key": 3}', b"null"]
)
def test_receive_refuses_what_is_no_element(name: str, raw: bytes) -> None:
    assert received(name, raw) is None


def rendered(name: str, message: Message) -> list[tuple[Payload, ...]]:
    """Fit and render a message; every send must keep the platform's limits."""
    own = adapter(name)
    fitted = degrade(message, own.limits, WORDS)
    sends = [
        own.render(each, lambda choice: choice.value, lambda path: f"https://bot.example/{path}")
        for each in fitted.messages
    ]
    opened = side(name)
    for payloads in sends:
        assert len(payloads) <= own.limits.parts
        if opened is not None:
            assert list(opened.wrong(payloads)) == []
    return sends


def shown(sends: list[tuple[Payload, ...]]) -> str:
    return json.dumps(sends, ensure_ascii=False)


def spoken(sends: Iterable[object] | Payload) -> str:
    """Return all text in order, however it was cut."""
    match sends:
        case Mapping():
            return str(sends.get("text", "")).replace("\n", "")
        case _:
            return "".join(spoken(each) for each in sends)  # type: ignore[arg-type]


NEAR = st.integers(-1, 1)


@pytest.mark.parametrize("name", NAMES)
@given(glyph=st.sampled_from(GLYPHS), off=NEAR)
def test_texts_around_the_limit_arrive_whole(name: str, glyph: str, off: int) -> None:
    limits = adapter(name).limits
    each = length(glyph, limits.text_unit)
    text = glyph * ((limits.text + off) // each) + "end"
    assert spoken(rendered(name, Message((Text(text),)))) == text


@pytest.mark.parametrize("name", NAMES)
@given(off=NEAR, glyph=st.sampled_from(GLYPHS), longer=NEAR)
def test_buttons_around_the_limits_can_all_be_read(
    name: str, off: int, glyph: str, longer: int
) -> None:
    limits = adapter(name).limits
    labels = [
        f"{number:03}" + glyph * (limits.label - 3 + longer)
        for number in range(limits.choices + off)
    ]
    options = tuple(Choice(label, f"survey:pick:{n}") for n, label in enumerate(labels))
    sends = rendered(name, Message((Text("?"), Choices(options))))
    assert [label for label in labels if label not in shown(sends)] == []


@pytest.mark.parametrize("name", NAMES)
@given(parts=st.integers(1, 12), pictures=st.booleans())
def test_parts_around_the_limit_all_leave(name: str, parts: int, *, pictures: bool) -> None:
    images = (Image("menu.jpg", "a picture"),) if pictures else ()
    message = Message((*[Text(f"part {n}.") for n in range(parts)], *images))
    sends = rendered(name, message)
    assert [n for n in range(parts) if f"part {n}." not in shown(sends)] == []


def test_every_platform_is_named_like_its_folder() -> None:
    assert "terminal" in NAMES
    for name in NAMES:
        assert adapter(name).name == name
