"""Chooses the cheapest polite way for one message to one person: reply, else pull, else push.

A reply is free and answers what someone just did, so it is always allowed. A pull waits until
the member next speaks and then travels as a reply. A push is counted, interrupts, and keeps the
company's hours, caps and budget. The rule it keeps: what may not be pushed is not lost, it
becomes a pull with its reason. Posts into a place (a managers' channel) ask nobody's leave and
are not planned here. Sources: design.md 4.5, japan-rules.md J3, J5, J8, J13-J18.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import count
from typing import assert_never
from zoneinfo import ZoneInfo


class Want(StrEnum):
    """How far a message may go to reach its member."""

    REPLY_ONLY = "reply_only"
    """Worth nothing later: kindness to a sticker."""
    PREFER_REPLY = "prefer_reply"
    """Reply, else pull: an answer that can wait for the next touch."""
    PUSH_OK = "push_ok"
    """Reply, else push: news worth an interruption."""


class Way(StrEnum):
    """What happens to a message now."""

    REPLY = "reply"
    PULL = "pull"
    """Shown at the member's next touch."""
    PUSH = "push"
    HOLD = "hold"
    """Kept back until a manager releases it; nothing is caught up by itself (J16)."""
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one message and its member stand now. Counts include pushes that are under way."""

    reply_alive: bool
    """A live ReplyHandle, or the immediate answer on a platform where no post is counted."""
    reachable: bool
    """False once the member blocked the bot, left, or closed their direct messages."""
    muted: bool
    """The member asked for fewer messages (J15)."""
    pushes_today: int
    """In the policy's zone."""
    pushes_week: int
    counted_month: int
    """Messages the platform counted this month, of the whole community."""
    stopped: bool
    """The emergency stop is on (J16)."""
    free_push: bool
    """The platform counts no pushes, so neither budget nor plan applies."""
    important: bool
    """A win or a person's reply: passes mute, caps and budget, not the stop, hours or plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A company's rules for pushes, from the community's file; J13 and J14 give the defaults."""

    opens: time
    """First local moment of the day at which a push may leave."""
    closes: time
    """First local moment at which it may not; before `opens`, the window crosses midnight.

    Equal to `opens`: there are no quiet hours.
    """
    zone: ZoneInfo
    per_day: int
    per_week: int
    monthly_budget: int | None
    """What the company wants to spend; None: no limit, or a second person approved more (J8)."""
    plan_limit: int | None
    """What the platform will accept; None: no limit."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. `due` (aware UTC) is set for a reply and a push, None for the other ways.

    `reason` is one word why the message does not travel at once as it wanted to, else "":
    `blocked`, `token_expired`, `stopped`, `opted_out`, `quota`, `capped`, `quiet_hours`. A push
    that is due later is planned again then: the member may have left, the stop may be on.
    """

    way: Way
    due: datetime | None = None
    reason: str = ""


def plan(want: Want, standing: Standing, policy: Policy, now: datetime) -> Plan:
    """Choose the way of one message; total, and decided by nothing but its arguments."""
    if not standing.reachable:
        return Plan(Way.DROP, reason="blocked")
    if standing.reply_alive:
        return Plan(Way.REPLY, now.astimezone(UTC))
    match want:
        case Want.REPLY_ONLY:
            return Plan(Way.DROP, reason="token_expired")
        case Want.PREFER_REPLY:
            return Plan(Way.PULL)
        case Want.PUSH_OK:
            return _push(standing, policy, now)
        case _:
            assert_never(want)


def opening(policy: Policy, now: datetime) -> datetime:
    """Return the first moment (aware UTC) from `now` on at which a push may leave.

    A local time that a clock change skips is read with the offset before the change, and the
    day is passed over when that leaves the window.
    """
    if _open(policy, now):
        return now.astimezone(UTC)
    today = now.astimezone(policy.zone).date()
    mornings = (
        datetime.combine(today + timedelta(days=day), policy.opens, policy.zone).astimezone(UTC)
        for day in count()
    )
    return next(morning for morning in mornings if morning > now and _open(policy, morning))


def _open(policy: Policy, moment: datetime) -> bool:
    """Tell whether a local clock shows a time inside the window."""
    clock = moment.astimezone(policy.zone).time()
    if policy.opens < policy.closes:
        return policy.opens <= clock < policy.closes
    return policy.opens <= clock or clock < policy.closes


def _push(standing: Standing, policy: Policy, now: datetime) -> Plan:
    """Push now or at the next opening, or say why this message had better wait."""
    if standing.stopped:
        return Plan(Way.HOLD, reason="stopped")
    due = opening(policy, now)
    # A push that waits for tomorrow's opening is not one of today's.
    same_day = due.astimezone(policy.zone).date() == now.astimezone(policy.zone).date()
    reason = _refusal(standing, policy, standing.pushes_today if same_day else 0)
    if reason:
        return Plan(Way.PULL, reason=reason)
    return Plan(Way.PUSH, due, "" if due == now else "quiet_hours")


def _refusal(standing: Standing, policy: Policy, pushes_that_day: int) -> str:
    """Return the word that forbids a push whatever the hour, else ""."""
    counted = 0 if standing.free_push else standing.counted_month
    if standing.muted and not standing.important:
        return "opted_out"
    if _spent(counted, policy.plan_limit):
        return "quota"
    if standing.important:
        return ""
    if _spent(counted, policy.monthly_budget):
        return "quota"
    capped = pushes_that_day >= policy.per_day or standing.pushes_week >= policy.per_week
    return "capped" if capped else ""


def _spent(counted: int, limit: int | None) -> bool:
    """Tell whether one more message would pass a limit."""
    return limit is not None and counted >= limit
