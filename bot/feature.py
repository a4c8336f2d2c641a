"""A feature: one capability with its commands, words, choices, reactions and jobs.

A feature file makes one `feature = Feature("name")` and decorates its handlers. Handlers run
inside the event's transaction and never wait for the world; jobs may.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bot.events import DomainEvent, Event
from storage.members import Role

Handler = Callable[..., Awaitable[None]]
CodeTaker = Callable[..., Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Command:
    """A manager's word; its chat words and help are the copy entry `command-<id>`."""

    id: str
    role: Role
    handle: Handler


@dataclass(frozen=True, slots=True)
class Word:
    """A member's word, matched as the whole message; copy entry `word-<id>`.

    A `right` is heard even in the middle of a conversation.
    """

    id: str
    handle: Handler
    right: bool


@dataclass(slots=True)
class Feature:
    """What one feature file offers."""

    name: str
    commands: list[Command] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    choices: dict[str, Handler] = field(default_factory=dict)
    reactions: dict[type[Event] | type[DomainEvent], Handler] = field(default_factory=dict)
    jobs: dict[str, Handler] = field(default_factory=dict)
    wakeups: dict[str, Handler] = field(default_factory=dict)
    starts: list[Handler] = field(default_factory=list)
    codes: list[CodeTaker] = field(default_factory=list)
    listener: Handler | None = None

    def command(self, command_id: str, *, role: Role = Role.STAFF) -> Callable[[Handler], Handler]:
        """Handle a manager's word: `async def handle(ctx, arguments: Arguments)`."""

        def add(handle: Handler) -> Handler:
            self.commands.append(Command(command_id, role, handle))
            return handle

        return add

    def word(self, word_id: str, *, right: bool = False) -> Callable[[Handler], Handler]:
        """Handle a member's word: `async def handle(ctx)`."""

        def add(handle: Handler) -> Handler:
            self.words.append(Word(word_id, handle, right))
            return handle

        return add

    def choice(self, verb: str) -> Callable[[Handler], Handler]:
        """Handle a button `<feature>:<verb>:<argument>`: `async def handle(ctx, argument)`."""

        def add(handle: Handler) -> Handler:
            self.choices[verb] = handle
            return handle

        return add

    def on(self, kind: type[Event] | type[DomainEvent]) -> Callable[[Handler], Handler]:
        """Handle an event: `async def handle(ctx, event)`.

        A platform event has one handler in all; a domain event may have one in each feature,
        and each reaction is a row of its own.
        """

        def add(handle: Handler) -> Handler:
            self.reactions[kind] = handle
            return handle

        return add

    def listen(self, handle: Handler) -> Handler:
        """Hear messages while this feature's conversation is open: `handle(ctx, event)`."""
        self.listener = handle
        return handle

    def start(self, handle: Handler) -> Handler:
        """Bring rows up to the definitions when a process starts: `async def handle(core, tx)`."""
        self.starts.append(handle)
        return handle

    def code(self, take: CodeTaker) -> CodeTaker:
        """Take one-time codes (XXXX-XXXX): `async def take(ctx, code) -> bool`, False: not ours."""
        self.codes.append(take)
        return take

    def job(self, kind: str) -> Callable[[Handler], Handler]:
        """Carry out work that waits for the world: `async def handle(work: Work, payload)`."""

        def add(handle: Handler) -> Handler:
            self.jobs[kind] = handle
            return handle

        return add

    def wakeup(self, kind: str) -> Callable[[Handler], Handler]:
        """Act at an instant set by `ctx.wake`: `async def handle(ctx, ref: str)`."""

        def add(handle: Handler) -> Handler:
            self.wakeups[kind] = handle
            return handle

        return add


@dataclass(frozen=True, slots=True)
class Arguments:
    """What follows a command's words: `words` in order, `named` from key=value."""

    words: tuple[str, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)
    raw: str = ""
