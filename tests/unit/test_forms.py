"""Forms: journey A1 word for word, and every kind of question."""

from dataclasses import replace
from datetime import date

import pytest

from bot.events import Content
from bot.messages import Choices, Form, Kind, Option, Picks, Question
from bot.rules.forms import (
    Act,
    Answer,
    Given,
    Note,
    Picked,
    Progress,
    Said,
    Shown,
    Tapped,
    agreed,
    edit,
    facts,
    load,
    press,
    prompt,
    resume,
    step,
)
from tests.unit.walking import AGE, LIKES, USE, WELCOME, WORDS, Member, options, shown, single


def test_journey_a1_word_for_word() -> None:
    hana = Member(WELCOME)
    assert hana.sees() == "1/4 何とお呼びすればよいですか？（本名でなくて大丈夫です）［スキップ］"
    assert (
        hana.says("はな")
        == "2/4 年代をえらんでください。［10代］［20代］［30代］［40代］［50代以上］［答えない］"
    )
    assert (
        hana.taps("40代")
        == "3/4 気になるものは？（いくつでも）［まつげ］［スキンケア］［ヘアケア］［決定］"
    )
    assert (
        hana.taps("まつげ") == "選択中：まつげ［スキンケア］［ヘアケア］［まつげをはずす］［決定］"
    )
    fourth = "［いま使っている］［前に使った］［はじめて］"
    assert hana.taps("決定") == f"4/4 さくらの商品は使ったことがありますか？{fourth}"
    hana.does(Shown(Content.STICKER))
    assert (
        hana.sees()
        == f"かわいいスタンプありがとうございます！ 4/4 は下からえらんでくださいね。{fourth}"
    )
    assert hana.taps("はじめて") == ""
    assert (hana.progress, hana.completed) == (None, 1)
    assert hana.answered == {
        "name": Answer(question="name", kind=Kind.SHORT_TEXT, text="はな"),
        "age": Answer(question="age", kind=Kind.SINGLE, options=("o3",)),
        "likes": Answer(question="likes", kind=Kind.MULTI, options=("o0",)),
        "use": Answer(question="use", kind=Kind.SINGLE, options=("o2",)),
    }


@pytest.mark.parametrize("typed", ["2", "２", " ② ", "20代", "２０代", "2."])
def test_a_single_choice_takes_a_label_or_a_number(typed: str) -> None:
    member = Member(replace(WELCOME, questions=(AGE,)))
    member.says(typed)
    assert member.answered["age"].options == ("o1",)


@pytest.mark.parametrize("typed", ["0", "7", "-1", "二十代", "", "\0", "9" * 5000])
def test_a_text_that_is_no_choice_is_asked_again(typed: str) -> None:
    member = Member(replace(WELCOME, questions=(AGE,)))
    assert member.says(typed).startswith("<not_offered")
    assert not member.answered
    assert len(member.choices().options) == 6


def test_several_choices_by_typing() -> None:
    member = Member(replace(WELCOME, questions=(LIKES,)))
    assert (
        member.says("スキンケア")
        == "選択中：スキンケア［まつげ］［ヘアケア］［スキンケアをはずす］［決定］"
    )
    # A number is the place of the button that is shown now.
    assert (
        member.says("２")
        == "選択中：スキンケア・ヘアケア［まつげ］［スキンケアをはずす］［ヘアケアをはずす］［決定］"
    )
    assert (
        member.says("スキンケア")
        == "選択中：ヘアケア［まつげ］［スキンケア］［ヘアケアをはずす］［決定］"
    )
    assert member.says("ヘアケアをはずす").startswith("1/1 気になるものは？")
    member.says("まつげ")
    member.says("決定")
    assert member.answered["likes"].options == ("o0",)
    assert member.completed == 1


def test_done_before_any_choice_is_refused_and_kept() -> None:
    member = Member(replace(WELCOME, questions=(LIKES, USE)))
    assert member.taps("決定").startswith("<choose_one")
    assert not member.answered
    member.taps("ヘアケア")
    assert member.answered["likes"].options == ("o2",)


def test_done_without_a_choice_skips_where_skipping_is_allowed() -> None:
    member = Member(replace(WELCOME, questions=(replace(LIKES, skip=True),)))
    assert member.sees().endswith("［決定］［スキップ］")
    member.taps("まつげ")
    assert member.sees().endswith("［まつげをはずす］［決定］")
    member.taps("まつげをはずす")
    member.taps("決定")
    assert member.answered["likes"] == Answer(question="likes", kind=Kind.MULTI, skipped=True)


def test_skip_by_tap_and_by_word_only_where_allowed() -> None:
    for act in (Said("スキップ"), Tapped("name", Act.SKIP)):
        member = Member(WELCOME)
        member.does(act)
        assert member.answered["name"].skipped
    member = Member(replace(WELCOME, questions=(AGE,)))
    assert member.does(Tapped("age", Act.SKIP)).note is Note.STALE
    assert member.does(Said("スキップ")).note is Note.NOT_OFFERED
    assert not member.answered


def test_texts_have_bounds_and_a_number_is_a_text() -> None:
    def answer(text: str, form: Form) -> Answer | Note:
        done = step(form, resume(form, {}), {}, Said(text), WORDS)
        return done.answer or done.note

    short, long = single(Kind.SHORT_TEXT, skip=True), single(Kind.LONG_TEXT)
    assert answer("1", short) == Answer(question="q", kind=Kind.SHORT_TEXT, text="1")
    assert answer(" は\nな ", short) == Answer(question="q", kind=Kind.SHORT_TEXT, text="は な")
    assert answer("あ\nい\n", long) == Answer(question="q", kind=Kind.LONG_TEXT, text="あ\nい")
    for empty in ("", " \n", "\u200b", "\u3164", "\u2800"):
        assert answer(empty, short) is Note.EMPTY
    for form, limit in ((short, 100), (long, 2000), (single(Kind.SHORT_TEXT, high=3), 3)):
        assert isinstance(answer("あ" * limit, form), Answer)
        assert answer("あ" * (limit + 1), form) is Note.TOO_LONG
    assert answer("あ", single(Kind.SHORT_TEXT, low=2)) is Note.TOO_SHORT


@pytest.mark.parametrize(
    ("typed", "value"),
    [("12", 12), ("１２", 12), ("−３", -3), ("1,000", 1000), ("+5", 5), (" 7 ", 7)],
)
def test_numbers(typed: str, value: int) -> None:
    form = single(Kind.NUMBER)
    assert step(form, resume(form, {}), {}, Said(typed), WORDS).answer == Answer(
        question="q", kind=Kind.NUMBER, number=value
    )


def test_numbers_have_bounds() -> None:
    form = single(Kind.NUMBER, low=1, high=9)
    notes = [
        step(form, resume(form, {}), {}, Said(text), WORDS).note
        for text in ("0", "10", "1.5", "九", "1" * 99)
    ]
    assert notes == [
        Note.OUT_OF_RANGE,
        Note.OUT_OF_RANGE,
        Note.NOT_NUMBER,
        Note.NOT_NUMBER,
        Note.NOT_NUMBER,
    ]
    assert facts(form, form.questions[0]) == {
        "at": "1/1",
        "kind": "number",
        "low": "1",
        "high": "9",
    }


def test_a_score_is_its_number_not_its_place() -> None:
    member = Member(single(Kind.NPS, skip=True))
    assert [choice.label for choice in member.choices().options] == [
        *map(str, range(11)),
        "スキップ",
    ]
    for typed, score in (("0", 0), ("１０", 10), ("1", 1)):
        member = Member(single(Kind.NPS, skip=True))
        member.says(typed)
        assert member.answered["q"].number == score
    assert Member(single(Kind.NPS)).does(Said("11")).note is Note.OUT_OF_RANGE
    assert Member(single(Kind.NPS)).does(Said("まあまあ")).note is Note.NOT_OFFERED
    member = Member(single(Kind.NPS))
    member.does(Tapped("q", Act.PICK, "7"))
    assert member.answered["q"] == Answer(question="q", kind=Kind.NPS, number=7)


def test_dates_are_picked_or_typed() -> None:
    form = single(Kind.DATE, earliest="2026-01-01", latest="2026-12-31")
    (choice,) = Member(form).choices().options
    assert (choice.value, choice.picks) == ("survey:pick:f.q", Picks.DATE)
    picked = press("pick", "f.q", "2026-12-20")
    assert picked == ("f", Picked("q", date(2026, 12, 20)))
    typed = ("2026-12-20", "2026/12/20", "２０２６年１２月２０日", "2026.12.20")
    acts: list[Given] = [picked[1], *map(Said, typed)]
    for act in acts:
        member = Member(form)
        member.does(act)
        assert member.answered["q"] == Answer(question="q", kind=Kind.DATE, day=date(2026, 12, 20))
    for text, note in (
        ("2026-02-30", Note.NOT_DATE),
        ("きのう", Note.NOT_DATE),
        ("2027-01-01", Note.OUT_OF_RANGE),
        ("2025-12-31", Note.OUT_OF_RANGE),
    ):
        assert Member(form).does(Said(text)).note is note
    assert Member(form).does(Tapped("q", Act.PICK)).note is Note.NOT_DATE
    assert press("pick", "f.q", "soon") is None


def test_only_the_first_option_of_a_consent_is_a_yes() -> None:
    form = single(Kind.CONSENT, options=options("同意する", "同意しない"))
    for typed, agrees in (("同意する", True), ("1", True), ("2", False), ("同意しない", False)):
        answer = step(form, resume(form, {}), {}, Said(typed), WORDS).answer
        assert answer is not None
        assert agreed(form.questions[0], answer) is agrees


def test_stickers_and_pictures_change_nothing() -> None:
    member = Member(WELCOME)
    for content in Content:
        before = member.progress
        done = member.does(Shown(content))
        assert done.note is (Note.STICKER if content is Content.STICKER else Note.NOT_THAT)
        assert (member.progress, member.answered) == (before, {})


def test_a_correction_ends_with_its_one_question() -> None:
    answered = {"name": (), "age": ("o3",), "likes": ("o0",), "use": ("o2",)}
    progress = edit(WELCOME, "likes", answered["likes"])
    assert shown(prompt(WELCOME, progress, WORDS)) == (
        "気になるものは？（いくつでも）\n選択中：まつげ［スキンケア］［ヘアケア］［まつげをはずす］［決定］"
    )
    first = step(WELCOME, progress, answered, Tapped("likes", Act.PICK, "o1"), WORDS)
    assert (first.answer, first.completed) == (None, False)
    done = step(WELCOME, first.progress, answered, Said("決定"), WORDS)
    assert done.answer == Answer(question="likes", kind=Kind.MULTI, options=("o0", "o1"))
    assert (done.progress, done.completed) == (None, True)
    # A nickname may be taken back by skipping; another question's press leaves the correction open.
    named = edit(WELCOME, "name")
    other = step(WELCOME, named, answered, Tapped("age", Act.PICK, "o0"), WORDS)
    assert (other.progress, other.note) == (named, Note.TOOK)
    gone = step(WELCOME, named, answered, Said("スキップ"), WORDS)
    assert gone.answer is not None
    assert gone.answer.skipped


def test_pages_turn_and_a_press_keeps_the_page() -> None:
    many = replace(LIKES, options=options(*(f"その{place}" for place in range(30))))
    member = Member(Form(id="f", title="", questions=(many,)))
    assert member.choices().turn == "survey:page:f.likes"
    pressed = press("page", "f.likes.1")
    assert pressed is not None
    member.does(pressed[1])
    assert member.choices().page == 1
    member.does(Tapped("likes", Act.PICK, "o20"))
    assert member.choices().page == 1
    for page in ("-1", "x", "9" * 6, "", "99"):
        member.does(Tapped("likes", Act.PAGE, page))
        assert 0 <= member.choices().page <= 30


def test_values_of_the_longest_ids_fit() -> None:
    name = "x" * 20
    question = Question(
        id=name, kind=Kind.MULTI, text="", options=(Option(name, "a"), Option("y", "b")), skip=True
    )
    form = Form(id=name, title="", questions=(question,))
    for progress in (Progress(name, name), Progress(name, name, (f"{name}.{name}",))):
        for part in prompt(form, progress, WORDS):
            if isinstance(part, Choices):
                assert all(len(choice.value.encode()) <= 80 for choice in part.options)


def test_press_refuses_what_no_button_has() -> None:
    assert press("shout", "f.q.o") is None
    assert press("pick", "f") is None
    assert press("pick", ".q") is None
    assert press("done", "f.q") == ("f", Tapped("q", Act.DONE))


@pytest.mark.parametrize(
    "data",
    [{}, {"form": 1}, {"form": "f", "question": "q", "chosen": "x", "page": 0, "editing": False}],
)
def test_load_names_what_is_no_progress(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="progress"):
        load(data)
