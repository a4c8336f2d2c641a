"""Surveys as a community's folder defines them: one TOML file is one survey.

The rule it keeps: a survey that loads can be walked to its end on every platform. What would
surprise a member later (two equal labels, a bound that nothing meets) is a problem now.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import combinations
from typing import Literal

from pydantic import Field

from bot.errors import Misconfigured
from bot.messages import Form, Kind, Option, Question, Unit
from bot.rules.answers import LONGEST, same
from bot.rules.measure import fits
from bot.tomlfile import Day, Definition, Fault, Id, Said, Source, Whole, Yes, shape

LABEL_GRAPHEMES = 20
"""What LINE shows of a button's label (platforms.md 5); longer ones become a numbered list."""

_CHOOSING = frozenset({Kind.SINGLE, Kind.MULTI, Kind.CONSENT})
_TEXTS = frozenset({Kind.SHORT_TEXT, Kind.LONG_TEXT})
_TAGGING = frozenset({Kind.SINGLE, Kind.MULTI})
_YES_AND_NO = 2

_ONLY_FOR = {
    "tag": _TAGGING,
    "guides": _TAGGING,
    "fills": frozenset({Kind.SHORT_TEXT}),
    "low": _TEXTS | {Kind.NUMBER},
    "high": _TEXTS | {Kind.NUMBER},
    "earliest": frozenset({Kind.DATE}),
    "latest": frozenset({Kind.DATE}),
}
"""The kinds a key has a meaning for."""


class Offered(StrEnum):
    """Where a member meets a survey."""

    JOIN = "join"
    """At the first contact."""
    MENU = "menu"


class SurveyTable(Definition):
    """The survey itself."""

    id: Id
    title: Said
    minutes: int = Field(strict=True, ge=1)
    """How long it takes, as the greeting says."""
    offered: Offered = Offered.MENU
    thanks: str = ""
    """The id of the coupon that thanks for it."""


class SurveyOption(Definition):
    """One answer to choose."""

    id: Id
    label: Said
    tags: Yes = True
    """False keeps this answer out of the member's tags ("no answer")."""


class SurveyQuestion(Definition):
    """One question. Its options are written as `options = [...]` or as `[[question.option]]`."""

    id: Id
    kind: Kind
    text: Said
    options: tuple[SurveyOption, ...] = ()
    option: tuple[SurveyOption, ...] = ()
    skip: Yes = False
    tag: str = ""
    """The tag that a choice sets: tag "age" and label "40s" give age:40s."""
    fills: Literal["", "nickname"] = ""
    guides: Yes = False
    """True puts the chosen labels into the thank-you line."""
    low: Whole | None = None
    high: Whole | None = None
    """Bounds of a number, or of a text's characters."""
    earliest: Day | None = None
    latest: Day | None = None

    def key(self) -> str:
        """Return the key that the options are written under."""
        return "option" if self.option else "options"

    def choices(self) -> tuple[SurveyOption, ...]:
        """Return the options, however they are written."""
        return self.options + self.option


class SurveyFile(Definition):
    """A survey: its table, and its questions in the order they are asked."""

    survey: SurveyTable
    question: tuple[SurveyQuestion, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A survey that may be offered. `thanks` is a coupon's id or ""; `warnings` stop nothing."""

    form: Form
    minutes: int
    offered: Offered
    thanks: str = ""
    warnings: tuple[str, ...] = ()


def survey_of(read: Source) -> Survey:
    """Return the survey that a file defines.

    Raises:
        Misconfigured: with every problem of the file.
    """
    file = shape(read, SurveyFile)
    problems = [read.problem(fault) for fault in _faults(file)]
    if problems:
        raise Misconfigured(problems)
    table = file.survey
    questions = tuple(_question(question) for question in file.question)
    return Survey(
        form=Form(id=table.id, title=table.title, questions=questions),
        minutes=table.minutes,
        offered=table.offered,
        thanks=table.thanks,
        warnings=tuple(read.problem(fault) for fault in _long_labels(file)),
    )


def _question(question: SurveyQuestion) -> Question:
    return Question(
        id=question.id,
        kind=question.kind,
        text=question.text,
        options=tuple(Option(each.id, each.label, each.tags) for each in question.choices()),
        skip=question.skip,
        tag=question.tag,
        fills=question.fills,
        guides=question.guides,
        low=question.low,
        high=question.high,
        earliest=_iso(question.earliest),
        latest=_iso(question.latest),
    )


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def _faults(file: SurveyFile) -> Iterator[Fault]:
    for (_, first), (place, second) in combinations(enumerate(file.question), 2):
        if first.id == second.id:
            at = ("question", place, "id")
            yield Fault(at, f'there are two questions "{first.id}"', "give one of them another id")
        if first.fills and first.fills == second.fills:
            at = ("question", place, "fills")
            yield Fault(at, f"two questions fill the {first.fills}", "let only one of them fill it")
    for place, question in enumerate(file.question):
        faults = (*_misplaced(question), *_options(question), *_bounds(question))
        for fault in faults:
            what = f'question "{question.id}": {fault.what}'
            yield Fault(("question", place, *fault.at), what, fault.cure)


def _misplaced(question: SurveyQuestion) -> Iterator[Fault]:
    """Find keys that mean nothing for the question's kind."""
    for key, kinds in _ONLY_FOR.items():
        if getattr(question, key) not in {None, "", False} and question.kind not in kinds:
            right = ", ".join(sorted(kinds))
            what = f'"{key}" means nothing for kind "{question.kind}"'
            yield Fault((key,), what, f"remove it, or make the kind one of: {right}")


def _options(question: SurveyQuestion) -> Iterator[Fault]:
    choices, key = question.choices(), question.key()
    if question.options and question.option:
        yield Fault(("option",), "options are written in two ways", "keep one of the two")
    elif question.kind not in _CHOOSING and choices:
        what = f'kind "{question.kind}" has no options'
        yield Fault((key,), what, "remove them, or make the kind single or multi")
    elif question.kind is Kind.CONSENT and len(choices) != _YES_AND_NO:
        what = f"a consent has two options, not {len(choices)}"
        yield Fault((key,), what, "write first the yes, then the no")
    elif question.kind in _CHOOSING and not choices:
        what = f'kind "{question.kind}" needs options'
        yield Fault(("kind",), what, 'add `options = [{ id = "…", label = "…" }]`')
    for (_, first), (place, second) in combinations(enumerate(choices), 2):
        if first.id == second.id:
            what = f'there are two options "{first.id}"'
            yield Fault((key, place, "id"), what, "give one of them another id")
        if same(first.label, second.label):
            what = f'two options are called "{first.label}"'
            yield Fault((key, place, "label"), what, "a typed answer names one: change a label")


def _bounds(question: SurveyQuestion) -> Iterator[Fault]:
    low, high, longest = question.low, question.high, LONGEST[Kind.LONG_TEXT]
    if low is not None and high is not None and low > high:
        yield Fault(("low",), f"low {low} is above high {high}", "exchange them")
    if question.earliest and question.latest and question.earliest > question.latest:
        what = f"earliest {question.earliest} is after latest {question.latest}"
        yield Fault(("earliest",), what, "exchange them")
    if question.kind in _TEXTS:
        for key, bound in (("low", low), ("high", high)):
            if bound is not None and not 1 <= bound <= longest:
                what = f"{key} {bound} is no length of a text"
                yield Fault((key,), what, f"make it 1 to {longest}")
        if high is None and low is not None and low > LONGEST[question.kind]:
            what = f"low {low} is above the usual high {LONGEST[question.kind]}"
            yield Fault(("low",), what, "state a high, too")


def _long_labels(file: SurveyFile) -> Iterator[Fault]:
    for place, question in enumerate(file.question):
        for number, option in enumerate(question.choices()):
            if not fits(option.label, LABEL_GRAPHEMES, Unit.GRAPHEMES):
                what = f'label "{option.label}" is longer than {LABEL_GRAPHEMES} characters'
                at = ("question", place, question.key(), number, "label")
                yield Fault(at, what, "shorten it, or LINE shows a numbered list instead")
