"""Writes a segment's tree as a rule, in one canonical way and in one language's words."""

from datetime import date
from typing import assert_never

from bot.rules.segment_tokens import day_of, quoted
from bot.rules.segment_words import DAYS_OF, Words, fold
from bot.rules.segments import (
    Answer,
    Campaign,
    Company,
    Days,
    Every,
    Named,
    Node,
    Not,
    Platform,
    Some,
    Tag,
)


def text(node: Node, words: Words) -> str:
    """Return a tree as a rule; `parse` gives the same tree back from it."""
    match node:
        case Some(rules=rules):
            return _joined("or", rules, words, Some)
        case Every(rules=rules):
            return _joined("and", rules, words, Some, Every)
        case Not(rule=rule):
            said, inner = words.said["not"], _inside(rule, words, Some, Every)
            return f"{inner} {said}" if words.not_follows else f"{said} {inner}"
        case Named(name=name):
            return quoted(name, words)
        case Tag(key=key, value=value):
            # A bare * is any value, so a value of that name goes in quotes, as `quoted` does.
            return f"{quoted(key, words)}:{'*' if value is None else quoted(value, words)}"
        case _:
            return _compared(node, words)


def _joined(symbol: str, rules: tuple[Node, ...], words: Words, *kinds: type[Node]) -> str:
    return f" {words.said[symbol]} ".join(_inside(rule, words, *kinds) for rule in rules)


def _inside(rule: Node, words: Words, *kinds: type[Node]) -> str:
    said = text(rule, words)
    return f"({said})" if isinstance(rule, kinds) else said


def _compared(term: Days | Answer | Platform | Company | Campaign, words: Words) -> str:
    match term:
        case Days(measure=measure, days=days):
            head = words.said[measure.value].replace(DAYS_OF, str(term.within))
            value = str(days)
        case Answer(survey=survey, question=question):
            head = ".".join(filter(None, (words.said["answer"], survey, question)))
            value = _literal(term.value, words)
        case Platform(name=name):
            head, value = words.said["platform"], _literal(name, words)
        case Company(name=name):
            head, value = words.said["company"], _literal(name, words)
        case Campaign(name=name, stage=stage):
            head, value = f"{words.said['campaign']}.{name}", words.said[stage.value]
        case _:
            assert_never(term)
    return f"{head} {term.compare} {value}"


def _literal(value: str | int | date, words: Words) -> str:
    """Write a value; words that would read as a number or a day go in quotes."""
    if not isinstance(value, str):
        return str(value)
    unlike = words.number.fullmatch(fold(value)) is None and day_of(value) is None
    return quoted(value, words) if unlike else f'"{value}"'
