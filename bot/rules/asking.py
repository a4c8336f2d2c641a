"""How a question is asked: its lines, its buttons, and what each of its buttons means.

The rule it keeps: every button is made here and read back here, so a value, a label and a number
in the list can never mean different things. No word is written here: `Words` brings them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bot.messages import Choice, Choices, Form, Kind, Option, Part, Picks, Question, Text
from bot.rules.answers import LONGEST, SCORES, Note
from bot.rules.answers import day as day_of

_ASKED_AGAIN = frozenset({Note.TOOK, Note.STALE})
"""Notes that are about something else, so that the question follows them."""


class Act(StrEnum):
    """What a button of a form does; the verb of its value."""

    PICK = "pick"
    DROP = "drop"
    DONE = "done"
    SKIP = "skip"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a member stands.

    `chosen` keeps the taps on unfinished questions of several choices, each as
    `question.option`, or `question.` for a DONE that came before any choice. `editing`: this one
    question is corrected, and all is done once it is answered.
    """

    form: str
    question: str
    chosen: tuple[str, ...] = ()
    page: int = 0
    editing: bool = False


@dataclass(frozen=True, slots=True)
class Tapped:
    """A button of `question`; `argument` is the option's id, the score, or the page."""

    question: str
    act: Act
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Picked:
    """A day from a date picker."""

    question: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words around a form, in the member's language; no button's word may be blank."""

    skip: str
    done: str
    date: str
    """The button that opens a date picker."""
    drop: Callable[[str], str]
    """The button that takes back the option of this label."""
    chosen: Callable[[tuple[str, ...]], str]
    """The line that lists the labels chosen so far."""
    note: Callable[[Note, Mapping[str, str]], str]
    """The sentence for a note; its values are those of `facts`."""


def press(verb: str, argument: str, picked: str = "") -> tuple[str, Tapped | Picked] | None:
    """Return the form's id and the press that a button's `survey:verb:argument` means.

    `picked` is the ISO date of a picker. None: no button of a form ever had this value.

    >>> press("pick", "welcome.age.40s")
    ('welcome', Tapped(question='age', act=<Act.PICK: 'pick'>, argument='40s'))
    """
    form, _, rest = argument.partition(".")
    question, _, option = rest.partition(".")
    if not form or not question or verb not in {*Act}:
        return None
    if not picked:
        return form, Tapped(question, Act(verb), option)
    day = day_of(picked)
    return (form, Picked(question, day)) if day else None


def prompt(
    form: Form, progress: Progress, words: Words, note: Note = Note.NOTHING
) -> tuple[Part, ...]:
    """Return what to say at the open question; () when the form does not have it any more."""
    question = question_of(form, progress.question)
    if question is None:
        return ()
    text = Text(_wording(form, question, progress, words, note))
    buttons = tuple(buttons_of(form, question, progress.chosen, words))
    turn = f"survey:{Act.PAGE}:{form.id}.{question.id}"
    return (text, Choices(buttons, progress.page, turn)) if buttons else (text,)


def facts(form: Form, question: Question) -> dict[str, str]:
    """Return the values a note may name: `at` ("4/4"), `kind`, and the bounds `low` and `high`."""
    high = LONGEST.get(question.kind) if question.high is None else question.high
    low = question.low
    return {
        "at": _place(form, question),
        "kind": question.kind.value,
        "low": question.earliest or ("" if low is None else str(low)),
        "high": question.latest or ("" if high is None else str(high)),
    }


def question_of(form: Form, name: str) -> Question | None:
    """Return the question of this id, if the form has it."""
    return next((question for question in form.questions if question.id == name), None)


def picked_of(question: Question, chosen: Iterable[str]) -> tuple[Option, ...]:
    """Return the options chosen so far of a question of several choices, in the form's order."""
    if question.kind is not Kind.MULTI:
        return ()
    return tuple(option for option in question.options if f"{question.id}.{option.id}" in chosen)


def _wording(form: Form, question: Question, progress: Progress, words: Words, note: Note) -> str:
    """Return the lines above the buttons: the note, the question, what is chosen."""
    asked = question.text if progress.editing else f"{_place(form, question)} {question.text}"
    labels = tuple(option.label for option in picked_of(question, progress.chosen))
    chosen = [words.chosen(labels)] if labels else []
    match note:
        case Note.NOTHING:
            lines = [asked, *chosen]
        case Note.CHOSEN:
            lines = chosen or [asked]
        case _:
            lines = [words.note(note, facts(form, question))]
            lines += [asked, *chosen] if note in _ASKED_AGAIN else []
    return "\n".join(lines)


def buttons_of(
    form: Form, question: Question, chosen: tuple[str, ...], words: Words
) -> dict[Choice, Tapped]:
    """Return the buttons of a question, in order, with what each of them presses."""
    picked = picked_of(question, chosen)
    options = SCORES if question.kind is Kind.NPS else question.options
    offers = [(each.label, Act.PICK, each.id) for each in options if each not in picked]
    offers += [(words.drop(each.label), Act.DROP, each.id) for each in picked]
    if question.kind is Kind.DATE:
        offers.append((words.date, Act.PICK, ""))
    if question.kind is Kind.MULTI:
        offers.append((words.done, Act.DONE, ""))
    if question.skip and not picked:
        offers.append((words.skip, Act.SKIP, ""))
    buttons = {}
    for label, act, argument in offers:
        value = ".".join(filter(None, (form.id, question.id, argument)))
        dates = question.kind is Kind.DATE and act is Act.PICK
        choice = Choice(label, f"survey:{act}:{value}", Picks.DATE if dates else Picks.NOTHING)
        buttons[choice] = Tapped(question.id, act, argument)
    return buttons


def _place(form: Form, question: Question) -> str:
    return f"{form.questions.index(question) + 1}/{len(form.questions)}"
