"""Counting and cutting: every platform's own way, and never through a character."""

import doctest
import time

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Unit
from bot.rules import measure
from bot.rules.measure import ELLIPSIS, fits, graphemes, length, shorten, split

FAMILY = "👨‍👩‍👧‍👦"
FLAG = "🇯🇵"
CHARACTERS = {
    "latin": "a",
    "kana": "あ",
    "decomposed kana": "か\u3099",
    "surrogate pair": "𠮷",
    "variation selector": "葛󠄀",
    "emoji": "🍎",
    "skin tone": "👍🏽",
    "keycap": "1️⃣",
    "flag": FLAG,
    "family": FAMILY,
}
WRITTEN = st.lists(
    st.sampled_from([*CHARACTERS.values(), " ", "\n", "。", "！", ".", "？」", "! "]), max_size=120
).map("".join)
ANY_TEXT = st.text(max_size=80)
LONGEST = 11  # The family emoji in UTF-16 units: from here on every character of ours fits.


def counted(text: str, unit: Unit) -> int:
    """Count in another way than the code under test."""
    if unit is Unit.UTF16:
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text) if unit is Unit.CODE_POINTS else len(graphemes(text))


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(measure).failed == 0


@pytest.mark.parametrize(
    ("text", "utf16", "code_points", "clusters"),
    [
        ("", 0, 0, 0),
        ("さくら", 3, 3, 3),
        ("🍎", 2, 1, 1),
        ("𠮷", 2, 1, 1),
        (FLAG * 2, 8, 4, 2),
        (FAMILY, 11, 7, 1),
        ("か\u3099", 2, 2, 1),
        ("\ud800", 1, 1, 1),
    ],
)
def test_the_three_units(text: str, utf16: int, code_points: int, clusters: int) -> None:
    assert length(text, Unit.UTF16) == utf16
    assert length(text, Unit.CODE_POINTS) == code_points
    assert length(text, Unit.GRAPHEMES) == clusters


@given(st.text(alphabet="🇯🇵\u200d\u0301\u0903\u0600🍎🏽か\u3099 \r\n") | ANY_TEXT)
def test_characters_are_those_of_the_standard(text: str) -> None:
    assert graphemes(text) == regex.findall(r"\X", text)


@given(ANY_TEXT | WRITTEN, st.integers(0, 100), st.sampled_from(Unit))
def test_the_short_cut_agrees_with_counting(text: str, limit: int, unit: Unit) -> None:
    assert fits(text, limit, unit) == (counted(text, unit) <= limit)


@pytest.mark.parametrize("character", CHARACTERS.values(), ids=list(CHARACTERS))
@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("times", [1, 2, 20])
def test_one_below_at_and_above_a_limit(character: str, unit: Unit, times: int) -> None:
    text = character * times
    limit = counted(text, unit)
    for room in (limit, limit + 1):
        assert fits(text, room, unit)
        assert shorten(text, room, unit) == text
        assert split(text, room, unit) == (text,)
    assert not fits(text, limit - 1, unit)
    shortened = shorten(text, max(limit - 1, 1), unit)
    assert counted(shortened, unit) <= max(limit - 1, 1)
    if times > 1:
        kept = graphemes(shortened.removesuffix(ELLIPSIS))
        assert kept == [character] * len(kept)
        pieces = split(text, limit - 1, unit)
        assert len(pieces) == 2
        assert "".join(pieces) == text
        assert all(set(graphemes(piece)) == {character} for piece in pieces)


@given(WRITTEN, st.integers(LONGEST, 60), st.sampled_from(Unit))
def test_cutting_loses_nothing_breaks_nothing_and_fits(text: str, limit: int, unit: Unit) -> None:
    pieces = split(text, limit, unit)
    assert all(counted(piece, unit) <= limit for piece in pieces)
    assert squeezed("".join(pieces)) == squeezed(text)
    whole = [cluster for cluster in graphemes(text) if not cluster.isspace()]
    cut = [c for piece in pieces for c in graphemes(piece) if not c.isspace()]
    assert cut == whole


@given(ANY_TEXT, st.integers(2, 20), st.sampled_from(Unit))
def test_cutting_is_total_and_keeps_the_limit(text: str, limit: int, unit: Unit) -> None:
    assert all(counted(piece, unit) <= limit for piece in split(text, limit, unit))
    assert counted(shorten(text, limit, unit), unit) <= limit


def test_a_character_longer_than_the_limit_is_broken_rather_than_refused() -> None:
    stacked = "e" + "\u0301" * 50
    pieces = split(stacked, 20, Unit.UTF16)
    assert "".join(pieces) == stacked
    assert max(map(len, pieces)) == 20


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("ようこそ。4つだけ教えてください", 15, ("ようこそ。4つだけ教えてくださ", "い")),
        ("お答えは保存します。消せます。", 12, ("お答えは保存します。", "消せます。")),
        ("彼女は「はい。」と言った", 10, ("彼女は「はい。」", "と言った")),
        ("本当ですか？！はい", 8, ("本当ですか？！", "はい")),
        ("first line\nsecond. third", 20, ("first line", "second. third")),
        ("costs 3.5 or 4. So it is", 20, ("costs 3.5 or 4. So", "it is")),
        ("see https://example.com/a.b?c now", 30, ("see https://example.com/a.b?c", "now")),
        ("a\r\n\r\nb", 4, ("a", "b")),
    ],
)
def test_a_text_is_cut_where_a_reader_pauses(
    text: str, limit: int, pieces: tuple[str, ...]
) -> None:
    found = split(text, limit, Unit.CODE_POINTS)
    assert squeezed("".join(found)) == squeezed(text)
    assert found == pieces


@pytest.mark.parametrize(
    "text",
    [".!?" * 30_000, ")." * 40_000, "." + ")" * 80_000, FLAG * 40_000, "e" + "\u0301" * 80_000],
    ids=["stops", "brackets", "row of brackets", "flags", "stacked marks"],
)
def test_hostile_texts_are_cut_in_linear_time(text: str) -> None:
    started = time.perf_counter()
    split(text, 5_000, Unit.UTF16)
    assert time.perf_counter() - started < 3
