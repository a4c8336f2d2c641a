"""Members, their accounts, consents, roles, and what stays known after they are erased."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Index, UniqueConstraint, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import SQLModel

from storage.query import change, rows, scalar
from storage.seal import Cipher
from storage.store import Tx
from storage.tables import (
    Erase,
    Personal,
    choice,
    column,
    kept,
    member_ref,
    row_id,
    sealed,
    table_of,
)


class AccountState(StrEnum):
    """Whether an account can be written to."""

    ACTIVE = "active"
    LEFT = "left"


class Role(StrEnum):
    """Who may do what; each role may do all that the ones before it may."""

    MEMBER = "member"
    STAFF = "staff"
    MANAGER = "manager"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """Position in the order member < staff < manager < owner."""
        return list(Role).index(self)


class Member(SQLModel, table=True):
    """A person of the community. `nickname` is sealed; NULL until told."""

    # The number of an erased member is never given again: buttons and jobs may still name it.
    __table_args__ = {**kept(Erase.DELETE, "id"), "sqlite_autoincrement": True}
    id: int | None = row_id()
    nickname: bytes | None = sealed(Personal.ANSWER, "nickname:{id}", own_key=True)
    joined_at: datetime = column(Personal.ACTIVITY)
    consent_version: int | None = column(Personal.ANSWER, default=None)
    consent_at: datetime | None = column(Personal.ANSWER, default=None)
    muted_at: datetime | None = column(Personal.ANSWER, default=None)


class Account(SQLModel, table=True):
    """A member's account on one platform. `changed_at` is the signed time of the last change."""

    __table_args__ = (UniqueConstraint("platform", "realm", "user_id"), kept(Erase.DELETE))
    id: int | None = row_id()
    member_id: int = member_ref(nullable=False)
    platform: str = column(Personal.IDENTITY)
    realm: str = column()
    user_id: str = column(Personal.IDENTITY)
    conversation: str = column(Personal.IDENTITY)
    state: AccountState = column(sa_type=choice(AccountState))
    changed_at: datetime = column(Personal.ACTIVITY)


class Consent(SQLModel, table=True):
    """One consent to one version of the purpose; append-only."""

    __table_args__ = kept(Erase.DELETE)
    id: int | None = row_id()
    member_id: int = member_ref(nullable=False)
    version: int = column(Personal.ANSWER)
    given_at: datetime = column(Personal.ANSWER)


class Grant(SQLModel, table=True):
    """A role bound to a platform account, whether or not it is a member yet."""

    __tablename__ = "role"
    __table_args__ = (UniqueConstraint("platform", "realm", "user_id"), kept(None))
    id: int | None = row_id()
    platform: str = column()
    realm: str = column()
    user_id: str = column(Personal.IDENTITY)
    role: Role = column(sa_type=choice(Role))
    granted_at: datetime = column()


class Once(SQLModel, table=True):
    """What an erased account already had, under a keyed hash that no longer names anyone."""

    __table_args__ = (Index("uq_once_hash_flag", "hash", "flag", unique=True), kept(None))
    id: int | None = row_id()
    hash: str = column()
    flag: str = column()
    at: datetime = column()


class MemberRow(NamedTuple):
    """A member, met through one account."""

    id: int
    nickname: bytes | None
    joined_at: datetime
    consent_version: int | None
    muted_at: datetime | None
    account_id: int
    state: AccountState
    changed_at: datetime


class AccountRow(NamedTuple):
    """Where a member can be written to."""

    id: int
    member_id: int
    platform: str
    realm: str
    user_id: str
    conversation: str
    state: AccountState
    changed_at: datetime


class GrantRow(NamedTuple):
    """A role and whom it is bound to."""

    platform: str
    realm: str
    user_id: str
    role: Role


_member, _account = table_of(Member), table_of(Account)
_consent, _grant, _once = table_of(Consent), table_of(Grant), table_of(Once)

_OF_ACCOUNT = (
    _account.c.platform == bindparam("platform"),
    _account.c.realm == bindparam("realm"),
    _account.c.user_id == bindparam("user_id"),
)
_MEMBER_COLUMNS = (
    _member.c.id,
    _member.c.nickname,
    _member.c.joined_at,
    _member.c.consent_version,
    _member.c.muted_at,
    _account.c.id.label("account_id"),
    _account.c.state,
    _account.c.changed_at,
)
MEMBER_BY_ACCOUNT = rows(
    select(*_MEMBER_COLUMNS)
    .join(_account, _account.c.member_id == _member.c.id)
    .where(*_OF_ACCOUNT),
    MemberRow,
)
ADD_MEMBER = scalar(insert(_member).values(joined_at=bindparam("now")).returning(_member.c.id))
ADD_ACCOUNT = scalar(
    insert(_account)
    .values(
        member_id=bindparam("member_id"),
        platform=bindparam("platform"),
        realm=bindparam("realm"),
        user_id=bindparam("user_id"),
        conversation=bindparam("conversation"),
        state=bindparam("state", type_=choice(AccountState)),
        changed_at=bindparam("at"),
    )
    .returning(_account.c.id)
)
SET_ACCOUNT_STATE = change(
    update(_account)
    .where(_account.c.id == bindparam("account_id"), _account.c.changed_at <= bindparam("at"))
    .values(state=bindparam("state", type_=choice(AccountState)), changed_at=bindparam("at"))
)
SET_NICKNAME = change(
    update(_member)
    .where(_member.c.id == bindparam("member_id"))
    .values(nickname=bindparam("nickname"))
)
SET_CONSENT = change(
    update(_member)
    .where(_member.c.id == bindparam("member_id"))
    .values(consent_version=bindparam("version"), consent_at=bindparam("now"))
)
ADD_CONSENT = change(
    insert(_consent).values(
        member_id=bindparam("member_id"), version=bindparam("version"), given_at=bindparam("now")
    )
)
SET_MUTED = change(
    update(_member).where(_member.c.id == bindparam("member_id")).values(muted_at=bindparam("at"))
)
EXISTS = scalar(select(_member.c.id).where(_member.c.id == bindparam("member_id")))
MUTED_AT = scalar(select(_member.c.muted_at).where(_member.c.id == bindparam("member_id")))
_ACCOUNT_COLUMNS = (
    _account.c.id,
    _account.c.member_id,
    _account.c.platform,
    _account.c.realm,
    _account.c.user_id,
    _account.c.conversation,
    _account.c.state,
    _account.c.changed_at,
)
ACCOUNTS_OF = rows(
    select(*_ACCOUNT_COLUMNS)
    .where(_account.c.member_id == bindparam("member_id"))
    .order_by(_account.c.id),
    AccountRow,
)
ACCOUNTS_NAMED = rows(
    select(*_ACCOUNT_COLUMNS)
    .where(_account.c.platform == bindparam("platform"), _account.c.user_id == bindparam("user_id"))
    .order_by(_account.c.id),
    AccountRow,
)
_active = _account.alias("active")
# Whose every account is left, since before a day.
GONE = scalar(
    select(_member.c.id)
    .where(
        _member.c.id > bindparam("after"),
        ~select(_active.c.id)
        .where(
            _active.c.member_id == _member.c.id,
            (_active.c.state == AccountState.ACTIVE) | (_active.c.changed_at > bindparam("before")),
        )
        .exists(),
    )
    .order_by(_member.c.id)
    .limit(bindparam("limit"))
)


class JoinedRow(NamedTuple):
    """An account and when its member joined."""

    id: int
    member_id: int
    platform: str
    realm: str
    user_id: str
    joined_at: datetime


JOINED_AFTER = rows(
    select(
        _account.c.id,
        _account.c.member_id,
        _account.c.platform,
        _account.c.realm,
        _account.c.user_id,
        _member.c.joined_at,
    )
    .join(_member, _member.c.id == _account.c.member_id)
    .where(_account.c.id > bindparam("after"))
    .order_by(_account.c.id)
    .limit(bindparam("limit")),
    JoinedRow,
)
ROLE_OF = scalar(
    select(_grant.c.role).where(
        _grant.c.platform == bindparam("platform"),
        _grant.c.realm == bindparam("realm"),
        _grant.c.user_id == bindparam("user_id"),
    )
)
ROLES = rows(
    select(_grant.c.platform, _grant.c.realm, _grant.c.user_id, _grant.c.role).order_by(
        _grant.c.id
    ),
    GrantRow,
)
PUT_ROLE = change(
    upsert(_grant)
    .values(
        platform=bindparam("platform"),
        realm=bindparam("realm"),
        user_id=bindparam("user_id"),
        role=bindparam("role", type_=choice(Role)),
        granted_at=bindparam("now"),
    )
    .on_conflict_do_update(
        index_elements=["platform", "realm", "user_id"],
        set_={"role": bindparam("role", type_=choice(Role)), "granted_at": bindparam("now")},
    )
)
DROP_ROLE = change(
    delete(_grant).where(
        _grant.c.platform == bindparam("platform"),
        _grant.c.realm == bindparam("realm"),
        _grant.c.user_id == bindparam("user_id"),
    )
)
ADD_ONCE = change(
    upsert(_once)
    .values(hash=bindparam("hash"), flag=bindparam("flag"), at=bindparam("now"))
    .on_conflict_do_nothing(index_elements=["hash", "flag"])
)
HAD_ONCE = scalar(
    select(_once.c.id).where(_once.c.hash == bindparam("hash"), _once.c.flag == bindparam("flag"))
)


class OnceRow(NamedTuple):
    """What an account had before it was erased."""

    flag: str
    at: datetime


ONCE_OF = rows(
    select(_once.c.flag, _once.c.at).where(_once.c.hash == bindparam("hash")).order_by(_once.c.id),
    OnceRow,
)
FLAGS_OF = scalar(
    select(_once.c.flag).where(_once.c.hash == bindparam("hash")).order_by(_once.c.id)
)


# An account that left before we knew it: whatever is older than this must not bring it back.
PUT_LEFT = change(
    upsert(_once)
    .values(hash=bindparam("hash"), flag="left", at=bindparam("at"))
    .on_conflict_do_update(index_elements=["hash", "flag"], set_={"at": bindparam("at")})
)
LEFT_SINCE = scalar(
    select(_once.c.id).where(
        _once.c.hash == bindparam("hash"), _once.c.flag == "left", _once.c.at > bindparam("at")
    )
)


class StateCount(NamedTuple):
    """Accounts of one platform in one state."""

    platform: str
    state: AccountState
    total: int


COUNT_ACCOUNTS = rows(
    select(_account.c.platform, _account.c.state, func.count().label("total"))
    .group_by(_account.c.platform, _account.c.state)
    .order_by(_account.c.platform, _account.c.state),
    StateCount,
)
COUNT_MEMBERS = scalar(select(func.count()).select_from(_member))
COUNT_JOINED_SINCE = scalar(
    select(func.count()).select_from(_member).where(_member.c.joined_at >= bindparam("since"))
)
COUNT_CONSENTED = scalar(
    select(func.count()).select_from(_member).where(_member.c.consent_version.is_not(None))
)


async def account_hash(tx: Tx, account: tuple[str, str, str]) -> str:
    """Return the keyed hash under which an erased account (platform, realm, user id) is known."""
    return hash_of(tx.cipher, account)


def hash_of(cipher: Cipher, account: tuple[str, str, str]) -> str:
    """Return what `account_hash` returns, outside of a transaction."""
    return cipher.mac("account", *account)
