"""Reads a TOML file into a frozen model; every problem says file, line, what is wrong and the cure.

The rule it keeps: whoever writes a community folder is told all problems of a file at once, each
at the line to change. `tomllib` parses; it keeps no lines, so `bot.tomllines` finds them again.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from bot.errors import Misconfigured
from bot.tomllines import At, lines_of


class Definition(BaseModel):
    """A table of a file: frozen, no unknown keys, its attributes' docstrings in the JSON Schema."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _day(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        message = f"is {value!r}, which is no date; write it as 2027-01-31"
        raise ValueError(message) from None


Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,20}$")]
"""An id that fits into a button's value."""
Said = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
"""Words that a member sees."""
Day = Annotated[date, BeforeValidator(_day)]
Yes = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=0)]


class Fault(NamedTuple):
    """A problem that only the meaning shows."""

    at: At
    what: str
    cure: str


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file that still knows its lines."""

    path: Path
    data: Mapping[str, object]
    lines: Mapping[At, int]

    def problem(self, fault: Fault) -> str:
        """Return `file:line: what; cure`, at the nearest line there is."""
        known = (fault.at[:length] for length in range(len(fault.at), 0, -1))
        line = next((self.lines[at] for at in known if at in self.lines), 1)
        return f"{self.path}:{line}: {fault.what}; {fault.cure}"


M = TypeVar("M", bound=Definition)


def source(path: Path) -> Source:
    """Read and parse a file.

    Raises:
        Misconfigured: it is missing, not UTF-8 or not TOML.
    """
    raw = b""
    try:
        raw = path.read_bytes()
        # Editors on Windows begin a file with a byte order mark.
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
        return Source(path, tomllib.loads(text), lines_of(text))
    except OSError as error:
        problem = (
            f"{path}:1: the file cannot be read ({error.strerror}); create it or allow reading it"
        )
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = f"{path}:{line}: this is not UTF-8; save the file as UTF-8"
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", where)
        line = int(found[1]) if found else max(raw.count(b"\n"), 1)
        problem = f"{path}:{line}: this is not TOML: {what}; correct the syntax here or just above"
    raise Misconfigured([problem]) from None


def shape(read: Source, model: type[M]) -> M:
    """Return a file's content as a model.

    Raises:
        Misconfigured: with every value that has the wrong shape and every unknown key.
    """
    try:
        return model.model_validate(read.data)
    except ValidationError as error:
        faults = [_fault(detail, model) for detail in error.errors(include_url=False)]
        raise Misconfigured([read.problem(fault) for fault in faults]) from None


def alike(wrong: str, right: Iterable[str]) -> str:
    """Return the cure for a name that is not among the right ones."""
    names = sorted(right)
    close = get_close_matches(wrong, names, n=1)
    return f'did you mean "{close[0]}"?' if close else f"use one of: {', '.join(names) or '(none)'}"


def _fault(detail: ErrorDetails, model: type[Definition]) -> Fault:
    """Say a validation error as what is wrong and how to cure it."""
    at, kind = detail["loc"], detail["type"]
    name = '"' + ".".join(str(key) for key in at if isinstance(key, str)) + '"'
    if kind == "extra_forbidden":
        return Fault(at, f"unknown key {name}", alike(str(at[-1]), _siblings(model, at)))
    if kind == "missing":
        return Fault(at, f"{name} is missing", f"add `{at[-1]} = …` to this table")
    if kind == "value_error":
        what, _, cure = str(detail["ctx"]["error"]).partition("; ")
        return Fault(at, f"{name} {what}", cure)
    cure = re.sub(r"^\w+ should", "it should", detail["msg"])
    return Fault(at, f"{name} is {detail['input']!r:.60}", cure)


def _siblings(model: type[Definition], at: At) -> list[str]:
    """Return the keys that are allowed where an unknown one was found."""
    root = model.model_json_schema()
    node: Mapping[str, Any] = root
    for key in at[:-1]:
        if isinstance(key, int):
            node = node.get("items", {})
        else:
            named = {**node.get("patternProperties", {}), "": node.get("additionalProperties")}
            node = node.get("properties", {}).get(key) or next(filter(None, named.values()), {})
        if "$ref" in node:
            node = root["$defs"][node["$ref"].rpartition("/")[2]]
    return list(node.get("properties", ()))
