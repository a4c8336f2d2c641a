"""Counts what a question was answered, for people who read numbers and no names.

The rule it keeps: shares are of those who answered, skips are counted apart, and nothing that
was written in words can come out of here.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

PROMOTER, DETRACTOR = 9, 6
"""Bounds of the net promoter score: 9 and 10 recommend, 0 to 6 do not."""


@dataclass(frozen=True, slots=True)
class Row:
    """`count` members who answered the same: options, or a number, or neither (a text, a day)."""

    options: tuple[str, ...]
    number: int | None
    skipped: bool
    count: int


@dataclass(frozen=True, slots=True)
class Tally:
    """All answers to one question; `numbers` and `options` say how many gave which."""

    answered: int
    skipped: int
    options: Counter[str]
    numbers: Counter[int]

    @property
    def mean(self) -> float:
        """The average of the numbers; there must be one."""
        total = sum(number * count for number, count in self.numbers.items())
        return total / self.numbers.total()

    @property
    def promoters(self) -> int:
        """The net promoter score, -100 to 100: promoters less detractors in percent."""
        better = sum(count for number, count in self.numbers.items() if number >= PROMOTER)
        worse = sum(count for number, count in self.numbers.items() if number <= DETRACTOR)
        return round(100 * (better - worse) / self.numbers.total())

    def share(self, option: str) -> int:
        """How many of those who answered chose an option, in percent."""
        return round(100 * self.options[option] / self.answered) if self.answered else 0


def tally(rows: Iterable[Row]) -> Tally:
    """Add rows up.

    >>> found = tally([Row(("a", "b"), None, False, 2), Row(("a",), None, False, 1)])
    >>> found.answered, found.options["a"], found.share("b")
    (3, 3, 67)
    """
    answered = skipped = 0
    options: Counter[str] = Counter()
    numbers: Counter[int] = Counter()
    for row in rows:
        if row.skipped:
            skipped += row.count
            continue
        answered += row.count
        for option in row.options:
            options[option] += row.count
        if row.number is not None:
            numbers[row.number] += row.count
    return Tally(answered, skipped, options, numbers)
