"""Finds the lines of a TOML text, which `tomllib` does not keep.

The rule it keeps: it only reads texts that `tomllib` has accepted, so it may be lax: it looks for
headers, keys and list elements and passes over everything else.
"""

import re
import tomllib
from collections import deque

At = tuple[str | int, ...]
"""Where in a file: keys and list positions, such as ("question", 2, "options", 0, "label")."""

_TOKEN = re.compile(
    r"""\"{3}(?:\\.|.)*?\"{3,5} | \'{3}.*?\'{3,5} | "(?:\\.|[^"\\])*" | '[^']*'
    | \#[^\n]* | \n | [\[\]{}=,.] | [^\s\[\]{}=,.\#"']+""",
    re.DOTALL | re.VERBOSE,
)

_ENDS_VALUE = frozenset({",", "]", "}", "\n", ""})


def lines_of(text: str) -> dict[At, int]:
    r"""Return the line of every table, key and list element of a valid TOML text.

    >>> lines_of("[[q]]\n[[q]]\nb = [\n  {c = 2},\n]")[("q", 1, "b", 0, "c")]
    4
    """
    return _Scan(text).lines


class _Scan:
    """One reading of a text, from its first token to its last."""

    def __init__(self, text: str) -> None:
        self.lines: dict[At, int] = {}
        self._line = 1
        self._sizes: dict[At, int] = {}
        self._tokens = deque(token for token in _TOKEN.findall(text) if not token.startswith("#"))
        table: At = ()
        while self._tokens:
            if self._next == "\n":
                self._take()
            elif self._next == "[":
                table = self._header()
            else:
                self._pair(table)

    @property
    def _next(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _take(self) -> str:
        token = self._tokens.popleft() if self._tokens else ""
        self._line += token.count("\n")
        return token

    def _note(self, at: At) -> At:
        for length in range(1, len(at) + 1):
            self.lines.setdefault(at[:length], self._line)
        return at

    def _header(self) -> At:
        """Read `[a.b]` or `[[a.b]]`; below a list of tables, `a` means its last one."""
        self._take()
        several = self._next == "["
        if several:
            self._take()
        *parents, last = self._keys()
        at: At = ()
        for key in parents:
            at = self._latest((*at, key))
        at = (*at, last)
        if several:
            self._sizes[at] = self._sizes.get(at, 0) + 1
        while self._next == "]":
            self._take()
        return self._note(self._latest(at))

    def _latest(self, at: At) -> At:
        return (*at, self._sizes[at] - 1) if at in self._sizes else at

    def _pair(self, table: At) -> None:
        """Read `key = value`."""
        at = self._note((*table, *self._keys()))
        self._take()
        self._value(at)

    def _keys(self) -> list[str]:
        """Read a dotted key."""
        keys = [_plain(self._take())]
        while self._next == ".":
            self._take()
            keys.append(_plain(self._take()))
        return keys

    def _value(self, at: At) -> None:
        if self._next == "[":
            self._list(at)
        elif self._next == "{":
            self._inline(at)
        else:
            self._take()
            while self._next not in _ENDS_VALUE:
                self._take()

    def _list(self, at: At) -> None:
        self._take()
        size = 0
        while self._next not in {"]", ""}:
            if self._next in {",", "\n"}:
                self._take()
            else:
                self._value(self._note((*at, size)))
                size += 1
        self._take()

    def _inline(self, at: At) -> None:
        self._take()
        while self._next not in {"}", ""}:
            if self._next in {",", "\n"}:
                self._take()
            else:
                self._pair(at)
        self._take()


def _plain(key: str) -> str:
    """Return a key without its quotes."""
    return str(tomllib.loads(f"key = {key}")["key"]) if key[:1] in {'"', "'"} else key
