"""Segments in SQL: a rule's JSON tree as a condition on `member`, and the queries made of it.

The rule it keeps: every condition is true or false, never NULL, so that NOT is always the other
one; and no value of a rule is ever part of a statement's text. What a term means is said by
`bot.rules.segments`.

A condition is built per segment, not per event. On SQLite a term over a member's rows has two
shapes: the set of all members who have such a row, built once (for a count: one pass over one
index), or a look-up per member (for one member, and for pages, which end early). PostgreSQL
plans the look-up as a join by itself, and a negated set badly.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    String,
    Table,
    and_,
    bindparam,
    cast,
    exists,
    extract,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles

from storage.activity import Activity
from storage.answers import Answer, Tag
from storage.coupons import CouponIssue
from storage.members import Account, Member
from storage.query import scalar
from storage.store import Tx
from storage.tables import BIG, table_of

VERSION = 1
PASSIVE = ("left", "segment.entered", "segment.left")
"""Kinds of activity that a member did not do herself: they do not make her active."""

_DAY = 86_400
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
_member, _account, _tag = table_of(Member), table_of(Account), table_of(Tag)
_answer, _activity, _issue = table_of(Answer), table_of(Activity), table_of(CouponIssue)

Condition = ColumnElement[bool]
_COSTS = (
    "joined_days",
    "campaign",
    "tag",
    "answer",
    "platform",
    "idle_days",
    "active_days",
)
"""Terms by what they cost for one member, and roughly by how few members they leave."""
_NARROW = frozenset({"campaign", "tag", "answer"})
"""Terms that are a set worth beginning with."""
_NEVER: Condition = _member.c.id.is_(None)
"""Not `false()`, which would take its neighbours and their values out of the statement."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A rule's JSON tree (`bot.rules.segment_json.dump`) asked at `now`, with the days of `zone`.

    Keep `now` while paging, or members move between the pages.
    """

    tree: Mapping[str, Any]
    now: datetime
    zone: tzinfo

    @property
    def offset(self) -> timedelta:
        """How far the zone's clocks are ahead of UTC now."""
        return self.now.astimezone(self.zone).utcoffset() or timedelta()

    def begins(self, ago: int) -> datetime:
        """Return when the day began that was `ago` days before today."""
        here = timezone(self.offset)
        today = self.now.astimezone(here).date()
        return datetime.combine(today - timedelta(days=ago), time(), here)


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on `member`, and the values that go with it into the statement's call."""

    condition: Condition
    values: Mapping[str, Any]


async def count(tx: Tx, segment: Segment) -> int:
    """Return how many members are in a segment."""
    where = condition(segment, sets=True)
    wanted = select(func.count()).select_from(_member).where(where.condition)
    found: int = await tx.one(scalar(wanted), **where.values) or 0
    return found


async def page(tx: Tx, segment: Segment, after: int, limit: int) -> list[int]:
    """Return the ids of the next members of a segment, in the order of their ids."""
    where = condition(segment)
    wanted = (
        select(_member.c.id)
        .where(_member.c.id > bindparam("after", type_=BIG), where.condition)
        .order_by(_member.c.id)
        .limit(bindparam("limit", type_=BIG))
    )
    return await tx.all(scalar(wanted), after=after, limit=limit, **where.values)


async def one(tx: Tx, segment: Segment, member_id: int) -> bool:
    """Tell whether a member is in a segment."""
    where = condition(segment)
    own = _member.c.id == bindparam("member_id", type_=BIG)
    wanted = select(_member.c.id).where(own, where.condition)
    return await tx.one(scalar(wanted), member_id=member_id, **where.values) is not None


def condition(segment: Segment, *, sets: bool = False) -> Where:
    """Return what makes a row of `member` part of a segment; `sets` for counting all of them.

    Raises:
        ValueError: the tree is of a version or has a term that this code does not know.
    """
    if segment.tree.get("version") != VERSION:
        message = f"a segment of version {segment.tree.get('version')!r}"
        raise ValueError(message)
    maker = _Maker(segment, sets=sets)
    return Where(maker.rule(segment.tree["rule"]), maker.values)


class _ByDialect(ColumnElement[Any]):
    """One meaning with a wording for each database."""

    inherit_cache = False

    def __init__(self, sqlite: ColumnElement[Any], postgresql: ColumnElement[Any]) -> None:
        self.sqlite = sqlite
        self.postgresql = postgresql
        self.type = sqlite.type

    def self_group(self, against: Any = None) -> "_ByDialect":
        """Stand as it is: it brings its own brackets, and `= 1` would hide an IN from SQLite."""
        del against
        return self

    def _negate(self) -> "_ByDialect":
        return _ByDialect(not_(self.sqlite), not_(self.postgresql))


@compiles(_ByDialect)
def _worded(element: _ByDialect, compiler: Any, **options: Any) -> str:
    wording = element.sqlite if compiler.dialect.name == "sqlite" else element.postgresql
    return f"({compiler.process(wording, **options)})"


class _Maker:
    """Makes the condition of one segment."""

    def __init__(self, segment: Segment, *, sets: bool) -> None:
        self._segment = segment
        self._sets = sets
        self._narrowed = not sets
        """On SQLite: few enough members are left to look each of them up."""
        self._names: dict[tuple[str, Any], str] = {}
        self.values: dict[str, Any] = {}

    def rule(self, rule: Mapping[str, Any]) -> Condition:
        """Return the condition of a rule; the cheap ones first, for they end a row's way."""
        ((kind, content),) = rule.items()
        match kind:
            case "all":
                return self._all(sorted(content, key=_cost))
            case "any":
                return or_(*map(self.rule, sorted(content, key=_cost)))
            case "not":
                return not_(self.rule(content))
            case "named":
                return self.rule(content["rule"])
            case _:
                return self._term(kind, content)

    def _all(self, rules: Sequence[Mapping[str, Any]]) -> Condition:
        """Begin with the set of the first rule that has one; who is in it is then looked up."""
        first = next((rule for rule in rules if rule.keys() & _NARROW), None)
        if first is None or self._narrowed:
            return and_(*map(self.rule, rules))
        found = []
        for rule in rules:
            self._narrowed = rule is not first
            found.append(self.rule(rule))
        self._narrowed = False
        return and_(*found)

    def _term(self, kind: str, term: Mapping[str, Any]) -> Condition:
        match kind:
            case "tag":
                return self._tag(**term)
            case "days":
                return self._days(**term)
            case "answer":
                return self._answer(**term)
            case "platform":
                return self._platform(**term)
            case "campaign":
                return self._campaign(**term)
            case "company":
                # Members have no company yet, and what is missing makes a comparison false.
                return _NEVER
            case _:
                message = f"a segment's term {kind!r}"
                raise ValueError(message)

    def _has(self, table: Table, *conditions: Condition) -> Condition:
        """Return whether a member has such a row."""
        own = table.c.member_id
        ids = select(own).where(*conditions)
        each = ids.where(own == _member.c.id).correlate(_member).exists()
        if self._narrowed:
            return each
        # A set with a NULL in it (an erased member's row) would make IN unknown.
        return _ByDialect(_member.c.id.in_(ids.where(own.is_not(None))), each)

    def _tag(self, key: str, value: str | None) -> Condition:
        of_key = _tag.c.key == self._word(key)
        if value is None:
            return self._has(_tag, of_key)
        return self._has(_tag, of_key, _tag.c.value == self._word(value))

    def _platform(self, compare: str, name: str) -> Condition:
        return self._compared(compare, _account, (), _account.c.platform == self._word(name))

    def _campaign(self, name: str, compare: str, stage: str) -> Condition:
        # Coupons are the campaigns there are; nobody wins one.
        stages = {"entered": _issue.c.issued_at, "won": None, "used": _issue.c.opened_at}
        reached = stages[stage]
        far = _NEVER if reached is None else reached.is_not(None)
        return self._compared(compare, _issue, (_issue.c.coupon == self._word(name),), far)

    def _compared(
        self, compare: str, table: Table, given: tuple[Condition, ...], wanted: Condition
    ) -> Condition:
        """Return whether a member has a row that is wanted (`=`), or rows and none of them."""
        match compare:
            case "=":
                return self._has(table, *given, wanted)
            case "!=":
                return and_(self._has(table, *given), not_(self._has(table, *given, wanted)))
            case _:
                return _NEVER

    def _answer(self, survey: str, question: str, compare: str, value: Any) -> Condition:
        asked = [_answer.c.question == self._word(question), _answer.c.skipped.is_(False)]
        if survey:
            asked.append(_answer.c.survey == self._word(survey))
        match value:
            case {"day": str(day)}:
                on = self._value(date.fromisoformat(day), Date())
                return self._has(_answer, *asked, _OPERATORS[compare](_answer.c.day, on))
            case int():
                number = self._value(value, BIG)
                return self._has(_answer, *asked, _OPERATORS[compare](_answer.c.number, number))
            case _ if compare in {"=", "!="}:
                chosen = _chosen(self._word(str(value)))
                return self._has(
                    _answer, *asked, chosen if compare == "=" else and_(_some(), not_(chosen))
                )
            case _:
                return _NEVER

    def _days(self, measure: str, compare: str, days: int, within: int) -> Condition:
        if measure == "joined_days":
            return self._age(_member.c.joined_at, compare, days)
        at = _activity.c.at
        did = [
            at <= self._value(self._segment.now, at.type),
            *(_activity.c.kind != kind for kind in PASSIVE),
        ]
        if measure == "idle_days":
            last = func.max(at, type_=at.type)
            return self._did(last, did, lambda last: self._age(last, compare, days))
        did.append(at >= self._value(self._segment.begins(within - 1), at.type))
        active = func.count(_day_number(at, self._segment.offset).distinct())
        compared, wanted = _OPERATORS[compare], self._value(days, BIG)
        if not compared(0, days):
            return self._did(active, did, lambda active: compared(active, wanted))
        # Who did nothing has no rows to count: ask for the others.
        return not_(self._did(active, did, lambda active: not_(compared(active, wanted))))

    def _did(
        self,
        figure: ColumnElement[Any],
        did: Sequence[Condition],
        holds: Callable[[ColumnElement[Any]], Condition],
    ) -> Condition:
        """Return whether a figure of what a member did holds; false when she did nothing."""
        own = _activity.c.member_id
        mine = select(figure).where(own == _member.c.id, *did).correlate(_member)
        each = func.coalesce(holds(mine.scalar_subquery()), false())
        if not self._sets:
            return each
        # PostgreSQL would run a look-up for every member there is, before any other condition.
        grouped = select(own).where(*did).group_by(own).having(holds(figure)).subquery()
        joined = select(1).select_from(grouped).where(grouped.c.member_id == _member.c.id)
        return _ByDialect(each, joined.correlate(_member).exists())

    def _age(self, at: ColumnElement[Any], compare: str, days: int) -> Condition:
        """Return whether a time is so many days before today, by where those days begin."""
        if compare in {"=", "!="}:
            same = and_(self._age(at, "<=", days), self._age(at, ">=", days))
            return same if compare == "=" else not_(same)
        begins = self._segment.begins(days if compare in {"<=", ">"} else days - 1)
        bound = self._value(begins, _activity.c.at.type)
        return at >= bound if compare in {"<", "<="} else at < bound

    def _word(self, value: str) -> ColumnElement[Any]:
        return self._value(value, String())

    def _value(self, value: Any, kind: Any) -> ColumnElement[Any]:
        """Hand a value over beside the statement; a constant in it may become its text."""
        name = self._names.setdefault((str(kind), value), f"segment_{len(self.values)}")
        self.values[name] = value
        return bindparam(name, type_=kind)


def _cost(rule: Mapping[str, Any]) -> int:
    """Return how dear a rule is for one member, roughly; its dearest term decides."""
    ((kind, content),) = rule.items()
    match kind:
        case "all" | "any":
            return max(map(_cost, content))
        case "not":
            return _cost(content)
        case "named":
            return _cost(content["rule"])
        case "days":
            return _COSTS.index(content["measure"])
        case _:
            return _COSTS.index(kind) if kind in _COSTS else 0


def _some() -> Condition:
    """Return whether an answer's JSON list holds anything."""
    binary = cast(_answer.c.options, JSONB)
    lengths = func.json_array_length(_answer.c.options), func.jsonb_array_length(binary)
    return _ByDialect(*(length > 0 for length in lengths))


def _chosen(option: ColumnElement[Any]) -> Condition:
    """Return whether an answer's JSON list holds an option."""
    # The type is given: the column of a table-valued function has none.
    values = func.json_each(_answer.c.options).table_valued("value", name="chosen")
    within = exists(select(1).select_from(values).where(values.c.value == option))
    return _ByDialect(within, cast(_answer.c.options, JSONB).has_key(option))


def _day_number(at: ColumnElement[Any], offset: timedelta) -> ColumnElement[int]:
    """Return the number of the day a time is in, exactly: only whole seconds are converted."""
    ahead = literal(int(offset.total_seconds()), BIG)
    seconds = func.unixepoch(func.substr(at, 1, 19), type_=BIG)
    epoch = cast(func.floor(extract("epoch", at)), BIG)
    day = literal(_DAY, BIG)
    return _ByDialect((seconds + ahead) // day, (epoch + ahead) // day)
