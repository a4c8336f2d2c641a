"""What is too long for `make test`: floods of duplicates, every order of taps, a thousand members."""

from pathlib import Path
from typing import Protocol

from tests.adapters import flood

EVENTS, COPIES, TAPS, MEMBERS = 1_000, 10, 6, 1_000


class Report(Protocol):
    """Where figures and faults go."""

    def say(self, line: str) -> None: ...

    def fail(self, what: str) -> None: ...


async def floods(report: Report, _given: object, folder: Path) -> None:
    """Flood a real server through LINE's other side, and count effects."""
    for name in ("duplicates", "orders", "onboarding"):
        (folder / name).mkdir()
    seen = await flood.duplicates(folder / "duplicates", events=EVENTS, copies=COPIES)
    report.say(
        f"| {EVENTS:,} events, each delivered {COPIES} times, shuffled, 8 at a time | "
        f"{seen.deliveries:,} deliveries | {seen.extra} extra effects, {seen.missing} missing, "
        f"{seen.refused} refused |"
    )
    if seen.extra or seen.missing or seen.refused:
        report.fail(f"duplicates: {seen}")
    ends = await flood.orders(folder / "orders", taps=TAPS)
    report.say(
        f"| {TAPS} taps of a survey in every order | {ends.total()} orders | "
        f"{len(ends)} end state{'s' if len(ends) > 1 else ''} |"
    )
    if len(ends) != 1 or set(ends) != {frozenset(flood.END)}:
        report.fail(f"orders: {ends}")
    joined = await flood.onboarding(folder / "onboarding", members=MEMBERS)
    report.say(
        f"| onboarding: follow, consent, four questions, coupon | {joined.completed:,} of "
        f"{MEMBERS:,} members | {joined.counted} counted messages, {joined.doubled} doubled, "
        f"{joined.coupons} of 200 coupons |"
    )
    if (joined.completed, joined.counted, joined.doubled) != (MEMBERS, 0, 0):
        report.fail(f"onboarding: {joined}")
