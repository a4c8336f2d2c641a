"""Fitted messages as LINE's message objects, at every limit and one step past it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.line.render import ALT_TEXT, LIMITS, render, shorten, utf16
from adapters.line.simulator.limits import violations
from bot.messages import (
    Card,
    Choice,
    Choices,
    Form,
    Image,
    Kind,
    Link,
    Message,
    Part,
    Picks,
    Question,
    Text,
)

FAMILY = "👨‍👩‍👧"  # One grapheme, five code points, eight UTF-16 units.
FLAG = "🇯🇵"
KA = "か\u3099"


def sign(choice: Choice) -> str:
    return f"{choice.value}:signed"


def media(path: str) -> str:
    return f"https://hiroba.example/media/{path}"


def nowhere(_: str) -> str:
    return ""


def shown(*parts: Part) -> tuple[dict[str, Any], ...]:
    return render(Message(parts), sign, media)


def labels(payload: dict[str, Any]) -> list[str]:
    return [item["action"]["label"] for item in payload["quickReply"]["items"]]


@pytest.mark.parametrize("text", ["{name} {{7*7}}", "@everyone", "<!channel>", "𠮷", FAMILY, "＝1"])
def test_text_is_plain_text_and_never_markup(text: str) -> None:
    assert shown(Text(text)) == ({"type": "text", "text": text},)


def test_choices_are_quick_replies_of_the_last_object() -> None:
    first, last = shown(Text("a"), Text("b"), Choices((Choice("はい", "s:a:1"),)))
    assert "quickReply" not in first
    assert last["quickReply"]["items"] == [
        {
            "type": "action",
            "action": {
                "type": "postback",
                "label": "はい",
                "data": "s:a:1:signed",
                "displayText": "はい",
            },
        },
    ]


def test_a_choice_of_a_date_opens_the_picker() -> None:
    (payload,) = shown(Text("いつ？"), Choices((Choice("日付", "s:d:1", Picks.DATE),)))
    assert payload["quickReply"]["items"][0]["action"] == {
        "type": "datetimepicker",
        "label": "日付",
        "data": "s:d:1:signed",
        "mode": "date",
    }


@pytest.mark.parametrize(
    "before", [Image("a.png", "絵"), Link("見る", "https://a.example"), Card("題", "文")]
)
def test_choices_hang_on_whatever_is_last(before: Part) -> None:
    assert labels(shown(before, Choices((Choice("次", "v"),)))[-1]) == ["次"]


def test_choices_alone_still_have_something_to_hang_on() -> None:
    (payload,) = shown(Choices((Choice("赤", "r"), Choice("青", "b"))))
    assert payload["text"] == "赤\n青"
    assert labels(payload) == ["赤", "青"]


@pytest.mark.parametrize("unit", ["a", "あ", "🍎", FAMILY, FLAG, KA])
def test_a_label_may_have_twenty_graphemes_and_not_one_more(unit: str) -> None:
    for count, label in ((19, unit * 19), (20, unit * 20), (21, unit * 19 + "…")):
        (payload,) = shown(Text("?"), Choices((Choice(unit * count, "v"),)))
        assert labels(payload) == [label]
        assert payload["quickReply"]["items"][0]["action"]["displayText"] == unit * count


@pytest.mark.parametrize("unit", ["a", "あ", "🍎", FAMILY, FLAG, KA])
def test_what_a_press_shows_has_at_most_300_graphemes(unit: str) -> None:
    for count, text in ((300, unit * 300), (301, unit * 299 + "…")):
        (payload,) = shown(Text("?"), Choices((Choice(unit * count, "v"),)))
        assert payload["quickReply"]["items"][0]["action"]["displayText"] == text


@pytest.mark.parametrize("unit", ["a", "あ", "🍎", FAMILY, FLAG, KA])
def test_the_text_of_a_notification_stays_under_its_limit(unit: str) -> None:
    whole = ALT_TEXT // utf16(unit)
    for count in (whole - 1, whole, whole + 1):
        (payload,) = shown(Card(unit * count, "文"))
        alt = payload["altText"]
        assert utf16(alt) <= ALT_TEXT
        assert (alt == unit * count) == (count * utf16(unit) <= ALT_TEXT)


@pytest.mark.parametrize(
    ("text", "units"),
    [("", 0), ("a", 1), ("あ", 1), ("🍎", 2), ("𠮷", 2), (FAMILY, 8), (FLAG, 4), ("\ud800", 1)],
)
def test_text_is_counted_as_line_counts_it(text: str, units: int) -> None:
    assert utf16(text) == units


def test_a_text_of_5000_units_is_left_alone() -> None:
    for text in ("a" * 4_999, "🍎" * 2_500, "あ" * 5_000):
        assert utf16(text) <= LIMITS.text
        assert shown(Text(text)) == ({"type": "text", "text": text},)


def test_an_image_needs_https_and_is_a_text_without() -> None:
    image = Image("coupon.png", "500円クーポン")
    address = "https://hiroba.example/media/coupon.png"
    assert shown(image) == (
        {"type": "image", "originalContentUrl": address, "previewImageUrl": address},
    )
    for place in (nowhere, lambda path: f"http://hiroba.example/{path}"):
        assert render(Message((image,)), sign, place) == (
            {"type": "text", "text": "500円クーポン"},
        )


def test_a_link_is_a_button_where_line_takes_its_address() -> None:
    (payload,) = shown(Link("ルール", "https://hiroba.example/rules"))
    assert payload["altText"] == "ルール"
    (button,) = payload["contents"]["body"]["contents"]
    assert button["action"] == {
        "type": "uri",
        "label": "ルール",
        "uri": "https://hiroba.example/rules",
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://hiroba.example",
        "javascript:alert(1)",
        "https://例え.example/",
        "https://hiroba.example/a b",
        "https://hiroba.example/a\nb",
        "https://",
        "https://hiroba.example/" + "a" * 1_000,
    ],
)
def test_any_other_link_is_text(url: str) -> None:
    assert shown(Link("見る", url)) == ({"type": "text", "text": f"見る\n{url}"},)


def test_the_address_of_a_button_has_at_most_1000_characters() -> None:
    start = "https://hiroba.example/"
    for length, kind in ((999, "flex"), (1_000, "flex"), (1_001, "text")):
        assert shown(Link("見る", start.ljust(length, "a")))[0]["type"] == kind


def test_a_card_keeps_picture_words_and_buttons() -> None:
    options = (Choice("応募する", "c:e:1"), Choice("日付", "c:d:1", Picks.DATE))
    (payload,) = shown(Card("新春くじ", "50pt", Image("new.png", "絵"), options))
    bubble = payload["contents"]
    assert bubble["hero"]["url"] == media("new.png")
    assert [text["text"] for text in bubble["body"]["contents"]] == ["新春くじ", "50pt"]
    actions = [button["action"] for button in bubble["footer"]["contents"]]
    assert [(action["type"], action["data"]) for action in actions] == [
        ("postback", "c:e:1:signed"),
        ("datetimepicker", "c:d:1:signed"),
    ]


def test_a_form_that_was_not_degraded_is_still_said() -> None:
    question = Question(id="q", kind=Kind.SHORT_TEXT, text="お名前は？")
    assert shown(Form(id="f", title="はじめに", questions=(question,))) == (
        {"type": "text", "text": "はじめに\nお名前は？"},
    )


@pytest.mark.parametrize("blank", ["", " ", "\n", "\u3000"])
def test_blank_text_is_left_out_because_line_refuses_it(blank: str) -> None:
    assert shown(Text(blank), Text("a")) == ({"type": "text", "text": "a"},)


texts = st.text(max_size=40)
choices = st.builds(Choice, label=texts, value=texts, picks=st.sampled_from(Picks))
options = st.lists(choices, max_size=4).map(tuple)
images = st.builds(Image, path=texts, alt=texts)
parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, texts),
    images,
    st.builds(Link, label=texts, url=texts),
    st.builds(Card, title=texts, body=texts, image=st.none() | images, options=options),
    st.builds(Choices, options),
)


@given(st.lists(parts, max_size=6))
def test_every_message_renders_to_plain_json(some: Sequence[Part]) -> None:
    payloads = render(Message(tuple(some)), sign, nowhere)
    assert json.loads(json.dumps(payloads)) == list(payloads)
    assert sum("quickReply" in payload for payload in payloads) <= 1


@given(st.text(), st.integers(1, 30))
def test_shortening_keeps_the_limit_and_the_beginning(text: str, limit: int) -> None:
    for size in (utf16, lambda _: 1):
        short = shorten(text, limit, size)
        assert short == text or (short.endswith("…") and text.startswith(short[:-1]))
        assert size is not utf16 or utf16(short) <= limit


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(
    str.strip
)
fitted_choices = st.builds(Choice, label=words, value=words, picks=st.sampled_from(Picks))
some_choices = st.lists(fitted_choices, min_size=1, max_size=13).map(tuple)
pictures = st.builds(Image, path=st.from_regex(r"[a-z]{1,20}\.png", fullmatch=True), alt=words)
links = st.builds(Link, label=words, url=st.just("https://hiroba.example/rules") | words)
cards = st.builds(Card, title=words, body=words, image=st.none() | pictures, options=some_choices)
fitted_parts: st.SearchStrategy[Part] = st.one_of(st.builds(Text, words), pictures, links, cards)


@given(st.lists(fitted_parts, min_size=1, max_size=5), some_choices)
def test_the_judge_takes_every_message_that_fits(
    some: Sequence[Part], below: tuple[Choice, ...]
) -> None:
    payloads = shown(*some, Choices(below))
    body = {"replyToken": "0123456789abcdef", "messages": list(payloads)}
    assert violations("/v2/bot/message/reply", body) == []


@pytest.mark.parametrize(
    ("parts", "good"),
    [
        ([Text("a" * 5_000)], True),
        ([Text("a" * 5_001)], False),
        ([Text("🍎" * 2_500)], True),
        ([Text("🍎" * 2_500 + "a")], False),
        ([Text("a")] * 5, True),
        ([Text("a")] * 6, False),
        ([Text("a"), Choices((Choice("a", "v"),) * 13)], True),
        ([Text("a"), Choices((Choice("a", "v"),) * 14)], False),
    ],
    ids=["5000", "5001", "5000 of pairs", "5001 of pairs", "5", "6", "13 choices", "14 choices"],
)
def test_the_limits_stated_are_the_judges_limits(parts: Sequence[Part], *, good: bool) -> None:
    body = {"replyToken": "0123456789abcdef", "messages": list(shown(*parts))}
    assert (violations("/v2/bot/message/reply", body) == []) is good
