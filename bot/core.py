"""What every handler stands on, put together once at start and then only read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.adapter import Adapter
from bot.commands import Vocabulary
from bot.community import Community
from bot.events import Address, DomainEvent, Event
from bot.feature import CodeTaker, Feature, Handler
from bot.ports import Clock, Courier, Engine
from bot.text import Copy


@dataclass(frozen=True, slots=True)
class Registry:
    """All features by what they answer to; a duplicate refuses the start."""

    features: Mapping[str, Feature]
    platform: Mapping[type[Event], Handler]
    reactions: Mapping[type[DomainEvent], Mapping[str, Handler]]
    wakeups: Mapping[str, Handler]
    jobs: Mapping[str, Handler]
    codes: tuple[CodeTaker, ...]
    starts: tuple[Handler, ...]


def registry(features: Iterable[Feature]) -> Registry:
    """Index features.

    Raises:
        LookupError: two features share a name, a platform event, a job or a wakeup.
    """
    named: dict[str, Feature] = {}
    platform: dict[Any, Handler] = {}
    reactions: dict[Any, dict[str, Handler]] = {}
    wakeups: dict[str, Handler] = {}
    jobs: dict[str, Handler] = {}
    for feature in features:
        _add(named, feature.name, feature)
        for kind, handle in feature.reactions.items():
            if issubclass(kind, DomainEvent):
                reactions.setdefault(kind, {})[feature.name] = handle
            else:
                _add(platform, kind, handle)
        for name, handle in feature.wakeups.items():
            _add(wakeups, name, handle)
        for name, handle in feature.jobs.items():
            _add(jobs, name, handle)
    codes = tuple(take for feature in named.values() for take in feature.codes)
    starts = tuple(start for feature in named.values() for start in feature.starts)
    return Registry(named, platform, reactions, wakeups, jobs, codes, starts)


def _add(table: dict[Any, Any], key: object, value: object) -> None:
    if key in table:
        message = f"two features claim {key}"
        raise LookupError(message)
    table[key] = value


@dataclass(slots=True)
class Core:
    """The community, its words, and the ways out. `courier` and `engine` are set once at start."""

    community: Community
    copy: Copy
    clock: Clock
    adapters: Mapping[str, Adapter]
    registry: Registry
    vocabulary: Vocabulary
    engine: Engine
    courier: Courier

    def channel(self, name: str) -> Address | None:
        """Return where the people of `name` (managers, review, support) can be written to now."""
        return self.community.channel(name, self.adapters)
