"""What happens without a platform's event: reactions to domain events, and wakeups."""

from typing import Any

from bot import events
from bot.context import Context, lane_of
from bot.core import Core
from bot.events import Account, Address, DomainEvent
from storage import members
from storage.members import AccountState
from storage.store import Tx
from storage.work import WakeupRow


async def react(core: Core, tx: Tx, key: str, payload: dict[str, Any]) -> None:
    """Run one feature's reaction to a domain event; a member who is gone is passed over."""
    kind: type[DomainEvent] = getattr(events, payload["event"])
    handle = core.registry.reactions[kind][payload["feature"]]
    event = kind(**payload["fields"])
    ctx = await _context(core, tx, event.member_id, f"react:{key}")
    if ctx is not None:
        await handle(ctx, event)
        await ctx.finish()


async def wake(core: Core, tx: Tx, row: WakeupRow) -> None:
    """Run the handler of a due wakeup; a member who is gone is passed over."""
    if row.member_id is None:
        return
    ctx = await _context(
        core, tx, row.member_id, f"wake:{row.kind}:{row.ref}:{row.due.isoformat()}"
    )
    if ctx is not None:
        await core.registry.wakeups[row.kind](ctx, row.ref)
        await ctx.finish()


async def _context(core: Core, tx: Tx, member_id: int, source: str) -> Context | None:
    """Make hands for a member whom no event brought: by the first account that can be reached."""
    accounts = await tx.all(members.ACCOUNTS_OF, member_id=member_id)
    known = [account for account in accounts if account.platform in core.adapters]
    if not known:
        return None
    best = next((a for a in known if a.state is AccountState.ACTIVE), known[0])
    account = Account(best.platform, best.realm, best.user_id)
    address = Address(best.platform, account, best.conversation)
    now = core.clock.now()
    return Context(
        core=core,
        tx=tx,
        now=now,
        source=source,
        address=address,
        lane=lane_of(tx, address),
        member=await tx.one(
            members.MEMBER_BY_ACCOUNT,
            platform=best.platform,
            realm=best.realm,
            user_id=best.user_id,
        ),
        occurred_at=now,
    )
