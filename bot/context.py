"""A handler's hands: the member, the store, the time, the words, and ways to act.

Whatever a handler wants from the world becomes a row in its own transaction; `finish` writes
the reply that it collected as one message, because a reply token can be used only once.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID, uuid5

from bot.adapter import account_of
from bot.core import Core
from bot.events import Account, Address, DomainEvent
from bot.messages import Choices, Message, Part
from bot.posting import Letter, post
from bot.rules.etiquette import Want
from bot.text import Value
from bot.wire import load_message
from storage import activity, answers, audit, members, outbox, work
from storage.audit import Act
from storage.members import MemberRow, Role
from storage.store import Tx

KEYS = UUID("6f0a3f2e-6a8f-5f5e-9b61-27b1d0f6c1aa")
"""Namespace of outbox keys."""
PULLED = 3
"""Waiting messages shown at one touch; the rest wait for the next."""


@dataclass(slots=True, kw_only=True)
class Context:
    """One event's (or job's) hands. `source` names it uniquely; it seeds keys and `random`."""

    core: Core
    tx: Tx
    now: datetime
    source: str
    address: Address
    lane: str
    member: MemberRow | None = None
    role: Role = Role.MEMBER
    reply_until: datetime | None = None
    occurred_at: datetime
    message_id: str = ""
    conversation: answers.ConversationRow | None = None
    _parts: list[Part] = field(default_factory=list)
    _listening: tuple[str, dict[str, Any]] | None = None
    _sent: int = 0

    @property
    def random(self) -> Random:
        """A generator seeded by the event and the community's secret: repeatable, not guessable."""
        return Random(self.tx.cipher.mac("random", self.source))

    @property
    def account(self) -> Account | None:
        """The account that acts."""
        return self.address.account

    @property
    def member_id(self) -> int:
        """The member's number.

        Raises:
            LookupError: nobody is known yet.
        """
        if self.member is None:
            message = "no member here"
            raise LookupError(message)
        return self.member.id

    @property
    def nickname(self) -> str:
        """What the member wants to be called; "" when not told."""
        if self.member is None or self.member.nickname is None:
            return ""
        return self.tx.cipher.text(self.member.nickname, f"nickname:{self.member.id}")

    def text(self, key: str, **values: Value) -> str:
        """Return copy in the community's language."""
        return self.core.copy.say(key, **values)

    def reply(self, *parts: Part) -> None:
        """Say something to whoever acted; everything said becomes one message."""
        self._parts.extend(parts)

    async def send(
        self, address: Address, *parts: Part, want: Want = Want.PREFER_REPLY, member_id: int | None
    ) -> None:
        """Say something elsewhere: to another member, or in a channel (`member_id` None)."""
        letter = Letter(
            key=self._key(),
            address=address,
            lane=lane_of(self.tx, address),
            want=want,
            member_id=member_id,
        )
        await post(self.core, self.tx, Message(parts), letter, self.now)

    async def to_channel(self, name: str, *parts: Part) -> bool:
        """Post in one of the community's channels; False when none of them is reachable."""
        address = self.core.channel(name)
        if address is None:
            return False
        letter = Letter(
            key=self._key(),
            address=address,
            lane=lane_of(self.tx, address),
            want=Want.PUSH_OK,
            member_id=None,
            about_id=self.member.id if self.member else None,
        )
        await post(self.core, self.tx, Message(parts), letter, self.now)
        return True

    def open(self, feature: str, state: dict[str, Any]) -> None:
        """Let `feature` listen to this conversation from now on."""
        self._listening = (feature, state)

    def close(self) -> None:
        """Let nobody listen any more."""
        self._listening = ("", {})

    async def enqueue(
        self, kind: str, key: str, payload: dict[str, Any], due: datetime | None = None
    ) -> None:
        """Add a job; the same (kind, key) is done once."""
        await self.core.engine.enqueue(self.tx, kind, key, payload, due or self.now)

    async def emit(self, event: DomainEvent) -> None:
        """Tell the other features; each reaction is its own row."""
        name = type(event).__name__
        for feature in self.core.registry.reactions.get(type(event), {}):
            payload = {"event": name, "feature": feature, "fields": asdict(event)}
            await self.enqueue("react", f"{self.source}/{name}/{feature}", payload)

    async def record(self, kind: str, subject: str = "") -> None:
        """Append "this member did `kind` to `subject`" to the record."""
        await self.tx.run(
            activity.RECORD,
            member_id=self.member_id,
            kind=kind,
            subject=subject,
            at=self.occurred_at,
        )

    async def audit(self, act: str, subject: str = "", **facts: str | int) -> None:
        """Write a privileged act into the audit log; no personal data in `facts`."""
        account = account_of(self.address)
        actor = await members.account_hash(
            self.tx, (account.platform, account.realm, account.user_id)
        )
        done = Act(actor, act, subject, audit.facts_of(**facts))
        await audit.append(self.tx, done, self.now)

    async def wake(self, kind: str, ref: str, due: datetime) -> None:
        """Set (or move) a wakeup."""
        await self.tx.run(work.PUT_WAKEUP, kind=kind, ref=ref, member_id=self.member_id, due=due)

    async def finish(self) -> None:
        """Write what the handler collected: its one reply, and where the conversation stands."""
        if self._parts:
            await self._add_pulls()
            letter = Letter(
                key=self._key(),
                address=self.address,
                lane=self.lane,
                want=Want.PREFER_REPLY,
                member_id=self.member.id if self.member else None,
                reply_until=self.reply_until,
            )
            await post(self.core, self.tx, Message(_choices_last(self._parts)), letter, self.now)
        await self._keep_conversation()

    async def _add_pulls(self) -> None:
        """Show what waited for the member's next touch, unless a conversation is open."""
        listening = self._listening or (self.conversation.feature if self.conversation else "", {})
        if self.member is None or listening[0]:
            return
        for row in await self.tx.all(outbox.PULLS, member_id=self.member.id, limit=PULLED):
            if row.payload is not None:
                waiting = load_message(self.tx.cipher.open(row.payload, f"payload:{row.key}"))
                self._parts.extend(waiting.parts)
            await self.tx.run(
                outbox.SENT, outbox_id=row.id, reason="carried", now=self.now, counted=0
            )

    async def _keep_conversation(self) -> None:
        offered = [
            [option.label, option.value]
            for part in self._parts
            if isinstance(part, Choices)
            for option in part.options
        ]
        before = self.conversation
        if self._listening is None and (not self._parts or (before is None and not offered)):
            return
        feature, state = self._listening or ((before.feature, before.state) if before else ("", {}))
        await self.tx.run(
            answers.PUT_CONVERSATION,
            lane=self.lane,
            member_id=self.member.id if self.member else None,
            feature=feature,
            state=state,
            offered=offered,
            now=self.now,
        )

    def _key(self) -> UUID:
        self._sent += 1
        return uuid5(KEYS, f"{self.source}#{self._sent}")


def _choices_last(parts: list[Part]) -> tuple[Part, ...]:
    """Keep the first choices as the buttons under everything that is said.

    Later ones belong to older messages; their values stay valid when typed or met again.
    """
    choices = [part for part in parts if isinstance(part, Choices)]
    said = [part for part in parts if not isinstance(part, Choices)]
    return (*said, *choices[:1])


def lane_of(tx: Tx, address: Address) -> str:
    """Return the keyed hash that names a conversation without saying whose it is."""
    return tx.cipher.mac("lane", address.platform, address.conversation, address.thread)
