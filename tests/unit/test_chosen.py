"""A typed answer names a choice by its label or by its number, however it was typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Choice
from bot.rules.degrade import chosen

YES_NO = (Choice("はい", "q:a:yes"), Choice("No thanks", "q:a:no"))
SCALE = tuple(Choice(str(n), f"q:a:{n}") for n in range(11))


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("はい", "q:a:yes"),
        (" no THANKS\n", "q:a:no"),
        ("ＮＯ　ｔｈａｎｋｓ", "q:a:no"),
        *((number, "q:a:no") for number in ("2", "２", "②", "⑵", "⒉", "(2)", "2.", " 2 ", "02")),
        ("1", "q:a:yes"),
        *(
            (other, None)
            for other in ("", " ", "0", "3", "-1", "²½", "1.5", "二", "はいはい", "9" * 9_999)
        ),
    ],
)
def test_a_typed_answer(typed: str, value: str | None) -> None:
    found = chosen(typed, YES_NO)
    assert (found.value if found else None) == value


def test_a_label_wins_over_a_number() -> None:
    assert chosen("３", SCALE) == SCALE[3]
    assert chosen("3.", SCALE) == SCALE[2]
    assert chosen("11", SCALE) == SCALE[10]


@given(st.text(), st.lists(st.builds(Choice, st.text(), st.just("q:a:1"))).map(tuple))
def test_any_typed_text_names_one_of_the_options_or_none(
    text: str, asked: tuple[Choice, ...]
) -> None:
    found = chosen(text, asked)
    assert found is None or found in asked
