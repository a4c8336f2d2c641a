"""Segments as JSON trees: what is stored beside a rule's text and read by `storage.segments`."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from bot.rules.segments import (
    Answer,
    Campaign,
    Company,
    Compare,
    Days,
    Every,
    Measure,
    Named,
    Node,
    Not,
    Platform,
    Some,
    Stage,
    Tag,
    Term,
)

VERSION = 1
"""Of the tree; `load` reads every version there was."""


def dump(node: Node) -> dict[str, Any]:
    """Return a tree as JSON; `storage.segments` reads it, too."""
    return {"version": VERSION, "rule": _dumped(node)}


def load(tree: Mapping[str, Any]) -> Node:
    """Return the tree of its JSON.

    Raises:
        ValueError: it is none, or of a version this code does not know.
    """
    if tree.get("version") != VERSION:
        message = f"a segment of version {tree.get('version')!r}"
        raise ValueError(message)
    try:
        return _loaded(tree["rule"])
    except (KeyError, TypeError) as error:
        message = f"no segment: {error}"
        raise ValueError(message) from error


def _dumped(node: Node) -> dict[str, Any]:
    match node:
        case Every(rules=rules):
            return {"all": [_dumped(rule) for rule in rules]}
        case Some(rules=rules):
            return {"any": [_dumped(rule) for rule in rules]}
        case Not(rule=rule):
            return {"not": _dumped(rule)}
        case Named(name=name, rule=rule):
            return {"named": {"name": name, "rule": _dumped(rule)}}
        case Answer(value=date() as day):
            return {"answer": {**_fields(node), "value": {"day": day.isoformat()}}}
        case _:
            return {type(node).__name__.lower(): _fields(node)}


def _fields(term: Term) -> dict[str, Any]:
    values = ((name, getattr(term, name)) for name in term.__dataclass_fields__)
    return {n: value.value if isinstance(value, StrEnum) else value for n, value in values}


def _loaded(rule: object) -> Node:
    match rule:
        case {"all": [_, _, *_] as rules}:
            return Every(tuple(map(_loaded, rules)))
        case {"any": [_, _, *_] as rules}:
            return Some(tuple(map(_loaded, rules)))
        case {"not": inner}:
            return Not(_loaded(inner))
        case {"named": {"name": str(name), "rule": inner}}:
            return Named(name, _loaded(inner))
        case dict() if len(rule) == 1:
            return _term(*next(iter(rule.items())))
        case _:
            message = f"no segment: {rule!r}"
            raise ValueError(message)


def _term(kind: str, content: Mapping[str, Any]) -> Term:
    fields = dict(content)
    for name, enum in (("compare", Compare), ("stage", Stage), ("measure", Measure)):
        if name in fields:
            fields[name] = enum(fields[name])
    value = fields.get("value")
    if isinstance(value, dict):
        fields["value"] = date.fromisoformat(value["day"])
    found: Term = _TERMS[kind](**fields)
    return found


_TERMS: Mapping[str, type[Any]] = {
    kind.__name__.lower(): kind for kind in (Tag, Days, Answer, Platform, Company, Campaign)
}
