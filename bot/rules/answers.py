"""Reads what one input says to one question: an Answer, or the Note that says why it is none.

The rule it keeps: NFKC first, so a full-width digit is a digit; then the narrowest reading that
cannot be meant otherwise. Whatever comes is read or refused, never guessed and never an exception.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import assert_never

from bot.messages import Kind, Option, Question

SCORES = tuple(Option(str(score), str(score)) for score in range(11))
"""The choices of Kind.NPS."""

LONGEST = {Kind.SHORT_TEXT: 100, Kind.LONG_TEXT: 2000}
"""Characters a text may have when its question states no `high`."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5})")
"""At most 18 digits: what a 64-bit column holds. Commas only where thousands have them."""

_DATE = re.compile(r"([0-9]{4})\D([0-9]{1,2})\D([0-9]{1,2})\D?")
"""Year, month and day with any one character between (and after) them, in every language."""

_MINUS = "\N{MINUS SIGN}"

_INVISIBLE = "\N{HANGUL CHOSEONG FILLER}\N{HANGUL JUNGSEONG FILLER}\N{BRAILLE PATTERN BLANK}"
"""Letters and symbols by category, nothing by looks; NFKC turns other fillers into these."""


class Note(StrEnum):
    """What is said beside the open question, and why."""

    NOTHING = "nothing"
    CHOSEN = "chosen"
    """The choice of several has changed; what is chosen stands in place of the question."""
    TOOK = "took"
    """The tap counted for another question; the open one is asked again."""
    STALE = "stale"
    """The button, or the question it answers, is no longer in the form."""
    STICKER = "sticker"
    NOT_THAT = "not_that"
    """A picture or other content where an answer was awaited."""
    NOT_OFFERED = "not_offered"
    """A text that is none of the choices."""
    CHOOSE_ONE = "choose_one"
    """DONE came before any choice; it is kept, so the next choice ends the question."""
    EMPTY = "empty"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_NUMBER = "not_number"
    NOT_DATE = "not_date"
    OUT_OF_RANGE = "out_of_range"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to record; it replaces what the question had. `options` are ids in the form's order.

    One of `options`, `number` (also the score of nps), `day`, `text` is set, or `skipped`.
    """

    question: str
    kind: Kind
    options: tuple[str, ...] = ()
    number: int | None = None
    day: date | None = None
    text: str | None = None
    skipped: bool = False


def skip(question: Question) -> Answer:
    """Return the answer of who does not want to answer."""
    return Answer(question=question.id, kind=question.kind, skipped=True)


def choose(question: Question, option: str) -> Answer | Note:
    """Read the press of one choice, by its id (a score's is its number)."""
    match question.kind:
        case Kind.SINGLE | Kind.CONSENT if any(option == each.id for each in question.options):
            return Answer(question=question.id, kind=question.kind, options=(option,))
        case Kind.NPS if any(option == score.id for score in SCORES):
            return Answer(question=question.id, kind=question.kind, number=int(option))
        case Kind.DATE:
            # The button of a platform without a date picker: the day must be typed.
            return Note.NOT_DATE
        case _:
            return Note.STALE


def gather(question: Question, options: Iterable[str]) -> Answer | Note:
    """Read the choices of Kind.MULTI; none at all is a skip where the question allows it."""
    picked = set(options)
    if not picked:
        return skip(question) if question.skip else Note.CHOOSE_ONE
    # An option that the form no longer has stays in an answer that was given with it.
    known = tuple(option.id for option in question.options if option.id in picked)
    gone = tuple(sorted(picked.difference(known)))
    return Answer(question=question.id, kind=question.kind, options=known + gone)


def read(question: Question, text: str) -> Answer | Note:
    """Read a typed text that is no button's label or number."""
    match question.kind:
        case Kind.SINGLE | Kind.MULTI | Kind.CONSENT:
            return Note.NOT_OFFERED
        case Kind.NPS:
            score = number(text)
            return Note.NOT_OFFERED if score is None else _score(question, score)
        case Kind.SHORT_TEXT:
            return _text(question, " ".join(text.split()))
        case Kind.LONG_TEXT:
            return _text(question, text.strip())
        case Kind.NUMBER:
            return _number(question, number(text))
        case Kind.DATE:
            typed = day(text)
            return Note.NOT_DATE if typed is None else on(question, typed)
        case _:
            assert_never(question.kind)


def on(question: Question, picked: date) -> Answer | Note:
    """Read a day, typed or from a date picker. ISO dates sort as text."""
    if question.kind is not Kind.DATE:
        return Note.STALE
    iso = picked.isoformat()
    if iso < question.earliest or (question.latest and iso > question.latest):
        return Note.OUT_OF_RANGE
    return Answer(question=question.id, kind=question.kind, day=picked)


def agreed(question: Question, answer: Answer) -> bool:
    """Tell whether a consent was given: only the first option is a yes."""
    return bool(question.options) and answer.options == (question.options[0].id,)


def number(text: str) -> int | None:
    """Return the whole number a text is, or None.

    >>> number(" 1,200 "), number("1.5"), number("12,00")
    (1200, None, None)
    """
    typed = _plain(text).replace(_MINUS, "-")
    return int(typed.replace(",", "")) if _NUMBER.fullmatch(typed) else None


def day(text: str) -> date | None:
    """Return the date a text is, year first, or None.

    >>> day("2026/12/20"), day("2026-02-30")
    (datetime.date(2026, 12, 20), None)
    """
    found = _DATE.fullmatch("".join(_plain(text).split()))
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def same(text: str, label: str) -> bool:
    """Tell whether a text is a label; width, case and outer space do not matter."""
    return _plain(text).casefold() == _plain(label).casefold()


def blank(text: str) -> bool:
    """Tell whether a reader would see nothing: white space, format characters, fillers."""
    return not any(
        unicodedata.category(character)[0] in "LNPS" and character not in _INVISIBLE
        for character in unicodedata.normalize("NFKC", text)
    )


def _score(question: Question, score: int) -> Answer | Note:
    chosen = choose(question, str(score))
    return chosen if isinstance(chosen, Answer) else Note.OUT_OF_RANGE


def _number(question: Question, typed: int | None) -> Answer | Note:
    if typed is None:
        return Note.NOT_NUMBER
    if question.low is not None and typed < question.low:
        return Note.OUT_OF_RANGE
    if question.high is not None and typed > question.high:
        return Note.OUT_OF_RANGE
    return Answer(question=question.id, kind=question.kind, number=typed)


def _text(question: Question, text: str) -> Answer | Note:
    if blank(text):
        return Note.EMPTY
    if len(text) < (question.low or 0):
        return Note.TOO_SHORT
    if len(text) > (LONGEST[question.kind] if question.high is None else question.high):
        return Note.TOO_LONG
    return Answer(question=question.id, kind=question.kind, text=text)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()
