"""Who runs the community: how a role is offered, and what whoever takes one must look at."""

from collections.abc import Collection
from datetime import datetime

from bot import codes
from bot.context import Context
from bot.events import Account
from storage import members
from storage.members import GrantRow, Role
from storage.store import Tx

INVITATION = "role"
"""The purpose of a code that gives a role; its data is {"role": …}."""


async def invite(tx: Tx, role: Role, now: datetime) -> str:
    """Return a one-time code that gives `role` to whoever sends it to the bot."""
    return await codes.make(tx, INVITATION, {"role": role.value}, now)


async def leaves_no_owner(ctx: Context, leaving: Collection[Account]) -> bool:
    """Return whether these accounts are owners and nobody would be one without them.

    A community without an owner could not give roles again, save from the server.
    """
    grants = await ctx.tx.all(members.ROLES)
    owners = {account_of(grant) for grant in grants if grant.role is Role.OWNER}
    if not owners & set(leaving):
        return False
    return owners <= set(leaving) and not ctx.core.community.roles.owner


def account_of(row: GrantRow | members.AccountRow) -> Account:
    """Return the account that a row is about."""
    return Account(row.platform, row.realm, row.user_id)
