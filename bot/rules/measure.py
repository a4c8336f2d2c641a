"""How long a text is by a platform's own counting, and how it is cut to fit.

Platforms count UTF-16 units, code points or grapheme clusters (LINE counts a text by the
first and a label by the last). A cut never falls inside a grapheme cluster, so a family
emoji or a flag is shown whole or not at all; only a single cluster that is longer than
the limit itself is broken, because the limit is the platform's and would refuse it.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import assert_never

import regex

from bot.messages import Unit

ELLIPSIS = "…"

# Flags are pairs of regional indicators. `\X` alone finds each by looking back to where the row of
# flags began, which takes seconds for a long row; taken pair by pair they need no look back.
_GRAPHEME = regex.compile(r"\p{RI}{2}[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]*+|\X")

# Where a reader would pause, the longest pause first. A full-width stop (U+3002, U+FF01,
# U+FF1F) ends a sentence by itself; an ASCII one only before a space and not after a digit,
# so addresses and numbers stay whole. Closing quotes belong to the sentence they close.
# Possessive repeats keep the search linear in whatever a member writes.
_CLOSING = r"""[\p{Pe}\p{Pf}"']*+"""
_PAUSES = (
    regex.compile(r"\n"),
    regex.compile(
        rf"[\u3002\uff01\uff1f]++{_CLOSING}|(?<![\d.!?])[.!?]++{_CLOSING}(?=\s)",
    ),
    regex.compile(r"\s"),
)


def graphemes(text: str) -> list[str]:
    """Return the grapheme clusters of a text: what a reader calls its characters."""
    return _GRAPHEME.findall(text)


def length(text: str, unit: Unit) -> int:
    """Return how long a text is in `unit`."""
    match unit:
        case Unit.CODE_POINTS:
            return len(text)
        case Unit.UTF16:
            return len(text) + sum(character > "\uffff" for character in text)
        case Unit.GRAPHEMES:
            return len(graphemes(text))
        case _:
            assert_never(unit)


def fits(text: str, limit: int, unit: Unit) -> bool:
    """Tell whether a text is at most `limit` long; most texts are answered without counting."""
    if len(text) > limit:
        return unit is Unit.GRAPHEMES and length(text, unit) <= limit
    return unit is not Unit.UTF16 or 2 * len(text) <= limit or length(text, unit) <= limit


def shorten(text: str, limit: int, unit: Unit) -> str:
    """Return the text, or as many of its graphemes as leave room for an ellipsis.

    >>> shorten("moisturiser", 8, Unit.GRAPHEMES)
    'moistur…'
    """
    if fits(text, limit, unit):
        return text
    clusters = graphemes(text)
    sizes = list(accumulate(length(cluster, unit) for cluster in clusters))
    return "".join(clusters[: bisect_right(sizes, limit - 1)]) + ELLIPSIS


def split(text: str, limit: int, unit: Unit) -> tuple[str, ...]:
    """Cut a text into pieces of at most `limit` (2 or more), at line ends or sentences if it can.

    White space at the cuts goes; everything else is kept, in order. A piece ends early only
    in the second half of its room: a pause is not worth a needless message.

    >>> split("It is ready. Shall we begin?", 20, Unit.CODE_POINTS)
    ('It is ready.', 'Shall we begin?')
    """
    if fits(text, limit, unit):
        return (text,)
    clusters = list(_breakable(text, limit, unit))
    sizes = [0, *accumulate(length(cluster, unit) for cluster in clusters)]
    pauses = _pauses(text, clusters)
    pieces: list[str] = []
    start = 0
    while start < len(clusters):
        end = max(bisect_right(sizes, sizes[start] + limit) - 1, start + 1)
        if end < len(clusters):
            end = _last_pause(pauses, (start + end) // 2, end)
        pieces.append(_trimmed(clusters[start:end]))
        start = end
    return tuple(filter(None, pieces))


def _breakable(text: str, limit: int, unit: Unit) -> Iterator[str]:
    """Yield what must stay together: grapheme clusters, or code points of one that never fits."""
    for cluster in graphemes(text):
        if fits(cluster, limit, unit):
            yield cluster
        else:
            yield from cluster


def _pauses(text: str, clusters: Sequence[str]) -> list[list[int]]:
    """Return for each kind of pause the ascending numbers of clusters that stand before one."""
    number = {end: count for count, end in enumerate(accumulate(map(len, clusters)), 1)}
    return [
        [number[found.end()] for found in pause.finditer(text) if found.end() in number]
        for pause in _PAUSES
    ]


def _last_pause(pauses: Sequence[Sequence[int]], low: int, high: int) -> int:
    """Return the last of the longest pauses in (low, high], or `high` where nobody pauses."""
    for kind in pauses:
        index = bisect_right(kind, high) - 1
        if index >= 0 and kind[index] > low:
            return kind[index]
    return high


def _trimmed(clusters: Sequence[str]) -> str:
    """Join clusters without the white space around them.

    `str.strip` would not do: a space that carries a combining mark is not white.
    """
    visible = [index for index, cluster in enumerate(clusters) if not cluster.isspace()]
    return "".join(clusters[visible[0] : visible[-1] + 1]) if visible else ""
