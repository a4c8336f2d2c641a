"""The promises of forms: `step` is total, order does not matter, an edited file loses nothing."""

import json
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.events import Content
from bot.messages import Form, Kind, Option, Question
from bot.rules import answers
from bot.rules.forms import (
    Act,
    Answer,
    Given,
    Note,
    Picked,
    Progress,
    Said,
    Shown,
    Step,
    Tapped,
    dump,
    load,
    prompt,
    resume,
    step,
)
from tests.unit.walking import AGE, LIKES, NAME, USE, WELCOME, WORDS, Member, options


def test_a_press_for_another_question_counts_for_that_question() -> None:
    member = Member(WELCOME)
    member.does(Tapped("use", Act.PICK, "o0"))
    assert member.answered["use"].options == ("o0",)
    assert member.sees().endswith(
        "\n1/4 何とお呼びすればよいですか？（本名でなくて大丈夫です）［スキップ］"
    )
    assert member.note is Note.TOOK
    member.does(Tapped("use", Act.PICK, "o1"))
    assert member.answered["use"].options == ("o1",)
    for act in (Said("はな"), Tapped("age", Act.PICK, "o3"), Tapped("likes", Act.PICK, "o0")):
        member.does(act)
    assert member.completed == 0
    member.does(Tapped("likes", Act.DONE))
    assert (member.progress, member.completed) == (None, 1)
    # Later presses still count, and complete nothing twice.
    member.does(Tapped("likes", Act.PICK, "o2"))
    assert member.picked("likes") == ("o0", "o2")
    member.does(Tapped("likes", Act.DROP, "o0"))
    assert member.picked("likes") == ("o2",)
    assert member.does(Tapped("likes", Act.DROP, "o2")).note is Note.STALE
    assert member.does(Tapped("name", Act.SKIP)).answer is None
    assert member.completed == 1
    assert member.does(Said("こんにちは")) == Step(None, None, Note.STALE, completed=False)


TAPS: tuple[Given, ...] = (
    Tapped("age", Act.PICK, "o3"),
    Tapped("likes", Act.PICK, "o0"),
    Tapped("likes", Act.PICK, "o2"),
    Tapped("likes", Act.DONE),
    Tapped("use", Act.PICK, "o1"),
    Tapped("name", Act.SKIP),
)


@pytest.mark.parametrize("count", [3, 4, 5, 6])
@pytest.mark.parametrize("skippable", [False, True])
def test_the_order_of_taps_does_not_matter(count: int, *, skippable: bool) -> None:
    questions = (NAME, AGE, replace(LIKES, skip=skippable), USE)
    for start in range(len(TAPS) - count + 1):
        ends = set()
        for order in permutations(TAPS[start : start + count]):
            member = Member(replace(WELCOME, questions=questions))
            for tap in order:
                member.does(tap)
            finished = tuple(sorted(map(repr, member.answered.values())))
            ends.add((member.progress, finished, member.completed))
        assert len(ends) == 1


def test_a_vanished_option_is_stale_and_the_question_asked_again() -> None:
    member = Member(replace(WELCOME, questions=(AGE,)))
    done = member.does(Tapped("age", Act.PICK, "gone"))
    assert (done.note, done.answer) == (Note.STALE, None)
    assert "\n1/1 年代をえらんでください。［10代］" in member.sees()
    assert member.does(Tapped("gone", Act.PICK, "o0")).note is Note.STALE


def test_a_file_edited_in_the_middle_loses_no_answer() -> None:
    member = Member(WELCOME)
    for act in (
        Said("はな"),
        Tapped("age", Act.PICK, "o3"),
        Tapped("likes", Act.PICK, "o0"),
        Tapped("likes", Act.PICK, "o1"),
    ):
        member.does(act)
    # An option and a question leave, another question arrives before the others.
    city = Question(id="city", kind=Kind.SHORT_TEXT, text="お住まいは？")
    fewer = replace(LIKES, options=LIKES.options[1:])
    member.form = replace(WELCOME, questions=(city, AGE, fewer, USE))
    assert member.progress is not None
    resumed = resume(member.form, member.given(), member.progress)
    assert resumed == replace(member.progress, chosen=("likes.o1",))
    member.does(Tapped("likes", Act.DONE))
    assert member.picked("likes") == ("o1",)
    assert member.answered["name"].text == "はな"
    assert member.sees() == "1/4 お住まいは？"
    # The open question itself leaves: what was typed for it is not taken for another one.
    member.form = replace(WELCOME, questions=(replace(NAME, id="reading"), AGE, USE))
    done = member.does(Said("横浜"))
    assert (done.answer, done.note) == (None, Note.STALE)
    assert done.progress == Progress("welcome", "reading")
    # Nothing is left to ask: the form is complete.
    member.form = replace(WELCOME, questions=(AGE,))
    assert member.does(Said("よこはま")).completed


def test_an_option_that_left_the_file_stays_in_an_answer_that_has_it() -> None:
    form = replace(WELCOME, questions=(replace(LIKES, options=LIKES.options[1:]),))
    done = step(form, None, {"likes": ("o0",)}, Tapped("likes", Act.PICK, "o1"), WORDS)
    assert done.answer == Answer(question="likes", kind=Kind.MULTI, options=("o1", "o0"))


def test_put_off_then_pressed_goes_on() -> None:
    done = step(WELCOME, None, {"name": ()}, Tapped("age", Act.PICK, "o0"), WORDS)
    assert done.progress == Progress("welcome", "likes")
    last = step(
        WELCOME, None, {"name": (), "age": (), "likes": ()}, Tapped("use", Act.PICK, "o0"), WORDS
    )
    assert last.completed


ids = st.sampled_from(["a", "b", "c", "o0", ""])
bounds = st.none() | st.integers(-3, 5)
question_st = st.builds(
    Question,
    id=ids,
    kind=st.sampled_from(Kind),
    text=st.text(max_size=5),
    options=st.lists(st.builds(Option, ids, st.text(max_size=3)), max_size=4).map(tuple),
    skip=st.booleans(),
    low=bounds,
    high=bounds,
    earliest=st.sampled_from(["", "2026-01-01", "junk"]),
    latest=st.sampled_from(["", "2026-12-31", "junk"]),
)
forms = st.builds(
    Form, id=ids, title=st.text(max_size=3), questions=st.lists(question_st, max_size=4).map(tuple)
)
progresses = st.none() | st.builds(
    Progress,
    ids,
    ids,
    st.lists(st.sampled_from(["a.a", "a.", "b.c", "b.", "x", "", "."]), max_size=3).map(tuple),
    st.integers(),
    st.booleans(),
)
texts = st.text() | st.sampled_from(
    [
        "1",
        "２",
        "決定",
        "スキップ",
        "2026-12-20",
        "0",
        "aをはずす",
        "9999-99-99",
        "\ud800",
        "１" * 30,
    ]
)
inputs = (
    st.builds(Said, texts)
    | st.builds(Tapped, ids, st.sampled_from(Act), ids | st.text(max_size=4))
    | st.builds(Picked, ids, st.dates())
    | st.builds(Shown, st.sampled_from(Content))
)


@settings(max_examples=400, deadline=None)
@given(
    forms,
    progresses,
    st.dictionaries(ids, st.lists(ids, max_size=2).map(tuple), max_size=3),
    st.lists(inputs, min_size=1, max_size=5),
)
def test_step_is_total(
    form: Form,
    progress: Progress | None,
    answered: dict[str, tuple[str, ...]],
    several: list[Given],
) -> None:
    asked = {question.id for question in form.questions}
    for act in several:
        done = step(form, progress, answered, act, WORDS)
        if done.answer:
            assert done.answer.question in asked
            answered = answered | {done.answer.question: done.answer.options}
        if done.progress is None:
            assert not done.completed or done.answer or progress
        else:
            assert not done.completed
            assert done.progress.question in asked
            assert prompt(form, done.progress, WORDS, done.note)
            assert load(json.loads(json.dumps(dump(done.progress)))) == done.progress
        progress = done.progress


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(TAPS), unique=True, min_size=2, max_size=6).flatmap(
        lambda taps: st.tuples(st.just(taps), st.permutations(taps))
    ),
    st.sampled_from([*Kind]),
)
def test_any_two_orders_end_alike(orders: tuple[list[Given], list[Given]], kind: Kind) -> None:
    # The first question may be of any kind: it is open while the others are pressed.
    first = replace(NAME, kind=kind, options=options("はい", "いいえ"))
    ends = []
    for order in orders:
        member = Member(replace(WELCOME, questions=(first, AGE, LIKES, USE)))
        for tap in order:
            member.does(tap)
        ends.append((member.progress, member.answered, member.completed))
    assert ends[0] == ends[1]


@given(st.text())
def test_reading_never_raises(text: str) -> None:
    answers.number(text)
    answers.day(text)
    answers.blank(text)
    assert answers.same(text, text)
