"""What a community has that rules may name: checks every name, and finds what a wrong one meant."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches

from lark import Token

from bot.messages import Form, Kind, Question
from bot.rules.segment_tokens import SegmentError, day_of
from bot.rules.segment_words import Words, fold
from bot.rules.segments import Tag

_CHOOSING = frozenset({Kind.SINGLE, Kind.MULTI, Kind.CONSENT})
_COUNTING = frozenset({Kind.NUMBER, Kind.NPS})
_DIGITS = 18
"""What a 64-bit column holds, as in answers."""
_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What there is in a community; None is unknown, and then whatever is written is taken."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Saved segments: name -> text of the rule."""
    tags: Mapping[str, Collection[str]] | None = None
    """Key -> values; a key without values takes any."""
    forms: Sequence[Form] | None = None
    platforms: Collection[str] | None = None
    campaigns: Collection[str] | None = None

    def tag(self, key: Token, value: Token) -> Tag:
        """Return the tag that is written, as the community spells it."""
        wanted = None if value.type == "WORD" and value == "*" else str(value)
        if self.tags is None:
            return Tag(str(key), wanted)
        found, whole = spelled(key, self.tags), f"{key}:{value}"
        if found is None:
            raise SegmentError("segment-no-tag", place(key), self.near(whole), found=whole)
        if wanted is None or not self.tags[found]:
            return Tag(found, wanted)
        right = spelled(value, self.tags[found])
        if right is None:
            near = near_to(value, self.tags[found]) or self.near(whole)
            raise SegmentError("segment-no-tag", place(value), near, found=whole)
        return Tag(found, right)

    def bare_tag(self, name: str) -> Tag | None:
        """Return the tag that a word means without a colon: a key, or key and value in one."""
        for key, values in (self.tags or {}).items():
            if fold(key) == fold(name):
                return Tag(key, None)
            for value in values:
                if fold(key + value) == fold(name):
                    return Tag(key, value)
        return None

    def near(self, word: str, others: Iterable[str] = ()) -> list[str]:
        """Return the tags, saved segments and other words that are spelled nearly like one."""
        return near_to(word, (*self.names, *self._every_tag(), *others))

    def platform(self, value: Token) -> str:
        """Return the platform that is written."""
        return _checked(str(value), place(value), self.platforms, "segment-no-platform")

    def campaign(self, name: str, at: int) -> str:
        """Return the campaign (or coupon) that is written."""
        return _checked(name, at, self.campaigns, "segment-no-campaign")

    def question(self, name: str, at: int) -> tuple[str, str, Question | None]:
        """Return survey, question id and the question of `QUESTION` or `SURVEY.QUESTION`."""
        survey, _, question = name.rpartition(".")
        if self.forms is None:
            return survey, question, None
        every = [(form.id, each) for form in self.forms for each in form.questions]
        found = [
            (form, each)
            for form, each in every
            if fold(each.id) == fold(question) and fold(survey) in {"", fold(form)}
        ]
        if len(found) > 1:
            full = [f"{form}.{each.id}" for form, each in found]
            raise SegmentError("segment-two-questions", at, full, found=str(name))
        if not found:
            names = (known for form, each in every for known in (each.id, f"{form}.{each.id}"))
            near = near_to(name, names)
            raise SegmentError("segment-no-question", at, near, found=str(name))
        form, each = found[0]
        return form, each.id, each

    def _every_tag(self) -> Iterator[str]:
        for key, values in (self.tags or {}).items():
            yield key
            yield from (f"{key}:{value}" for value in values)


def answer_value(asked: Question | None, value: Token, words: Words) -> str | int | date:
    """Return what an answer is compared with: an option's id, a number or a day.

    The value of a question that is not known is read by its looks; quotes make it words.
    """
    if asked is None:
        number, day = whole(value, words), day_of(value) if value.type == "WORD" else None
        return number if number is not None else day or str(value)
    if asked.kind in _COUNTING:
        return number_of(value, words)
    if asked.kind is Kind.DATE:
        day = day_of(value)
        if day is None:
            raise SegmentError("segment-not-date", place(value), found=str(value))
        return day
    if asked.kind not in _CHOOSING:
        raise SegmentError("segment-words-question", place(value), found=asked.id)
    for option in asked.options:
        if fold(value) in {fold(option.id), fold(option.label)}:
            return option.id
    near = near_to(value, [option.label for option in asked.options])
    raise SegmentError("segment-no-option", place(value), near, found=str(value))


def number_of(value: Token, words: Words) -> int:
    """Return the whole number that is written."""
    number = whole(value, words)
    if number is None:
        raise SegmentError("segment-not-number", place(value), found=str(value))
    return number


def whole(value: Token, words: Words) -> int | None:
    """Return the whole number a token is; words in quotes are none."""
    found = words.number.fullmatch(fold(value)) if value.type == "WORD" else None
    if found is None or found.group(2) or len(found.group(1).lstrip("+-")) > _DIGITS:
        return None
    return int(found.group(1))


def spelled(word: str, known: Iterable[str]) -> str | None:
    """Return a known word as it is spelled; exactly so, else but for width and case."""
    same = [each for each in known if fold(each) == fold(word)]
    return str(word) if word in same else next(iter(same), None)


def near_to(word: str, known: Iterable[str]) -> list[str]:
    """Return the known words that are spelled nearly like one."""
    by_fold = {fold(each): each for each in known}
    close = get_close_matches(fold(word), by_fold, n=_SUGGESTIONS, cutoff=0.5)
    return [by_fold[each] for each in close]


def place(token: Token) -> int:
    """Return where a token begins."""
    return token.start_pos or 0


def _checked(name: str, at: int, known: Collection[str] | None, key: str) -> str:
    found = name if known is None else spelled(name, known)
    if found is None:
        raise SegmentError(key, at, near_to(name, known or ()), found=str(name))
    return found
