"""Who may do what: roles bound to platform accounts, given by a one-time code or by account.

`role grant manager` makes a code that the new manager sends to the bot: nobody has to find out
anybody's platform id. Nobody is shown another person's id in full.
"""

from dataclasses import asdict, astuple, dataclass

from bot import codes
from bot.context import Context
from bot.errors import UserError
from bot.events import Account
from bot.feature import Arguments, Feature
from bot.messages import Text
from bot.roles import INVITATION, account_of, invite, leaves_no_owner
from bot.text import normalise
from storage import members
from storage.members import Role

feature = Feature("roles")

GIVEN = (Role.OWNER, Role.MANAGER, Role.STAFF)

_HEAD, _TAIL, _SHORT = 3, 2, 8
"""How much of a platform id a list shows; of one that is not longer than `_SHORT`, less."""


@dataclass(frozen=True, slots=True)
class _Seat:
    """A role and whom it is bound to; `account` is None where the community's file says so."""

    role: Role
    platform: str
    user_id: str
    account: Account | None = None

    @property
    def masked(self) -> str:
        """The account as a list shows it: enough to recognise, too little to use."""
        return _masked(self.platform, self.user_id)


@feature.command("role.list", role=Role.STAFF)
async def show(ctx: Context, _: Arguments) -> None:
    """List who has which role, the highest first; those of the community's file are marked."""
    seats = sorted(await _seats(ctx), key=lambda seat: -seat.role.rank)
    lines = [
        ctx.text(
            "roles-line" if seat.account else "roles-line-file",
            role=_name(ctx, seat.role),
            account=seat.masked,
        )
        for seat in seats
    ]
    ctx.reply(Text("\n".join([ctx.text("roles-title", count=len(lines)), *lines])))


@feature.command("role.grant", role=Role.OWNER)
async def grant(ctx: Context, arguments: Arguments) -> None:
    """Give a role to an account, or make a code that gives it to whoever sends it."""
    role, target = _asked(ctx, arguments)
    if role is None:
        raise UserError("roles-grant-how")
    if not target:
        await _offer(ctx, role)
        return
    account = await _known(ctx, target)
    if role is not Role.OWNER and await leaves_no_owner(ctx, [account]):
        raise UserError("roles-last-owner")
    before = await ctx.tx.one(members.ROLE_OF, **asdict(account))
    if before is not None and before.rank > role.rank:
        await codes.void(ctx.tx, ctx.now)
    await _give(ctx, account, role)
    shown = _masked(account.platform, account.user_id)
    ctx.reply(Text(ctx.text("roles-granted", role=_name(ctx, role), account=shown)))


@feature.command("role.revoke", role=Role.OWNER)
async def revoke(ctx: Context, arguments: Arguments) -> None:
    """Take a role away; the last owner and roles of the community's file stay."""
    _, target = _asked(ctx, arguments)
    if not target:
        raise UserError("roles-revoke-how")
    account = await _known(ctx, target)
    if await leaves_no_owner(ctx, [account]):
        raise UserError("roles-last-owner")
    if not await ctx.tx.run(members.DROP_ROLE, **asdict(account)):
        of_file = ctx.core.community.role_of(account) is not None
        raise UserError("roles-of-file" if of_file else "roles-none")
    await codes.void(ctx.tx, ctx.now)
    await ctx.record("role.revoked")
    await ctx.audit("role.revoke", await members.account_hash(ctx.tx, astuple(account)))
    shown = _masked(account.platform, account.user_id)
    ctx.reply(Text(ctx.text("roles-revoked", account=shown)))


@feature.code
async def take(ctx: Context, code: str) -> bool:
    """Give the sender of a code the role that waits behind it; never a lower one than they have."""
    found = await codes.take(ctx, INVITATION, code)
    if found is None or ctx.account is None:
        return False
    role = Role(found["role"])
    if ctx.role.rank >= role.rank:
        ctx.reply(Text(ctx.text("roles-already", role=_name(ctx, ctx.role))))
        return True
    await _give(ctx, ctx.account, role)
    community = ctx.core.community.name
    ctx.reply(Text(ctx.text("roles-welcome", role=_name(ctx, role), community=community)))
    return True


async def _offer(ctx: Context, role: Role) -> None:
    """Make a code and say how it is used."""
    code = await invite(ctx.tx, role, ctx.now)
    minutes = codes.LIFE.seconds // 60
    text = ctx.text("roles-code", role=_name(ctx, role), code=code, minutes=minutes)
    ctx.reply(Text(text))


async def _give(ctx: Context, account: Account, role: Role) -> None:
    await ctx.tx.run(members.PUT_ROLE, **asdict(account), role=role, now=ctx.now)
    await ctx.record("role.granted", role.value)
    known = await members.account_hash(ctx.tx, astuple(account))
    await ctx.audit("role.grant", known, role=role.value)


def _asked(ctx: Context, arguments: Arguments) -> tuple[Role | None, str]:
    """Tell the role from the person, in whichever order they came; "" when nobody is named."""
    roles = {word: _role(ctx, word) for word in arguments.words}
    role = next((found for found in roles.values() if found), None)
    return role, next((word for word, found in roles.items() if not found), "")


def _role(ctx: Context, word: str) -> Role | None:
    """Return the role a word names, in any language."""
    said = normalise(word)
    return next((r for r in GIVEN if said in ctx.core.copy.words(f"role-{r.value}")), None)


async def _seats(ctx: Context) -> list[_Seat]:
    """Return every role that is bound to an account, here or in the community's file."""
    grants = await ctx.tx.all(members.ROLES)
    return [
        *(_Seat(g.role, g.platform, g.user_id, account_of(g)) for g in grants),
        *(
            _Seat(role, spot.platform, spot.id)
            for role in GIVEN
            for spot in getattr(ctx.core.community.roles, role.value)
        ),
    ]


async def _known(ctx: Context, target: str) -> Account:
    """Return the one account a target names: `platform:user id`, or as the list shows it.

    Raises:
        UserError: nobody, more than one, or someone whom only the community's file knows.
    """
    platform, _, user_id = target.partition(":")
    rows = await ctx.tx.all(members.ACCOUNTS_NAMED, platform=platform, user_id=user_id)
    named = [
        seat
        for seat in await _seats(ctx)
        if target in {f"{seat.platform}:{seat.user_id}", seat.masked}
    ]
    found = {account_of(row) for row in rows} | {seat.account for seat in named if seat.account}
    if len(found) > 1:
        raise UserError("roles-unclear")
    if not found:
        raise UserError("roles-of-file" if named else "roles-unknown")
    return found.pop()


def _name(ctx: Context, role: Role) -> str:
    return ctx.text(f"role-{role.value}")


def _masked(platform: str, user_id: str) -> str:
    """Return an account as a list shows it: enough to recognise, too little to use."""
    head, tail = (_HEAD, _TAIL) if len(user_id) > _SHORT else (1, 0)
    return f"{platform}:{user_id[:head]}…{user_id[len(user_id) - tail :]}"
