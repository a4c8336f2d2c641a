"""A desk to try features at: the real store, community, copy and dispatcher, without a platform.

Only the two ends are stand-ins: the door has LINE's numbers and sends nothing, and the courier
keeps what it is handed. What is said comes back as in the journeys: `text［label］［label］`.

    desk = await open_desk(tmp_path)
    assert (await desk.follow()).line == "…［同意してはじめる］［くわしく］［あとで］"
    assert (await desk.press("あとで")).text == "…"
    assert (await desk.say("会員数", who="sato")).labels == ()
    await desk.close()
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from cryptography.fernet import Fernet

from bot import community, coupons, dispatch, events, reactions
from bot.adapter import Delivery, Payload, Place, Receipt, Signer
from bot.commands import Vocabulary
from bot.core import Core, registry
from bot.discover import found
from bot.events import Account, Address, Content, PlatformEvent, ReplyHandle
from bot.messages import Choice, Choices, Image, Limits, Message, Text, Unit
from bot.ports import Outgoing, Work
from bot.rules.degrade import Words, degrade
from bot.text import Copy
from bot.wire import sign
from storage import members, migrate, outbox, work
from storage.keyring import Keyring
from storage.members import Role
from storage.query import Query
from storage.seal import Cipher
from storage.sqlite import SqliteStore
from storage.store import Tx
from storage.work import WakeupRow

T = TypeVar("T")

PROMPTS = Path(__file__).parents[2] / "prompts"
SAKURA = PROMPTS / "communities" / "sakura"
REALM = "channel"
A1 = datetime(2026, 12, 20, 1, 0, tzinfo=UTC)
"""The moment journey A1 begins: 10:00 in Japan."""

LIMITS = Limits(
    parts=5,
    text=5000,
    text_unit=Unit.UTF16,
    choices=13,
    label=20,
    label_unit=Unit.GRAPHEMES,
    value_bytes=300,
    reply_seconds=60,
    push_counts=True,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it was delivered. `to` is the person (or the channel), `via` its way."""

    to: str
    via: str
    text: str
    choices: tuple[Choice, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(choice.label for choice in self.choices)

    @property
    def line(self) -> str:
        return self.text + "".join(f"［{label}］" for label in self.labels)


NOTHING = Heard("", "", "")


@dataclass(slots=True)
class DeskClock:
    """A clock that stands until it is moved."""

    at: datetime = A1
    offset: timedelta = timedelta()

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def ahead(self, **delta: float) -> None:
        self.at += timedelta(**delta)


class DeskDoor:
    """A platform with LINE's numbers; what it receives and sends is the desk's business."""

    def __init__(self, name: str = "line", limits: Limits = LIMITS) -> None:
        self.name = name
        self.limits = limits

    def receive(self, raw: bytes) -> PlatformEvent:
        raise NotImplementedError

    def render(
        self, message: Message, sign: Signer, media: Callable[[str], str]
    ) -> tuple[Payload, ...]:
        raise NotImplementedError

    async def send(self, delivery: Delivery) -> Receipt:
        raise NotImplementedError

    async def run(self, place: Place) -> None:
        raise NotImplementedError


@dataclass(slots=True)
class DeskCourier:
    """Keeps what was committed and may leave."""

    taken: list[Outgoing] = field(default_factory=list)

    def take(self, outgoing: Outgoing) -> None:
        self.taken.append(outgoing)


class DeskEngine:
    """Writes job rows as the real engines do; the desk carries them out when asked."""

    async def enqueue(
        self, tx: Tx, kind: str, key: str, payload: dict[str, Any], due: datetime
    ) -> None:
        await tx.one(
            work.ADD_JOB,
            kind=kind,
            key=key,
            member_id=payload.get("member_id", payload.get("fields", {}).get("member_id")),
            payload=tx.cipher.seal(json.dumps(payload), f"job:{kind}:{key}"),
            due=due,
        )

    def handler(self, kind: str, handle: Callable[..., Awaitable[None]]) -> None:
        raise NotImplementedError

    async def work(self) -> None:
        raise NotImplementedError

    async def stats(self) -> dict[str, int]:
        return {}


@dataclass(slots=True)
class Desk:
    """People talk to the bot; `said` keeps every message that left, in order."""

    core: Core
    store: SqliteStore
    cipher: Cipher
    clock: DeskClock
    courier: DeskCourier
    said: list[Heard] = field(default_factory=list)
    content: dict[str, bytes] = field(default_factory=dict)
    """What `image` sent, by its attachment name."""
    events: int = 0
    last_message_id: str = ""

    # ── what people do ──────────────────────────────────────────────────────────────────────
    async def follow(self, who: str = "hanako", *, returning: bool = False) -> Heard:
        return await self.happen(events.MemberJoined(**self._event(who), returning=returning), who)

    async def block(self, who: str = "hanako") -> Heard:
        return await self.happen(events.MemberLeft(**self._event(who)), who)

    async def say(self, text: str, who: str = "hanako") -> Heard:
        return await self._message(who, text=text)

    async def sticker(self, who: str = "hanako") -> Heard:
        return await self._message(who, content=Content.STICKER)

    async def send_content(self, content: Content, who: str = "hanako") -> Heard:
        return await self._message(who, content=content)

    async def image(self, data: bytes, who: str = "hanako") -> Heard:
        name = f"image{self.events + 1}"
        self.content[name] = data
        return await self._message(who, content=Content.IMAGE, attachment=name)

    async def unsend(self, message_id: str, who: str = "hanako") -> Heard:
        return await self.happen(
            events.MessageUnsent(**self._event(who), message_id=message_id), who
        )

    async def press(self, label: str, who: str = "hanako", picked: str = "") -> Heard:
        """Press the newest button of this label that `who` was shown."""
        shown = [c for h in self.said if h.to == who for c in h.choices if c.label == label]
        if not shown:
            message = f"no button {label}"
            raise LookupError(message)
        return await self.press_value(shown[-1].value, who, picked)

    async def press_value(self, value: str, who: str = "hanako", picked: str = "") -> Heard:
        """Press a button by its unsigned value, shown or not."""
        signed = sign(self.cipher, value, account(who))
        return await self.happen(
            events.ChoiceSelected(**self._event(who), value=signed, picked=picked), who
        )

    async def _message(self, who: str, **fields: Any) -> Heard:
        base = self._event(who)
        self.last_message_id = f"m{self.events}"
        event = events.MessageReceived(**base, message_id=self.last_message_id, **fields)
        return await self.happen(event, who)

    def _event(self, who: str) -> dict[str, Any]:
        self.events += 1
        return {
            "key": f"e{self.events}",
            "address": address(who, f"token{self.events}"),
            "occurred_at": self.clock.now(),
        }

    # ── what the bot does ───────────────────────────────────────────────────────────────────
    async def happen(self, event: PlatformEvent, who: str = "hanako") -> Heard:
        """Handle one event; return the last thing said to `who`, or NOTHING."""
        received = dispatch.Received(event, f"line:{event.key}", self.clock.now())
        await self.store.write(lambda tx: dispatch.handle(self.core, tx, received))
        fresh = await self._delivered()
        return next((heard for heard in reversed(fresh) if heard.to == who), NOTHING)

    async def work(self) -> list[Heard]:
        """Carry out every due job and wakeup; return what was said."""
        before = len(self.said)
        while await self._jobs() or await self._wakeups():
            await self._delivered()
        return self.said[before:]

    async def _jobs(self) -> bool:
        now = self.clock.now()
        values = {"now": now, "limit": 50, "worker": "desk", "until": now + timedelta(minutes=1)}
        jobs = await self.store.write(lambda tx: tx.all(work.CLAIM, **values))
        for job in jobs:
            assert job.payload is not None
            payload = json.loads(self.cipher.open(job.payload, f"job:{job.kind}:{job.key}"))
            if job.kind == "react":
                await self.store.write(
                    partial(_react, core=self.core, key=job.key, payload=payload)
                )
            else:
                hands = Work(self.store, self.clock, self._download)
                await self.core.registry.jobs[job.kind](hands, payload)
            await self.run(work.END_JOB, job_id=job.id, worker="desk")
        return bool(jobs)

    async def _wakeups(self) -> bool:
        due = await self.all(work.DUE_WAKEUPS, now=self.clock.now(), limit=50)
        for row in due:
            await self.store.write(partial(self._wake, row))
        return bool(due)

    async def _wake(self, row: WakeupRow, tx: Tx) -> None:
        await reactions.wake(self.core, tx, row)
        await tx.run(work.END_WAKEUP, wakeup_id=row.id, due=row.due)

    async def _download(self, _platform: str, attachment: str) -> bytes:
        return self.content[attachment]

    async def _delivered(self) -> list[Heard]:
        taken, self.courier.taken = self.courier.taken, []
        for outgoing in taken:
            self.said.extend(self._heard(outgoing))
            await self.run(
                outbox.SENT, outbox_id=outgoing.id, reason="", now=self.clock.now(), counted=0
            )
        return self.said[len(self.said) - len(taken) :] if taken else []

    def _heard(self, outgoing: Outgoing) -> list[Heard]:
        words = Words(**{n: self.core.copy.say(f"fit-{n}") for n in Words.__slots__})
        fitted = degrade(outgoing.message, LIMITS, words)
        to = _who(outgoing.address.conversation)
        parts = [part for message in fitted.messages for part in message.parts]
        texts = [p.text for p in parts if isinstance(p, Text)]
        texts += [f"(picture {p.path})" for p in parts if isinstance(p, Image)]
        options = tuple(o for p in parts if isinstance(p, Choices) for o in p.options)
        return [Heard(to, outgoing.way.value, "\n".join(texts), options)]

    # ── what is stored ──────────────────────────────────────────────────────────────────────
    async def one(self, query: Query[T], **values: Any) -> T | None:
        return await self.store.read(lambda tx: tx.one(query, **values))

    async def all(self, query: Query[T], **values: Any) -> list[T]:
        return await self.store.read(lambda tx: tx.all(query, **values))

    async def run(self, query: Query[Any], **values: Any) -> int:
        return await self.store.write(lambda tx: tx.run(query, **values))

    async def member(self, who: str = "hanako") -> members.MemberRow:
        found = await self.one(members.MEMBER_BY_ACCOUNT, **_named(who))
        assert found is not None, f"{who} is no member"
        row: members.MemberRow = found
        return row

    async def grant(self, who: str, role: Role = Role.MANAGER) -> None:
        """Give a person a role."""
        await self.run(members.PUT_ROLE, **_named(who), role=role, now=self.clock.now())

    async def close(self) -> None:
        await self.store.close()
        self.cipher.keyring.close()


async def _react(tx: Tx, *, core: Core, key: str, payload: dict[str, Any]) -> None:
    await reactions.react(core, tx, key, payload)


def account(who: str) -> Account:
    """Return a person's account at the desk."""
    return Account("line", REALM, f"U-{who}")


def address(who: str, token: str = "") -> Address:
    """Return where a person talks with the bot."""
    return Address("line", account(who), f"U-{who}", reply=ReplyHandle(token) if token else None)


def _named(who: str) -> dict[str, str]:
    made = account(who)
    return {"platform": made.platform, "realm": made.realm, "user_id": made.user_id}


def _who(user_id: str) -> str:
    return user_id.removeprefix("U-")


@cache
def _migrated() -> bytes:
    """Return an empty database of today's schema, made once: migrating takes most of a second."""
    with TemporaryDirectory() as folder:
        migrate.upgrade(Path(folder) / "new.db")
        return (Path(folder) / "new.db").read_bytes()


async def open_desk(
    folder: Path, sample: Path = SAKURA, platforms: Sequence[str] = ("line",)
) -> Desk:
    """Open a desk on a new database in `folder`, with a community's definitions and words.

    People are on LINE; with "terminal" among the platforms the managers' channel is reachable.
    """
    (folder / "desk.db").write_bytes(_migrated())
    keys = [Fernet.generate_key().decode()]
    cipher = Cipher(keys, b"a secret of the desk", Keyring(folder / "desk.db.keys", keys))
    store = SqliteStore(folder / "desk.db", cipher)
    copy = Copy((PROMPTS / "copy", sample / "copy"), "ja")
    features = list(found("bot.features", "feature"))
    clock, courier = DeskClock(), DeskCourier()
    core = Core(
        community=community.load(sample),
        copy=copy,
        clock=clock,
        adapters={name: DeskDoor(name) for name in platforms},
        registry=registry(features),
        vocabulary=Vocabulary(features, copy),
        engine=DeskEngine(),
        courier=courier,
    )
    await store.write(lambda tx: coupons.sync(tx, core.community))
    return Desk(core=core, store=store, cipher=cipher, clock=clock, courier=courier)


@asynccontextmanager
async def desk_in(
    folder: Path, sample: Path = SAKURA, platforms: Sequence[str] = ("line",)
) -> AsyncIterator[Desk]:
    """Open a desk and close it after use."""
    desk = await open_desk(folder, sample, platforms)
    try:
        yield desk
    finally:
        await desk.close()
