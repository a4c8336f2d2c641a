"""When a message may travel: free answers always, pushes by the company's rules."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.etiquette import Plan, Policy, Standing, Want, Way, opening, plan

TOKYO = ZoneInfo("Asia/Tokyo")
NOON = datetime(2026, 12, 23, 3, 0, tzinfo=UTC)
NIGHT = datetime(2026, 12, 23, 12, 45, tzinfo=UTC)  # 21:45 in Tokyo
MORNING = datetime(2026, 12, 24, 0, 0, tzinfo=UTC)  # 09:00 in Tokyo
POLICY = Policy(
    opens=time(9),
    closes=time(21, 30),
    zone=TOKYO,
    per_day=1,
    per_week=2,
    monthly_budget=4_000,
    plan_limit=5_000,
)
STANDING = Standing(
    reply_alive=False,
    reachable=True,
    muted=False,
    pushes_today=0,
    pushes_week=0,
    counted_month=3_100,
    stopped=False,
    free_push=False,
    important=False,
)

ZONES = st.sampled_from(
    [
        "Asia/Tokyo",
        "America/New_York",
        "Europe/London",
        "Australia/Lord_Howe",  # clocks change by half an hour
        "Pacific/Apia",  # left out a whole day in 2011
        "Asia/Kathmandu",
    ]
).map(ZoneInfo)
COUNTS = st.integers(0, 4)
ROOM = st.none() | COUNTS
POLICIES = st.builds(
    Policy,
    opens=st.times(),
    closes=st.times(),
    zone=ZONES,
    per_day=COUNTS,
    per_week=COUNTS,
    monthly_budget=ROOM,
    plan_limit=ROOM,
)
STANDINGS = st.builds(
    Standing,
    reply_alive=st.booleans(),
    reachable=st.booleans(),
    muted=st.booleans(),
    pushes_today=COUNTS,
    pushes_week=COUNTS,
    counted_month=COUNTS,
    stopped=st.booleans(),
    free_push=st.booleans(),
    important=st.booleans(),
)
WANTS = st.sampled_from(Want)
# Moments around the clock changes of the zones above, and within ten years of them.
CHANGES = st.sampled_from(
    [
        datetime(2027, 3, 14, 7, tzinfo=UTC),
        datetime(2026, 11, 1, 6, tzinfo=UTC),
        datetime(2027, 3, 28, 1, tzinfo=UTC),
        datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        datetime(2011, 12, 30, 10, tzinfo=UTC),
    ]
)
SECONDS = st.integers(-100_000, 100_000) | st.integers(-315_000_000, 315_000_000)
MOMENTS = st.builds(lambda change, seconds: change + timedelta(seconds=seconds), CHANGES, SECONDS)


def is_quiet(policy: Policy, moment: datetime) -> bool:
    """Tell quiet hours by walking round the clock face, unlike the code under test."""

    def since_opening(clock: time) -> timedelta:
        day = datetime(2000, 1, 1, tzinfo=UTC).date()
        turned = datetime.combine(day, clock, UTC) - datetime.combine(day, policy.opens, UTC)
        return turned % timedelta(days=1)

    window = since_opening(policy.closes) or timedelta(days=1)
    return since_opening(moment.astimezone(policy.zone).time()) >= window


# ── Whoever, whenever ────────────────────────────────────────────────────────────────────────


@given(WANTS, STANDINGS, POLICIES, MOMENTS)
def test_every_message_gets_a_way_and_no_push_breaks_a_rule(
    want: Want, standing: Standing, policy: Policy, now: datetime
) -> None:
    made = plan(want, standing, policy, now)
    assert (made.due is not None) == (made.way in {Way.REPLY, Way.PUSH})
    if made.due:
        assert made.due.tzinfo is UTC
        assert made.due >= now
    if made.way in {Way.DROP, Way.HOLD}:
        assert made.reason
    if made.way is Way.PUSH and made.due:
        assert_allowed(standing, policy, now, made.due)
        assert want is Want.PUSH_OK


def assert_allowed(standing: Standing, policy: Policy, now: datetime, due: datetime) -> None:
    assert standing.reachable
    assert not standing.stopped
    assert not is_quiet(policy, due)
    assert standing.important or not standing.muted
    if not standing.free_push:
        assert policy.plan_limit is None or standing.counted_month < policy.plan_limit
    if standing.important:
        return
    if not standing.free_push:
        assert policy.monthly_budget is None or standing.counted_month < policy.monthly_budget
    assert standing.pushes_week < policy.per_week
    if due.astimezone(policy.zone).date() == now.astimezone(policy.zone).date():
        assert standing.pushes_today < policy.per_day
    else:
        assert policy.per_day > 0


@given(WANTS, STANDINGS, POLICIES, MOMENTS)
def test_who_blocked_gets_nothing(
    want: Want, standing: Standing, policy: Policy, now: datetime
) -> None:
    blocked = replace(standing, reachable=False)
    assert plan(want, blocked, policy, now) == Plan(Way.DROP, None, "blocked")


@given(WANTS, STANDINGS, POLICIES, MOMENTS)
def test_an_answer_is_always_allowed_and_at_once(
    want: Want, standing: Standing, policy: Policy, now: datetime
) -> None:
    talking = replace(standing, reachable=True, reply_alive=True)
    assert plan(want, talking, policy, now) == Plan(Way.REPLY, now)


@given(STANDINGS, POLICIES, MOMENTS)
def test_only_a_block_drops_news(standing: Standing, policy: Policy, now: datetime) -> None:
    dropped = plan(Want.PUSH_OK, standing, policy, now).way is Way.DROP
    assert dropped == (not standing.reachable)


@given(POLICIES, MOMENTS)
def test_quiet_hours_end(policy: Policy, now: datetime) -> None:
    due = opening(policy, now)
    assert not is_quiet(policy, due)
    assert (due == now) == (not is_quiet(policy, now))
    assert due - now <= timedelta(days=2)


@given(st.times(), st.times(), MOMENTS)
def test_where_clocks_never_change_the_next_opening_is_the_first(
    opens: time, closes: time, now: datetime
) -> None:
    policy = replace(POLICY, opens=opens, closes=closes)
    due = opening(policy, now)
    assert due - now < timedelta(days=1)
    assert due == now or due.astimezone(TOKYO).time() == opens


# ── One rule each ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("want", "way", "reason"),
    [
        (Want.REPLY_ONLY, Way.DROP, "token_expired"),
        (Want.PREFER_REPLY, Way.PULL, ""),
        (Want.PUSH_OK, Way.PUSH, ""),
    ],
)
def test_the_ways_when_the_reply_is_gone(want: Want, way: Way, reason: str) -> None:
    assert plan(want, STANDING, POLICY, NOON) == Plan(
        way, NOON if way is Way.PUSH else None, reason
    )


WIN = replace(STANDING, important=True)
FREE = replace(STANDING, free_push=True)


@pytest.mark.parametrize(
    ("standing", "way", "reason"),
    [
        (replace(STANDING, stopped=True), Way.HOLD, "stopped"),
        (replace(WIN, stopped=True), Way.HOLD, "stopped"),
        (replace(FREE, stopped=True), Way.HOLD, "stopped"),
        (replace(STANDING, muted=True), Way.PULL, "opted_out"),
        (replace(FREE, muted=True), Way.PULL, "opted_out"),
        (replace(WIN, muted=True), Way.PUSH, ""),
        (replace(STANDING, pushes_today=1), Way.PULL, "capped"),
        (replace(FREE, pushes_today=1), Way.PULL, "capped"),
        (replace(WIN, pushes_today=1), Way.PUSH, ""),
        (replace(STANDING, pushes_week=1), Way.PUSH, ""),
        (replace(STANDING, pushes_week=2), Way.PULL, "capped"),
        (replace(WIN, pushes_week=2), Way.PUSH, ""),
        (replace(STANDING, counted_month=3_999), Way.PUSH, ""),
        (replace(STANDING, counted_month=4_000), Way.PULL, "quota"),
        (replace(WIN, counted_month=4_999), Way.PUSH, ""),
        (replace(WIN, counted_month=5_000), Way.PULL, "quota"),
        (replace(FREE, counted_month=5_000), Way.PUSH, ""),
    ],
)
def test_what_a_push_must_pass(standing: Standing, way: Way, reason: str) -> None:
    made = plan(Want.PUSH_OK, standing, POLICY, NOON)
    assert (made.way, made.reason) == (way, reason)


def test_without_a_budget_or_a_plan_there_is_no_quota() -> None:
    endless = replace(POLICY, monthly_budget=None, plan_limit=None)
    standing = replace(STANDING, counted_month=10**9)
    assert plan(Want.PUSH_OK, standing, endless, NOON) == Plan(Way.PUSH, NOON)


def test_a_push_at_night_waits_for_the_morning_even_when_important() -> None:
    for important in (False, True):
        standing = replace(STANDING, important=important)
        made = plan(Want.PUSH_OK, standing, POLICY, NIGHT)
        assert made == Plan(Way.PUSH, MORNING, "quiet_hours")


def test_tomorrows_push_is_not_one_of_todays() -> None:
    standing = replace(STANDING, pushes_today=1, pushes_week=1)
    assert plan(Want.PUSH_OK, standing, POLICY, NIGHT).way is Way.PUSH
    before_dawn = MORNING - timedelta(hours=5)
    assert plan(Want.PUSH_OK, standing, POLICY, before_dawn) == Plan(Way.PULL, None, "capped")


@pytest.mark.parametrize(
    ("zone", "opens", "closes", "now", "due"),
    [
        # The window includes its first moment and not its last.
        ("Asia/Tokyo", "09:00", "21:30", "2026-12-23T12:29:59", "2026-12-23T12:29:59"),
        ("Asia/Tokyo", "09:00", "21:30", "2026-12-23T12:30:00", "2026-12-24T00:00:00"),
        ("Asia/Tokyo", "09:00", "21:30", "2026-12-23T23:59:59", "2026-12-24T00:00:00"),
        ("Asia/Tokyo", "09:00", "21:30", "2026-12-24T00:00:00", "2026-12-24T00:00:00"),
        # Across midnight: 18:00 to 02:00.
        ("Asia/Tokyo", "18:00", "02:00", "2026-12-23T16:59:59", "2026-12-23T16:59:59"),
        ("Asia/Tokyo", "18:00", "02:00", "2026-12-23T17:00:00", "2026-12-24T09:00:00"),
        # The same hour twice: no quiet hours.
        ("Asia/Tokyo", "09:00", "09:00", "2026-12-23T17:00:00", "2026-12-23T17:00:00"),
        # New York skips 02:00-03:00 on 2027-03-14: later that day, or not that day at all.
        ("America/New_York", "02:30", "10:00", "2027-03-14T05:00:00", "2027-03-14T07:30:00"),
        ("America/New_York", "02:15", "02:45", "2027-03-14T05:00:00", "2027-03-15T06:15:00"),
        # It has 01:00-02:00 twice on 2026-11-01: the first one opens.
        ("America/New_York", "01:30", "09:00", "2026-11-01T04:00:00", "2026-11-01T05:30:00"),
        # The night of a clock change: 09:00 stays 09:00.
        ("Europe/London", "09:00", "21:00", "2027-03-27T22:00:00", "2027-03-28T08:00:00"),
        ("Europe/London", "09:00", "21:00", "2026-10-24T21:00:00", "2026-10-25T09:00:00"),
        # Apia had no 2011-12-30: the evening of the 29th is followed by the 31st.
        ("Pacific/Apia", "09:00", "21:00", "2011-12-30T08:00:00", "2011-12-30T19:00:00"),
    ],
)
def test_openings(zone: str, opens: str, closes: str, now: str, due: str) -> None:
    policy = replace(
        POLICY,
        zone=ZoneInfo(zone),
        opens=time.fromisoformat(opens),
        closes=time.fromisoformat(closes),
    )
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert opening(policy, moment) == datetime.fromisoformat(due).replace(tzinfo=UTC)
    local = moment.astimezone(ZoneInfo("Asia/Kathmandu"))
    assert opening(policy, local) == opening(policy, moment)
