"""How a request is checked: rules are data, what breaks them is collected, nothing is raised.

Messages follow the wording of LINE's own 400 answers. Checks are written so that the usual,
right value costs a comparison or two: exact counting starts only past the cheap bound.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import regex

Json = dict[str, Any]
"""A JSON object as it came over the wire."""

_CLUSTER = regex.compile(r"\X")
_LOOPBACK = ("http://127.0.0.1:", "http://127.0.0.1/", "http://localhost:", "http://localhost/")


def over_utf16(text: str, most: int) -> bool:
    """Return whether `text` has more than `most` UTF-16 code units, LINE's count for messages.

    >>> over_utf16("a🍎", 2), over_utf16("a🍎", 3)
    (True, False)
    """
    return len(text) * 2 > most and len(text.encode("utf-16-le", "surrogatepass")) > most * 2


def over_graphemes(text: str, most: int) -> bool:
    """Return whether `text` has more than `most` grapheme clusters, LINE's count for labels.

    >>> over_graphemes("👨‍👩‍👧", 1), over_graphemes("👨‍👩‍👧a", 1)
    (False, True)
    """
    return len(text) > most and len(_CLUSTER.findall(text)) > most


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken limit: `where` is the JSON path LINE would name, `message` what is wrong."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Words:
    """The rule for a piece of text: at most `most` units, never blank."""

    key: str
    most: int
    over: Callable[[str, int], bool] = over_graphemes
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """The rule for an address that LINE's servers or a member's phone will load."""

    key: str
    needed: bool = True
    most: int = 2_000


class Findings:
    """Collects violations. `http_media` also lets plain http addresses on loopback pass."""

    def __init__(self, *, http_media: bool = False) -> None:
        self.http_media = http_media
        self.found: list[Violation] = []

    def add(self, where: str, message: str) -> None:
        """Note one violation."""
        self.found.append(Violation(where, message))

    def words(self, holder: Json, at: str, rule: Words) -> None:
        """Check the text that `rule` names in `holder`."""
        value = holder.get(rule.key)
        if value is None:
            if rule.needed:
                self.add(f"{at}{rule.key}", "must be specified")
        elif not isinstance(value, str):
            self.add(f"{at}{rule.key}", "must be a string")
        elif not value.strip():
            self.add(f"{at}{rule.key}", "May not be empty")
        elif rule.over(value, rule.most):
            self.add(f"{at}{rule.key}", f"Length must be between 1 and {rule.most}")

    def link(self, holder: Json, at: str, rule: Link) -> None:
        """Check the https address that `rule` names in `holder`."""
        value = holder.get(rule.key)
        if value is None:
            if rule.needed:
                self.add(f"{at}{rule.key}", "must be specified")
        elif not isinstance(value, str) or not self._loadable(value):
            self.add(f"{at}{rule.key}", "Must be a valid https URL")
        elif len(value) > rule.most:
            self.add(f"{at}{rule.key}", f"Length must be between 1 and {rule.most}")

    def _loadable(self, address: str) -> bool:
        secure = address.startswith("https://") and len(address) > len("https://")
        local = self.http_media and address.startswith(_LOOPBACK)
        return (secure or local) and address.isascii() and not any(map(str.isspace, address))

    def one_of(self, holder: Json, at: str, key: str, allowed: frozenset[str]) -> None:
        """Check that `key`, where present, is one of `allowed`."""
        value = holder.get(key)
        if value is not None and str(value) not in allowed:
            self.add(f"{at}{key}", f"must be one of {sorted(allowed)}")

    def objects(
        self, holder: Json, at: str, key: str, size: tuple[int, int]
    ) -> Iterator[tuple[str, Json]]:
        """Check that `key` is a list within `size`; yield each object with the path inside it."""
        value = holder.get(key)
        least, most = size
        if not isinstance(value, list):
            if least:
                self.add(f"{at}{key}", "must be specified")
            return
        if not least <= len(value) <= most:
            self.add(f"{at}{key}", f"Size must be between {least} and {most}")
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield f"{at}{key}[{index}].", item
            else:
                self.add(f"{at}{key}[{index}]", "must be an object")
