"""Erasure: everything personal of a member goes in one transaction, and stays gone.

The rule it keeps: what erases a member here also erases them out of every backup. Their own key
is destroyed once the transaction is committed, by a job of that transaction, so that a crash in
between only delays it; and the hash of each account is listed beside the keys, so that a backup
which still has the member is cleared of them before it is opened.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from bot.context import lane_of
from bot.coupons import once_flag
from bot.events import Address
from bot.roles import account_of
from storage import activity, coupons, inbox, members, outbox, personal
from storage.members import AccountRow
from storage.store import Tx

FORGET: Final = "member.forget"
"""The wakeup that erases a member who left long ago."""
FORGET_KEY: Final = "keys.forget"
"""The job that destroys the key of a member who is erased."""


@dataclass(frozen=True, slots=True)
class Erased:
    """Who was erased when: the number, and the hash of each account."""

    member_id: int
    hashes: tuple[str, ...]
    at: datetime

    def dump(self) -> dict[str, Any]:
        """Return it as a job's payload; it names no member, or the job would go with them."""
        return {"number": self.member_id, "hashes": self.hashes, "at": self.at.isoformat()}


def load(payload: dict[str, Any]) -> Erased:
    """Read what `Erased.dump` wrote."""
    at = datetime.fromisoformat(payload["at"])
    return Erased(payload["number"], tuple(payload["hashes"]), at)


async def erase(tx: Tx, member_id: int, now: datetime) -> Erased:
    """Erase a member with their roles, what waits for them and what nobody could handle.

    What they had stays as once-flags under the hash of each account. The caller sees to it that
    the key is destroyed after the commit, and not before.
    """
    accounts = await tx.all(members.ACCOUNTS_OF, member_id=member_id)
    hashes = await _remember_what_they_had(tx, member_id, accounts, now)
    await tx.run(outbox.FORGET_OF_MEMBER, member_id=member_id)
    await tx.run(outbox.FORGET_ABOUT, member_id=member_id)
    for row in accounts:
        await tx.run(members.DROP_ROLE, **asdict(account_of(row)))
        await tx.run(inbox.FORGET_OF_LANE, lane=lane_of_account(tx, row))
    await personal.erase(tx, member_id)
    tx.scrub()
    await tx.run(activity.RECORD, member_id=None, kind="erased", subject="", at=now)
    return Erased(member_id, tuple(hashes), now)


def lane_of_account(tx: Tx, row: AccountRow) -> str:
    """Return the lane of an account's own conversation with the bot."""
    return lane_of(tx, Address(row.platform, None, row.conversation))


async def _remember_what_they_had(
    tx: Tx, member_id: int, accounts: Sequence[AccountRow], now: datetime
) -> list[str]:
    """Put the once-flags of the member under the hash of each account, before the names go."""
    hashes = [
        await members.account_hash(tx, (row.platform, row.realm, row.user_id)) for row in accounts
    ]
    issues = await tx.all(coupons.ISSUES_OF, member_id=member_id)
    flags = {once_flag(issue.coupon) for issue in issues}
    for known in hashes:
        flags.update(await tx.all(members.FLAGS_OF, hash=known))
    for known in hashes:
        for flag in sorted(flags):
            await tx.run(members.ADD_ONCE, hash=known, flag=flag, now=now)
    return hashes
