"""Walks a Form question by question, in a talk where anything may come at any time.

The rule it keeps: `step` is total, and what a member answered never depends on the order in which
taps arrive (trust.md W4). A tap names its question, so it counts for that question whichever is
open; taps on a question of several choices are kept until DONE is there, too. A typed answer is
the press of the button it names. The form may change between two steps: what is gone is asked no
more, what is new is asked in its turn, and answers stay. Sources: platforms.md 7, journeys.md A1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import assert_never

from bot.events import Content
from bot.messages import Form, Kind, Question
from bot.rules import answers
from bot.rules.answers import Answer, Note, agreed
from bot.rules.asking import (
    Act,
    Picked,
    Progress,
    Tapped,
    Words,
    buttons_of,
    facts,
    picked_of,
    press,
    prompt,
    question_of,
)
from bot.rules.degrade import chosen as named

# The one face of a form: callers import from here only.
__all__ = [
    "Act", "Answer", "Answered", "Given", "Note", "Picked", "Progress", "Said", "Shown",
    "Step", "Tapped", "Words", "agreed", "dump", "edit", "facts", "load", "press", "prompt",
    "resume", "step",
]  # fmt: skip

Answered = Mapping[str, tuple[str, ...]]
"""The id of each answered or skipped question, with the ids of its options (() if it has none)."""

_NUMBERED = frozenset({Kind.SINGLE, Kind.MULTI, Kind.CONSENT})
"""Kinds whose buttons may be called by their place; elsewhere a number is the answer itself."""

_ELSEWHERE = {
    Note.CHOSEN: Note.TOOK,
    Note.CHOOSE_ONE: Note.TOOK,
    Note.NOT_DATE: Note.STALE,
    Note.OUT_OF_RANGE: Note.STALE,
}
"""How a note sounds when the press was for another question than the open one."""


@dataclass(frozen=True, slots=True)
class Said:
    """A text."""

    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A sticker, a picture or any other content that is not text."""

    content: Content


Given = Said | Tapped | Picked | Shown


@dataclass(frozen=True, slots=True)
class Step:
    """What one input did. `progress` None: nothing is left to ask.

    `completed` is True for the one step that ended the form (or the correction).
    """

    progress: Progress | None
    answer: Answer | None = None
    note: Note = Note.NOTHING
    completed: bool = False


@dataclass(frozen=True, slots=True)
class _Walk:
    """The state one input meets; `here` is `progress` as the form of today has it."""

    form: Form
    progress: Progress | None
    answered: Answered
    here: Progress | None

    def open(self) -> Question | None:
        """Return the open question."""
        return question_of(self.form, self.here.question) if self.here else None

    def go(self, after: Progress | None, answer: Answer | None, note: Note) -> Step:
        """Stand at `after`: completed when something was open and nothing is left."""
        was_open = self.progress is not None or self.here is not None
        return Step(after, answer, note, completed=was_open and after is None)

    def stay(self, note: Note) -> Step:
        """Change nothing and ask again."""
        return self.go(self.here, None, note)


def dump(progress: Progress) -> dict[str, object]:
    """Return progress as a JSON object."""
    return asdict(progress) | {"chosen": list(progress.chosen)}


def load(data: Mapping[str, object]) -> Progress:
    """Return progress from its JSON object.

    Raises:
        ValueError: this is not what `dump` made.
    """
    match data:
        case {
            "form": str(form),
            "question": str(question),
            "chosen": [*chosen],
            "page": int(page),
            "editing": bool(editing),
        }:
            return Progress(form, question, tuple(map(str, chosen)), page, editing)
        case _:
            message = "not the progress of a form"
            raise ValueError(message)


def resume(form: Form, answered: Answered, progress: Progress | None = None) -> Progress | None:
    """Return where a member goes on: where they stood, else the first open question, else None."""
    here = progress if progress and progress.form == form.id else None
    kept = tuple(tap for tap in here.chosen if _still(form, tap)) if here else ()
    if (
        here
        and question_of(form, here.question)
        and (here.editing or here.question not in answered)
    ):
        return replace(here, chosen=kept)
    first = next((question for question in form.questions if question.id not in answered), None)
    return Progress(form.id, first.id, kept) if first else None


def edit(form: Form, question: str, options: Iterable[str] = ()) -> Progress:
    """Return the start of a correction; `options` are the ones chosen until now."""
    taps = tuple(f"{question}.{option}" for option in options)
    return Progress(form.id, question, taps, editing=True)


def step(
    form: Form, progress: Progress | None, answered: Answered, given: Given, words: Words
) -> Step:
    """Take one input. Total: whatever comes gives a Step, and no input loses an answer.

    `progress` None: no question is open (finished, or put off); a tap then counts all the same
    and the form goes on, a text does not. Whether the member agreed to being asked is the
    caller's to check.
    """
    walk = _Walk(form, progress, answered, resume(form, answered, progress))
    match given:
        case Shown(content):
            return walk.stay(Note.STICKER if content is Content.STICKER else Note.NOT_THAT)
        case Said(text):
            return _said(walk, text, words)
        case Tapped() | Picked():
            return _pressed(walk, given)
        case _:
            assert_never(given)


def _said(walk: _Walk, text: str, words: Words) -> Step:
    """Take a text: it answers the question that was asked, never one that took its place."""
    question, before = walk.open(), walk.progress
    if question is None or before is None or before.question != question.id:
        return walk.stay(Note.STALE)
    for option in picked_of(question, before.chosen):
        if answers.same(text, option.label):
            return _pressed(walk, Tapped(question.id, Act.DROP, option.id))
    buttons = buttons_of(walk.form, question, before.chosen, words)
    if question.kind in _NUMBERED:
        button = named(text, tuple(buttons))
    else:
        button = next((each for each in buttons if answers.same(text, each.label)), None)
    if button:
        return _pressed(walk, buttons[button])
    return _after(walk, question, answers.read(question, text))


def _pressed(walk: _Walk, given: Tapped | Picked) -> Step:
    """Take a press for the question it names, open or not."""
    question = question_of(walk.form, given.question)
    if question is None:
        return walk.stay(Note.STALE)
    if isinstance(given, Picked):
        return _after(walk, question, answers.on(question, given.day))
    if given.act is Act.PAGE:
        return _turned(walk, question, answers.number(given.argument) or 0)
    if question.kind is Kind.MULTI and (question.skip or given.act is not Act.SKIP):
        return _several(walk, question, given)
    read: Answer | Note = Note.STALE
    if given.act is Act.PICK:
        read = answers.choose(question, given.argument)
    elif given.act is Act.SKIP and question.skip:
        # An answer outweighs a skip, whichever arrives first.
        late = question.id in walk.answered and walk.open() != question
        read = Note.TOOK if late else answers.skip(question)
    return _after(walk, question, read)


def _turned(walk: _Walk, question: Question, page: int) -> Step:
    """Show another page of the open question's choices."""
    if walk.here is None or walk.open() != question:
        return walk.stay(Note.NOTHING)
    page = min(max(page, 0), len(question.options))
    return walk.go(replace(walk.here, page=page), None, Note.NOTHING)


def _several(walk: _Walk, question: Question, tap: Tapped) -> Step:
    """Take a press on a question of several choices: taps gather until DONE is among them.

    DONE is a tap like the others, so it may come before them; a SKIP is a DONE.
    """
    ends = tap.act in {Act.DONE, Act.SKIP}
    if not ends and all(tap.argument != option.id for option in question.options):
        return _after(walk, question, Note.STALE)
    here = walk.here
    correcting = here is not None and here.editing and walk.open() == question
    if here is None or (question.id in walk.answered and not correcting):
        return _after(walk, question, _revised(question, walk.answered.get(question.id, ()), tap))
    last = f"{question.id}."
    key = last if ends else last + tap.argument
    taps = {*here.chosen} - {key} if tap.act is Act.DROP else {*here.chosen, key}
    read: Answer | Note = Note.CHOSEN
    if last in taps:
        read = answers.gather(question, [option.id for option in picked_of(question, taps)])
    if isinstance(read, Answer):
        taps = {kept for kept in taps if not kept.startswith(last)}
    gathered = replace(here, chosen=tuple(sorted(taps)))
    return _after(replace(walk, here=gathered), question, read)


def _revised(question: Question, before: tuple[str, ...], tap: Tapped) -> Answer | Note:
    """Read a press that comes after the answer: it adds a choice or takes one away."""
    if tap.act not in {Act.PICK, Act.DROP}:
        return Note.TOOK
    option = {tap.argument}
    options = {*before} | option if tap.act is Act.PICK else {*before} - option
    read = answers.gather(question, options)
    # The last choice cannot be taken from a question that needs one.
    return Note.STALE if read is Note.CHOOSE_ONE else read


def _after(walk: _Walk, question: Question, read: Answer | Note) -> Step:
    """Return the step that follows from what an input said to a question."""
    here, asked = walk.here, walk.open() == question
    if isinstance(read, Note):
        return walk.go(here, None, read if asked else _ELSEWHERE.get(read, read))
    note = Note.NOTHING if asked else Note.TOOK
    if here and here.editing:
        return walk.go(None if asked else here, read, note)
    answered = {**walk.answered, question.id: read.options}
    return walk.go(resume(walk.form, answered, here), read, note)


def _still(form: Form, tap: str) -> bool:
    """Tell whether the form still has what a kept tap was on."""
    name, _, option = tap.partition(".")
    question = question_of(form, name)
    if question is None or question.kind is not Kind.MULTI:
        return False
    return not option or any(option == each.id for each in question.options)
