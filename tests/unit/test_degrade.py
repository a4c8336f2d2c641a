"""Fitting messages: total, nothing lost, every number of a platform kept."""

import doctest
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import (
    Card,
    Choice,
    Choices,
    Form,
    Image,
    Kind,
    Limits,
    Link,
    Loss,
    Message,
    Option,
    Part,
    Picks,
    Question,
    Text,
    Unit,
)
from bot.rules import degrade as rule
from bot.rules.asking import Act, Tapped, press
from bot.rules.degrade import Fitted, Words, chosen, degrade
from bot.rules.measure import ELLIPSIS
from tests.unit.test_measure import CHARACTERS, LONGEST, WRITTEN, counted, squeezed

WORDS = Words(more="次へ", back="前へ", choose="えらんでください", numbers="番号でも選べます。")
TURN = "menu:turn:coupons"
LINE = Limits(
    parts=5,
    text=5_000,
    text_unit=Unit.UTF16,
    choices=13,
    label=20,
    label_unit=Unit.GRAPHEMES,
    push_counts=True,
)


def buttons(count: int, label: str = "選択肢{}") -> tuple[Choice, ...]:
    return tuple(Choice(label.format(n), f"survey:pick:{n}") for n in range(1, count + 1))


def fitted(*parts: Part, limits: Limits = LINE) -> Fitted:
    return degrade(Message(parts), limits, WORDS)


def parts_of(result: Fitted) -> list[Part]:
    return [part for message in result.messages for part in message.parts]


def texts_of(result: Fitted) -> list[str]:
    return [part.text for part in parts_of(result) if isinstance(part, Text)]


def buttons_of(result: Fitted) -> list[Choice]:
    return [
        option for part in parts_of(result) if isinstance(part, Choices) for option in part.options
    ]


# ── Whatever is said, on whatever platform ───────────────────────────────────────────────────

LABELS = st.lists(st.sampled_from([*CHARACTERS.values(), "z"]), min_size=1, max_size=30).map(
    "".join
)
WHEN = st.sampled_from(Picks)
IMAGES = st.builds(Image, st.just("menu.png"), WRITTEN)


@st.composite
def options(draw: st.DrawFn) -> tuple[Choice, ...]:
    labels = draw(st.lists(LABELS, max_size=30))
    return tuple(Choice(label, f"q:a:{n}", draw(WHEN)) for n, label in enumerate(labels))


FORMS = st.builds(
    Form,
    id=st.just("welcome"),
    title=WRITTEN,
    questions=st.lists(
        st.builds(
            Question,
            id=st.just("age"),
            kind=st.just(Kind.SINGLE),
            text=WRITTEN,
            options=st.lists(st.builds(Option, st.just("o"), LABELS), max_size=4).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
)
BODIES = st.one_of(
    st.builds(Text, WRITTEN),
    IMAGES,
    st.builds(Link, LABELS, st.just("https://example.com/a.b?c=d")),
    FORMS,
)
MENUS = st.builds(
    Choices, options(), page=st.integers(-1, 9), turn=st.sampled_from(["", TURN])
) | st.builds(Card, WRITTEN, WRITTEN, st.none() | IMAGES, options())


@st.composite
def messages(draw: st.DrawFn) -> Message:
    body = draw(st.lists(BODIES, max_size=8))
    return Message((*body, draw(MENUS)) if draw(st.booleans()) else tuple(body))


LIMITS = st.builds(
    Limits,
    parts=st.integers(1, 5),
    text=st.integers(LONGEST, 60),
    text_unit=st.sampled_from(Unit),
    choices=st.integers(0, 13),
    label=st.integers(1, 25),
    label_unit=st.sampled_from(Unit),
    images=st.booleans(),
    forms=st.booleans(),
    dates=st.booleans(),
)


def assert_kept(result: Fitted, limits: Limits) -> None:
    """Every number of the platform is kept, and buttons hang on the very last text."""
    for message in result.messages:
        objects = [part for part in message.parts if not isinstance(part, Choices)]
        assert 1 <= len(objects) <= limits.parts
        assert limits.images or not any(isinstance(part, Image) for part in objects)
        assert limits.forms or not any(isinstance(part, Form) for part in objects)
        assert not any(isinstance(part, Card | Link) for part in objects)
    for text in texts_of(result):
        assert text.strip()
        assert counted(text, limits.text_unit) <= limits.text
    menus = [part for part in parts_of(result) if isinstance(part, Choices)]
    if menus:
        assert len(menus) == 1
        assert isinstance(result.messages[-1].parts[-1], Choices)
        assert isinstance(result.messages[-1].parts[-2], Text)
        assert 1 <= len(menus[0].options) <= limits.choices
    for option in buttons_of(result):
        assert option.label
        assert counted(option.label, limits.label_unit) <= limits.label
        assert limits.dates or option.picks is Picks.NOTHING


def spoken(parts: Iterable[Part], limits: Limits) -> list[str]:
    """Everything a member must be able to read, in order (forms: the first question)."""
    said: list[str] = []
    for part in parts:
        match part:
            case Text(text=text):
                said.append(text)
            case Link(label=label, url=url):
                said += [label, url]
            case Image(alt=alt) if not limits.images:
                said.append(alt)
            case Card():
                said += spoken([part.image] if part.image else [], limits)
                said += [part.title, part.body]
            case Form() if not limits.forms:
                said.append(part.title)
                said += [question.text for question in part.questions[:1]]
            case _:
                pass
    return said


@given(messages(), LIMITS)
def test_any_message_fits_any_platform(message: Message, limits: Limits) -> None:
    assert_kept(degrade(message, limits, WORDS), limits)


@given(messages(), LIMITS)
def test_everything_said_is_read_in_order(message: Message, limits: Limits) -> None:
    result = degrade(message, limits, WORDS)
    read = squeezed("".join(texts_of(result)))
    at = 0
    for said in spoken(message.parts, limits):
        at = read.index(squeezed(said), at) + len(squeezed(said))
    shown = [part for part in parts_of(result) if isinstance(part, Image | Form)]
    meant = [p.image if isinstance(p, Card) else p for p in message.parts]
    assert shown == [
        p
        for p in meant
        if (isinstance(p, Image) and limits.images) or (isinstance(p, Form) and limits.forms)
    ]


@given(options(), LIMITS, st.sampled_from(["", TURN]))
def test_every_choice_is_readable_and_reachable(
    asked: tuple[Choice, ...], limits: Limits, turn: str
) -> None:
    pressed: set[str] = set()
    typed: set[str] = set()
    seen = ""
    page: int | None = 0
    while page is not None:
        result = fitted(Text("?"), Choices(asked, page=page, turn=turn), limits=limits)
        assert_kept(result, limits)
        values = [button.value for button in buttons_of(result)]
        pressed.update(values)
        read = squeezed("".join(texts_of(result)))
        seen += read + "".join(button.label for button in buttons_of(result))
        for number, option in enumerate(asked, 1):
            if squeezed(f"{number}. {option.label}") in read:
                named = chosen(f"{number}.", asked)
                assert named == option
                typed.add(option.value)
        page = page + 1 if f"{TURN}.{page + 1}" in values else None
    assert {option.value for option in asked} <= pressed | typed
    assert all(squeezed(option.label) in seen for option in asked)


@given(messages(), LIMITS)
def test_what_was_fitted_fits(message: Message, limits: Limits) -> None:
    for once in degrade(message, limits, WORDS).messages:
        again = degrade(once, limits, WORDS)
        assert again.messages == (once,)
        assert not again.report.losses


@given(messages(), LIMITS)
def test_a_report_without_losses_means_all_is_shown_as_meant(
    message: Message, limits: Limits
) -> None:
    result = degrade(message, limits, WORDS)
    reasons = {loss.why for loss in result.report.losses}
    assert reasons <= {
        "ellipsis", "paged", "numbered", "no_images", "no_forms", "no_dates", "split",
    }  # fmt: skip
    if not reasons:
        assert len(result.messages) <= 1
        shown = [option.label for option in buttons_of(result)]
        meant = [o.label for p in message.parts if isinstance(p, Card | Choices) for o in p.options]
        assert shown == meant


# ── One rule each ────────────────────────────────────────────────────────────────────────────


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(rule).failed == 0


def test_a_message_that_fits_is_left_alone() -> None:
    parts = (Text("2/4 年代をえらんでください。"), Choices(buttons(6)))
    assert fitted(*parts) == Fitted((Message(parts),), fitted().report)


def test_nothing_said_is_nothing_sent() -> None:
    assert fitted(Text(" \n"), Choices(()), Card("", "")).messages == ()


def test_buttons_alone_get_words_to_hang_on() -> None:
    image = Image("menu.png", "メニュー")
    menu = Choices(buttons(2))
    assert fitted(menu).messages == (Message((Text("えらんでください"), menu)),)
    assert fitted(image, menu).messages == (Message((image, Text("えらんでください"), menu)),)


def test_a_card_is_a_picture_a_text_and_buttons() -> None:
    image = Image("coupon.png", "500円クーポン")
    card = Card("はじめて500円", "1/31まで・1回", image, buttons(2))
    assert fitted(card).messages[0].parts == (
        image,
        Text("はじめて500円\n1/31まで・1回"),
        Choices(buttons(2)),
    )
    plain = fitted(card, limits=replace(LINE, images=False))
    assert texts_of(plain) == ["500円クーポン", "はじめて500円\n1/31まで・1回"]
    assert plain.report.losses == (Loss("500円クーポン", "no_images"),)


def test_a_link_is_its_label_and_its_address() -> None:
    url = "https://example.com/a"
    assert texts_of(fitted(Link("規約", url), Link("", url), Link(url, url))) == [
        f"規約: {url}",
        url,
        url,
    ]


def test_a_form_is_kept_or_begun_with_its_first_question() -> None:
    ages = (Option("a", "10代"), Option("b", "20代"))
    first = Question(id="age", kind=Kind.SINGLE, text="年代は？", options=ages)
    form = Form(id="welcome", title="はじめに", questions=(first, replace(first, id="next")))
    assert parts_of(fitted(form, limits=replace(LINE, forms=True))) == [form]
    begun = fitted(form)
    assert texts_of(begun) == ["はじめに", "年代は？"]
    assert [button.label for button in buttons_of(begun)] == ["10代", "20代"]
    assert begun.report.losses == (Loss("はじめに", "no_forms"),)
    for button, option in zip(buttons_of(begun), ages, strict=True):
        _, verb, argument = button.value.split(":")
        assert press(verb, argument) == ("welcome", Tapped("age", Act.PICK, option.id))


def test_a_date_is_typed_where_none_can_be_picked() -> None:
    button = Choice("日付をえらぶ", "survey:date:q1", Picks.DATE)
    typed = fitted(Text("誕生日は？"), Choices((button,)), limits=replace(LINE, dates=False))
    assert buttons_of(typed) == [replace(button, picks=Picks.NOTHING)]
    assert typed.report.losses == (Loss("日付をえらぶ", "no_dates"),)


@pytest.mark.parametrize(
    ("page", "numbers", "turns"),
    [
        (0, range(1, 12), [("次へ", f"{TURN}.1")]),
        (1, range(12, 23), [("前へ", f"{TURN}.0"), ("次へ", f"{TURN}.2")]),
        (2, range(23, 27), [("前へ", f"{TURN}.1")]),
        (99, range(23, 27), [("前へ", f"{TURN}.1")]),
        (-1, range(1, 12), [("次へ", f"{TURN}.1")]),
    ],
)
def test_too_many_choices_are_paged(
    page: int, numbers: range, turns: list[tuple[str, str]]
) -> None:
    result = fitted(Text("どれ？"), Choices(buttons(26), page=page, turn=TURN))
    assert [(button.label, button.value) for button in buttons_of(result)] == [
        *((f"選択肢{n}", f"survey:pick:{n}") for n in numbers),
        *turns,
    ]
    assert texts_of(result) == ["どれ？"]
    assert result.report.losses == (Loss(f"{len(numbers)}/26", "paged"),)


@pytest.mark.parametrize(("count", "why"), [(12, []), (13, []), (14, ["numbered"])])
def test_without_pages_the_whole_list_is_in_the_text(count: int, why: list[str]) -> None:
    result = fitted(Text("どれ？"), Choices(buttons(count)))
    assert buttons_of(result) == list(buttons(min(count, 13)))
    assert [loss.why for loss in result.report.losses] == why
    lines = ["", "番号でも選べます。", *(f"{n}. 選択肢{n}" for n in range(1, count + 1))]
    assert texts_of(result) == ["\n".join(["どれ？", *(lines if why else [])])]


@pytest.mark.parametrize("character", CHARACTERS.values(), ids=list(CHARACTERS))
@pytest.mark.parametrize("unit", list(Unit))
def test_a_label_at_the_limit_and_beyond(character: str, unit: Unit) -> None:
    label = character * 20
    limits = replace(LINE, label=counted(label, unit), label_unit=unit)
    asked = (Choice("はい", "q:a:1"), Choice(label, "q:a:2"))
    for room in (limits.label, limits.label + 1):
        whole = fitted(Text("?"), Choices(asked), limits=replace(limits, label=room))
        assert buttons_of(whole) == list(asked)
        assert not whole.report.losses
    cut = fitted(Text("?"), Choices(asked), limits=replace(limits, label=limits.label - 1))
    shortened = buttons_of(cut)[1].label
    assert counted(shortened, unit) < limits.label
    kept = shortened.removeprefix("2. ").removesuffix(ELLIPSIS)
    assert kept == character * (len(kept) // len(character))
    assert texts_of(cut) == [f"?\n\n番号でも選べます。\n1. はい\n2. {label}"]
    assert cut.report.losses == (Loss(label, "ellipsis"),)


@pytest.mark.parametrize(("count", "joined"), [(4, False), (5, False), (6, True)])
def test_texts_are_joined_only_when_there_are_too_many(count: int, *, joined: bool) -> None:
    result = fitted(*(Text(f"{n}") for n in range(count)), Choices(buttons(1)))
    expected = ["\n".join(map(str, range(count)))] if joined else [str(n) for n in range(count)]
    assert texts_of(result) == expected
    assert not result.report.losses


def test_what_does_not_fit_into_one_send_follows_with_the_buttons_last() -> None:
    result = fitted(Text("あ" * 30_000), Choices(buttons(2)))
    assert [len(message.parts) for message in result.messages] == [5, 2]
    assert result.messages[1].parts == (Text("あ" * 5_000), Choices(buttons(2)))
    assert result.report.losses == (Loss("あ" * 19 + ELLIPSIS, "split"), Loss("1/2", "split"))
