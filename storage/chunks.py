"""Chunks on their way: claimed, begun, ended; and the log of what became of each recipient."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    Boolean,
    ColumnElement,
    and_,
    bindparam,
    case,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from storage.broadcast import SENT, Broadcast, Chunk, ChunkState, Recipient, SendLog, Stage
from storage.dialects import each
from storage.members import Account, AccountState, Member
from storage.query import Query, change, rows, scalar
from storage.tables import BIG, table_of


class ChunkRow(NamedTuple):
    """A claimed chunk."""

    id: int
    broadcast_id: int
    lo: int
    hi: int
    due: datetime
    tries: int
    tried_at: datetime | None


class RecipientRow(NamedTuple):
    """Somebody to write to, unless `why` says why not (any more)."""

    seq: int
    why: str
    realm: str
    user_id: str
    conversation: str


_broadcast, _chunk = table_of(Broadcast), table_of(Chunk)
_recipient, _log = table_of(Recipient), table_of(SendLog)
_account, _member = table_of(Account), table_of(Member)
_NOW = bindparam("now", type_=_chunk.c.due.type)
_IMPORTANT = bindparam("important", type_=Boolean())


def _state(*states: ChunkState) -> ColumnElement[bool]:
    return or_(*(_chunk.c.state == state for state in states))


_SENDING = select(_broadcast.c.id).where(_broadcast.c.stage == Stage.SENDING)
_CLAIMABLE = (
    select(_chunk.c.id)
    .where(
        _chunk.c.state == ChunkState.OPEN,
        _chunk.c.due <= bindparam("now"),
        or_(_chunk.c.until.is_(None), _chunk.c.until <= bindparam("now")),
        _chunk.c.broadcast_id.in_(_SENDING),
    )
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_CLAIMED = {
    "owner": bindparam("worker"),
    "until": bindparam("until"),
    # A claim that ran out is a try that nobody came back from.
    "tries": _chunk.c.tries + case((_chunk.c.until.is_(None), 0), else_=1),
}
_CHUNK = tuple(_chunk.c[name] for name in ChunkRow._fields)
CLAIM = rows(
    update(_chunk)
    .where(_chunk.c.id.in_(_CLAIMABLE.order_by(_chunk.c.due, _chunk.c.id)))
    .values(_CLAIMED)
    .returning(*_CHUNK),
    ChunkRow,
)
# After a restart those go first of which nobody knows whether they had left.
CLAIM_TRIED = rows(
    update(_chunk)
    .where(_chunk.c.id.in_(_CLAIMABLE.where(_chunk.c.tried_at.is_not(None)).order_by(_chunk.c.id)))
    .values(_CLAIMED)
    .returning(*_CHUNK),
    ChunkRow,
)
FREE_CLAIMS = scalar(
    update(_chunk)
    .where(_chunk.c.state == ChunkState.OPEN, _chunk.c.owner == bindparam("worker"))
    .values(owner="", until=None)
    .returning(_chunk.c.broadcast_id)
)
Claiming = Query[ChunkRow]
# The owner's name fences: a worker whose claim ran out ends nothing any more.
_OURS = (_chunk.c.id == bindparam("chunk_id"), _chunk.c.owner == bindparam("worker"))
_OURS_OPEN = (*_OURS, _chunk.c.state == ChunkState.OPEN)
BEGIN = change(
    update(_chunk)
    .where(*_OURS_OPEN, _chunk.c.broadcast_id.in_(_SENDING))
    .values(tried_at=func.coalesce(_chunk.c.tried_at, _NOW), until=bindparam("until"))
)
LOAD = rows(
    select(
        _recipient.c.seq,
        case(
            (or_(_recipient.c.member_id.is_(None), _account.c.id.is_(None)), "erased"),
            (_account.c.state != AccountState.ACTIVE, "blocked"),
            (and_(_member.c.muted_at.is_not(None), not_(_IMPORTANT)), "opted_out"),
            else_="",
        ).label("why"),
        func.coalesce(_account.c.realm, "").label("realm"),
        func.coalesce(_account.c.user_id, "").label("user_id"),
        func.coalesce(_account.c.conversation, "").label("conversation"),
    )
    .outerjoin(_account, _account.c.id == _recipient.c.account_id)
    .outerjoin(_member, _member.c.id == _recipient.c.member_id)
    .where(
        _recipient.c.broadcast_id == bindparam("broadcast_id"),
        _recipient.c.seq.between(bindparam("lo"), bindparam("hi")),
        ~select(_log.c.seq)
        .where(_log.c.broadcast_id == _recipient.c.broadcast_id, _log.c.seq == _recipient.c.seq)
        .exists(),
    )
    .order_by(_recipient.c.seq),
    RecipientRow,
)
_numbers = each("seqs")
LOG = change(
    upsert(_log)
    .from_select(
        ["broadcast_id", "seq", "result", "at"],
        select(
            bindparam("broadcast_id", type_=BIG),
            _numbers,
            bindparam("result", type_=_log.c.result.type),
            _NOW,
        ).where(bindparam("broadcast_id", type_=BIG) > 0),
    )
    .on_conflict_do_nothing(index_elements=["broadcast_id", "seq"])
)
_LOGGED = (
    select(func.count())
    .select_from(_log)
    .where(
        _log.c.broadcast_id == _chunk.c.broadcast_id,
        _log.c.seq.between(_chunk.c.lo, _chunk.c.hi),
    )
)
_LOGGED_SENT = _LOGGED.where(_log.c.result == SENT).scalar_subquery()
_LOGGED_FAILED = _LOGGED.where(_log.c.result != SENT).scalar_subquery()
# A chunk that was cancelled while it was on its way has been sent all the same.
END = change(
    update(_chunk)
    .where(*_OURS, _state(ChunkState.OPEN, ChunkState.CANCELLED))
    .values(
        state=ChunkState.DONE,
        sent=_LOGGED_SENT + bindparam("sent"),
        failed=_LOGGED_FAILED,
        owner="",
        until=None,
        fault="",
        at=bindparam("now"),
    )
)
# One by one: what the log says so far; the lease goes on while somebody writes here.
GROW = change(
    update(_chunk)
    .where(*_OURS)
    .values(
        sent=_LOGGED_SENT,
        failed=_LOGGED_FAILED,
        until=bindparam("until"),
        at=bindparam("now"),
    )
)
RELEASE = change(
    update(_chunk)
    .where(*_OURS)
    .values(
        owner="",
        until=None,
        due=bindparam("due"),
        tried_at=bindparam("tried_at"),
        tries=bindparam("tries"),
        fault=bindparam("fault"),
    )
)
BURY = change(
    update(_chunk)
    .where(*_OURS_OPEN)
    .values(state=ChunkState.DEAD, owner="", until=None, fault=bindparam("fault"))
)
SHRINK = change(
    update(_chunk).where(*_OURS_OPEN).values(hi=bindparam("hi"), tries=0, tried_at=None)
)
ADD_CHUNK = change(
    insert(_chunk).values(
        broadcast_id=bindparam("broadcast_id"),
        lo=bindparam("lo"),
        hi=bindparam("hi"),
        state=ChunkState.OPEN,
        due=bindparam("due"),
        owner="",
        tries=0,
        sent=0,
        failed=0,
        fault="",
    )
)
REVIVE = change(
    update(_chunk)
    .where(_chunk.c.broadcast_id == bindparam("broadcast_id"), _chunk.c.state == ChunkState.DEAD)
    .values(state=ChunkState.OPEN, due=bindparam("now"), tries=0, tried_at=None, fault="")
)
CANCEL_CHUNKS = change(
    update(_chunk)
    .where(
        _chunk.c.broadcast_id == bindparam("broadcast_id"),
        _state(ChunkState.OPEN, ChunkState.DEAD),
    )
    .values(state=ChunkState.CANCELLED)
)
