"""Segments: rules over what members said and did, as trees that are stored, judged and explained.

The rule it keeps: every term is true or false for every member. A value she does not have makes
its comparison false, so `not` of it is true. `storage.segments` turns the same tree into SQL;
`matches` is the plain statement of what that SQL means, and one property test compares them.

A day is 24 hours from midnight by the offset that the community's zone has now (where clocks
change in summer, days of the other half of the year begin an hour off). `joined_days` and
`idle_days` are 0 for today; `active_30d` counts the days with activity among today and the 29
before it, and is 0 (not missing) for who did nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from operator import eq, ge, gt, le, lt, ne
from typing import assert_never


class Compare(StrEnum):
    """How a value is compared."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="

    def holds(self, actual: int | date, wanted: int | date) -> bool:
        """Compare two numbers or two days."""
        return bool(_OPERATORS[self](actual, wanted))


_OPERATORS = {
    Compare.EQ: eq,
    Compare.NE: ne,
    Compare.LT: lt,
    Compare.LE: le,
    Compare.GT: gt,
    Compare.GE: ge,
}


class Measure(StrEnum):
    """What is counted in days."""

    JOINED = "joined_days"
    IDLE = "idle_days"
    ACTIVE = "active_days"


class Stage(StrEnum):
    """How far a member came in a campaign; a coupon is entered when given, used when shown."""

    ENTERED = "entered"
    WON = "won"
    USED = "used"


@dataclass(frozen=True, slots=True)
class Tag:
    """She has the tag; with `value` None, any tag of that key."""

    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Days:
    """A number of days compares so; `within` is the N of active days, else 0."""

    measure: Measure
    compare: Compare
    days: int
    within: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Her answer compares so. `survey` "" is any; `value` is an option's id, a number or a day.

    An option is only `=` (chosen, perhaps among others) or `!=` (answered, and not chosen).
    """

    survey: str
    question: str
    compare: Compare
    value: str | int | date


@dataclass(frozen=True, slots=True)
class Platform:
    """She has an account there (`=`), or has accounts and none there (`!=`)."""

    compare: Compare
    name: str


@dataclass(frozen=True, slots=True)
class Company:
    """She is of that company (`=`), or of another (`!=`)."""

    compare: Compare
    name: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """She came that far in a campaign (`=`), or entered it and did not (`!=`)."""

    name: str
    compare: Compare
    stage: Stage


@dataclass(frozen=True, slots=True)
class Not:
    """The rule does not hold."""

    rule: "Node"


@dataclass(frozen=True, slots=True)
class Every:
    """Every rule holds; there are two or more."""

    rules: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one rule holds; there are two or more."""

    rules: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A saved segment, with the rule that its name meant when this was read."""

    name: str
    rule: "Node"


Term = Tag | Days | Answer | Platform | Company | Campaign
Node = Term | Not | Every | Some | Named


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What one question was answered; skipped questions have no Answered."""

    options: tuple[str, ...] = ()
    number: int | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one member at `now`; days begin at midnight of `zone`.

    `active_at` are the times of what she did herself, those of the last 365 days at least and
    the last of all. `answers` is keyed by (survey, question), `campaigns` tells the stages.
    """

    now: datetime
    zone: tzinfo
    joined_at: datetime
    active_at: tuple[datetime, ...] = ()
    tags: frozenset[tuple[str, str]] = frozenset()
    answers: Mapping[tuple[str, str], Answered]
    platforms: frozenset[str] = frozenset()
    company: str | None = None
    campaigns: Mapping[str, frozenset[Stage]]

    def ago(self, at: datetime) -> int:
        """Return how many days before today a time lies; today is 0."""
        offset = timezone(self.now.astimezone(self.zone).utcoffset() or timedelta())
        return (self.now.astimezone(offset).date() - at.astimezone(offset).date()).days


@dataclass(frozen=True, slots=True)
class Reason:
    """A term that decided, whether it held, and what she has; `actual` is empty when nothing."""

    term: Term
    held: bool
    actual: tuple[str, ...]


def matches(node: Node, facts: Facts) -> bool:
    """Tell whether a member is in a segment."""
    match node:
        case Every(rules=rules):
            return all(matches(rule, facts) for rule in rules)
        case Some(rules=rules):
            return any(matches(rule, facts) for rule in rules)
        case Not(rule=rule):
            return not matches(rule, facts)
        case Named(rule=rule):
            return matches(rule, facts)
        case _:
            return _holds(node, facts)


def explain(node: Node, facts: Facts) -> tuple[Reason, ...]:
    """Return the terms that decided that a member is in a segment, or is not, each once."""
    return tuple(dict.fromkeys(_reasons(node, facts)))


def depth(node: Node) -> int:
    """Return how many levels a tree has; a term has one."""
    return 1 + max((depth(rule) for rule in _below(node)), default=0)


def terms(node: Node) -> Iterator[Term]:
    """Yield every term of a tree, in order."""
    if isinstance(node, Not | Every | Some | Named):
        for rule in _below(node):
            yield from terms(rule)
    else:
        yield node


def _below(node: Node) -> tuple[Node, ...]:
    match node:
        case Every(rules=rules) | Some(rules=rules):
            return rules
        case Not(rule=rule) | Named(rule=rule):
            return (rule,)
        case _:
            return ()


def _holds(term: Term, facts: Facts) -> bool:
    match term:
        case Tag(key=key, value=value):
            return any(key == has and value in {None, word} for has, word in facts.tags)
        case Days():
            actual = _days(term, facts)
            return actual is not None and term.compare.holds(actual, term.days)
        case Answer():
            return any(_answered(term, answer) for answer in _answers(term, facts))
        case Platform(compare=compare, name=name):
            return _among(compare, name, facts.platforms)
        case Company(compare=compare, name=name):
            return _among(compare, name, () if facts.company is None else (facts.company,))
        case Campaign(name=name, compare=compare, stage=stage):
            return _among(compare, stage, facts.campaigns.get(name, ()))
        case _:
            assert_never(term)


def _among(compare: Compare, wanted: str, has: frozenset[str] | tuple[str, ...]) -> bool:
    """Compare one word with those there are; without any, every comparison is false."""
    match compare:
        case Compare.EQ:
            return wanted in has
        case Compare.NE:
            return bool(has) and wanted not in has
        case _:
            return False


def _answered(term: Answer, answer: Answered) -> bool:
    match term.value:
        case str():
            return _among(term.compare, term.value, answer.options)
        case int():
            return answer.number is not None and term.compare.holds(answer.number, term.value)
        case date():
            return answer.day is not None and term.compare.holds(answer.day, term.value)
        case _:
            assert_never(term.value)


def _answers(term: Answer, facts: Facts) -> list[Answered]:
    return [
        answer
        for (survey, question), answer in facts.answers.items()
        if question == term.question and term.survey in {"", survey}
    ]


def _days(term: Days, facts: Facts) -> int | None:
    past = [at for at in facts.active_at if at <= facts.now]
    match term.measure:
        case Measure.JOINED:
            return facts.ago(facts.joined_at)
        case Measure.IDLE:
            return facts.ago(max(past)) if past else None
        case Measure.ACTIVE:
            return len({ago for ago in map(facts.ago, past) if ago < term.within})
        case _:
            assert_never(term.measure)


def _reasons(node: Node, facts: Facts) -> Iterator[Reason]:
    held = matches(node, facts)
    match node:
        case Every(rules=rules) | Some(rules=rules):
            # Those that agree with the whole made it so: all of a held Every, some of a held Some.
            for rule in rules:
                if matches(rule, facts) is held:
                    yield from _reasons(rule, facts)
        case Not(rule=rule) | Named(rule=rule):
            yield from _reasons(rule, facts)
        case _:
            yield Reason(node, held, tuple(_actual(node, facts)))


def _actual(term: Term, facts: Facts) -> Iterator[str]:
    """Say what a member has where a term looks."""
    match term:
        case Tag(key=key):
            yield from sorted(word for has, word in facts.tags if has == key)
        case Days():
            days = _days(term, facts)
            yield from () if days is None else (str(days),)
        case Answer():
            for answer in _answers(term, facts):
                yield from answer.options
                yield from (str(one) for one in (answer.number, answer.day) if one is not None)
        case Platform():
            yield from sorted(facts.platforms)
        case Company():
            yield from () if facts.company is None else (facts.company,)
        case Campaign(name=name):
            yield from sorted(facts.campaigns.get(name, ()))
        case _:
            assert_never(term)
