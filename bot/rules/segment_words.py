"""The words that segment rules are written with, in every language at once.

The rule it keeps: the grammar knows symbols only (`not`, `joined_days`, `>=`); how people spell
them is data, read from `prompts/rules/segments.toml` by whoever has a file system.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

DAYS_OF = "{n}"
"""Stands for the number in the spellings of `active_days`."""

OPERATORS = ("not", "and", "or")
TERMS = ("joined_days", "idle_days", "answer", "platform", "company", "campaign")
STAGES = ("entered", "won", "used")
_SIGNS = {
    "==": "=",
    "\N{NOT EQUAL TO}": "!=",
    "\N{LESS-THAN OVER EQUAL TO}": "<=",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OVER EQUAL TO}": ">=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
}


def fold(text: str) -> str:
    """Return a word as it is compared: width, case and outer space do not count."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()


def sign(text: str) -> str:
    """Return the comparison that a sign means, in ASCII."""
    folded = fold(text)
    return _SIGNS.get(folded, folded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How operators, terms, stages and comparisons are spelled; `of` makes one."""

    operators: Mapping[str, str]
    """Folded spelling -> symbol; so are the next three."""
    terms: Mapping[str, str]
    stages: Mapping[str, str]
    compares: Mapping[str, str]
    active: re.Pattern[str]
    """The folded spellings of active days; a group that matched holds N."""
    number: re.Pattern[str]
    """A folded whole number, perhaps with its unit and a comparison (`60`, then `>=`)."""
    said: Mapping[str, str]
    """Symbol -> the spelling we write."""
    not_follows: bool
    """True where `not` is written after its rule."""

    def window(self, text: str) -> int | None:
        """Return the N of active days, None when a word is something else."""
        found = self.active.fullmatch(fold(text))
        return int(next(filter(None, found.groups()))) if found else None

    def heads(self) -> tuple[str, ...]:
        """Return every spelling that a term may begin with."""
        thirty = self.said["active_days"].replace(DAYS_OF, "30")
        return (*self.terms, fold(thirty))


def of(table: Mapping[str, Mapping[str, Any]], locale: str) -> Words:
    """Return the words of a table of languages; `locale` is the one we write.

    Raises:
        KeyError: a language lacks a word, or `locale` is none of them.
    """
    own, languages = table[locale], tuple(table.values())
    symbols = (*OPERATORS, *TERMS, *STAGES, "active_days")
    compares = {fold(text): symbol for symbol, text in _compares(languages)}
    units = (unit for language in languages for unit in language["unit"])
    return Words(
        operators=_spellings(languages, OPERATORS),
        terms=_spellings(languages, TERMS),
        stages=_spellings(languages, STAGES),
        compares=compares,
        active=_active(languages),
        number=re.compile(f"([+-]?[0-9]+)(?:{_either(units)})?({_either(compares)})?"),
        said={symbol: own[symbol][0] for symbol in symbols},
        not_follows=own["not_follows"],
    )


def _spellings(
    languages: tuple[Mapping[str, Any], ...], symbols: tuple[str, ...]
) -> dict[str, str]:
    return {
        fold(text): symbol
        for language in languages
        for symbol in symbols
        for text in language[symbol]
    }


def _compares(languages: tuple[Mapping[str, Any], ...]) -> Iterator[tuple[str, str]]:
    for language in languages:
        for symbol, spellings in language.get("compare", {}).items():
            for text in spellings:
                yield symbol, text


def _active(languages: tuple[Mapping[str, Any], ...]) -> re.Pattern[str]:
    spellings = (fold(text) for language in languages for text in language["active_days"])
    # At most 4 digits: more is no window anyway, and `int` refuses thousands of them.
    return re.compile(
        "|".join(re.escape(text).replace(re.escape(DAYS_OF), "([0-9]{1,4})") for text in spellings)
    )


def _either(spellings: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, map(fold, spellings)), key=len, reverse=True))
