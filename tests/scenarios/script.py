"""The journeys' grammar: one line each, read from plain text.

    前提: 2026-12-20 10:00 / 花子は未登録          what holds before
    花子＠LINE ▶ ［くわしく］                       a tap; an event is (友だち追加), the rest is said
    ボット＠LINE[花子] ◀reply 本文…［はい］         what is heard; the place only when it is another's
    確認: push=0 / 同意=版1・2026-12-20            what must be true of the rows

`{name}` binds where it is first met and must be equal afterwards; `…` at the end of a text is any
further text; numbers are exact. A line that begins with a space goes on with the one before, `#`
is a remark. `演じる: LINE` keeps a script out of the terminal.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ANY = "…"
_LINE = re.compile(
    r"(?P<who>[^＠]+)＠(?P<medium>[^\s\[]+)(?:\[(?P<place>[^\]]+)\])? (?P<rest>.*)", re.DOTALL
)
_SAID = re.compile(r"▶ (.+)", re.DOTALL)
_TOLD = re.compile(r"◀(reply|push) (.+)", re.DOTALL)
_LABELS = re.compile(r"(?P<text>.*?)(?P<labels>(?:［[^］]*］)*)\Z", re.DOTALL)
_NAME = re.compile(r"\{(\w+)\}")
BOT = "ボット"


class NotAScript(ValueError):
    """A line that the grammar does not know; a test that cannot be read has failed."""


@dataclass(frozen=True, slots=True)
class Given:
    """`前提`: facts, each to be brought about."""

    number: int
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody says, taps or does something."""

    number: int
    who: str
    medium: str
    said: str


@dataclass(frozen=True, slots=True)
class Told:
    """The bot says something to `to` ("" is whoever acted last) by `way`."""

    number: int
    to: str
    way: str
    text: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """`確認`: claims about what is stored and what was spent."""

    number: int
    claims: tuple[str, ...]


Step = Given | Act | Told | Check


@dataclass(frozen=True, slots=True)
class Script:
    """One journey. `media` are the ways in which it can be played."""

    name: str
    steps: tuple[Step, ...]
    media: tuple[str, ...] = ("LINE", "端末")


def read(path: Path) -> Script:
    """Read a script from its file."""
    return parse(path.stem, path.read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Script:
    """Read a script.

    Raises:
        NotAScript: a line is outside the grammar.
    """
    script, steps = Script(name, ()), []
    for number, line in _joined(text):
        if line.startswith("演じる: "):
            script = replace(script, media=tuple(line.removeprefix("演じる: ").split(" / ")))
        else:
            steps.append(_step(number, line))
    return replace(script, steps=tuple(steps))


def _joined(text: str) -> Iterator[tuple[int, str]]:
    held: tuple[int, str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(" ") and held is not None:
            held = (held[0], f"{held[1]}\n{line[1:]}")
            continue
        if held is not None:
            yield held
        held = (number, line) if line and not line.startswith("#") else None
    if held is not None:
        yield held


def _step(number: int, line: str) -> Step:
    if line.startswith("前提: "):
        return Given(number, tuple(line.removeprefix("前提: ").split(" / ")))
    if line.startswith("確認: "):
        return Check(number, tuple(line.removeprefix("確認: ").split(" / ")))
    found = _LINE.fullmatch(line)
    if found is None:
        message = f"line {number}: {line}"
        raise NotAScript(message)
    if found["who"] == BOT:
        return _told(number, found["place"] or "", found["rest"])
    said = _SAID.fullmatch(found["rest"])
    if said is None:
        message = f"line {number}: {line}"
        raise NotAScript(message)
    return Act(number, found["who"], found["medium"], said[1])


def _told(number: int, place: str, rest: str) -> Told:
    told = _TOLD.fullmatch(rest)
    parts = _LABELS.fullmatch(told[2]) if told else None
    if told is None or parts is None:
        message = f"line {number}: {rest}"
        raise NotAScript(message)
    labels = tuple(re.findall(r"［([^］]*)］", parts["labels"]))
    return Told(number, place, told[1], parts["text"], labels)


def agrees(expected: str, actual: str, bound: dict[str, str]) -> bool:
    """Tell whether a text is the expected one; names that it binds go into `bound`.

    >>> bound = {}
    >>> agrees("No.{n} です…", "No.1483 です。続き", bound), bound
    (True, {'n': '1483'})
    >>> agrees("No.{n}", "No.1484", bound), agrees("残高50", "残高500", {})
    (False, False)
    """
    body = expected.removesuffix(ANY)
    pattern, at, fresh = "", 0, set[str]()
    for name in _NAME.finditer(body):
        pattern += re.escape(body[at : name.start()])
        if name[1] in bound:
            pattern += re.escape(bound[name[1]])
        elif name[1] in fresh:
            pattern += f"(?P={name[1]})"
        else:
            pattern += f"(?P<{name[1]}>.+?)"
            fresh.add(name[1])
        at = name.end()
    pattern += re.escape(body[at:]) + (".*" if body != expected else "")
    found = re.fullmatch(pattern, actual, re.DOTALL)
    if found is not None:
        bound.update(found.groupdict())
    return found is not None
