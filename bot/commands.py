"""Words into handlers: managers' commands and members' words, from the copy of every language."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from bot.feature import Arguments, Command, Feature, Word
from bot.text import Copy, normalise

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Called:
    """A command with what followed it; `explicit` when it came with a leading slash."""

    command: Command
    arguments: Arguments
    explicit: bool


class Vocabulary:
    """All words there are. A word that two things claim refuses the start."""

    def __init__(self, features: Iterable[Feature], copy: Copy) -> None:
        self._commands: dict[tuple[str, ...], Command] = {}
        self._words: dict[str, Word] = {}
        features = list(features)
        for command in (c for f in features for c in f.commands):
            for word in copy.words(command_key(command.id)):
                _claim(self._commands, tuple(word.split(" ")), command)
        for spoken in (w for f in features for w in f.words):
            for said in copy.words(word_key(spoken.id)):
                _claim(self._words, said, spoken)
        self._longest = max((len(words) for words in self._commands), default=0)

    def command(self, text: str) -> Called | None:
        """Return the command a message calls, by its longest matching words."""
        explicit = text.lstrip().startswith(("/", "\uff0f"))
        folded = normalise(text).removeprefix("/").lstrip()
        tokens = folded.split(" ")
        for size in range(min(self._longest, len(tokens)), 0, -1):
            command = self._commands.get(tuple(tokens[:size]))
            if command is not None:
                return Called(command, _arguments(text, size), explicit)
        return None

    def word(self, text: str) -> Word | None:
        """Return the member's word that the whole message is."""
        return self._words.get(normalise(text).removeprefix("/"))

    @property
    def all_commands(self) -> list[Command]:
        """Every command once, in the order they were found."""
        return list({command.id: command for command in self._commands.values()}.values())


def command_key(command_id: str) -> str:
    """Return the copy key of a command: `survey.results` is `command-survey-results`."""
    return "command-" + command_id.replace(".", "-")


def word_key(word_id: str) -> str:
    """Return the copy key of a member's word."""
    return "word-" + word_id.replace(".", "-")


def _claim(table: dict[K, V], key: K, value: V) -> None:
    if key in table and table[key] != value:
        message = f"two things claim the word {key}"
        raise LookupError(message)
    table[key] = value


def _arguments(text: str, size: int) -> Arguments:
    """Split what follows the first `size` words; quotes keep spaces together."""
    raw = text.strip().lstrip("/\uff0f").replace("\u3000", " ")
    rest = raw.split(maxsplit=size)[size:] or [""]
    try:
        tokens = shlex.split(rest[0])
    except ValueError:
        tokens = rest[0].split()
    pairs = [token.replace("\uff1d", "=").partition("=") for token in tokens]
    return Arguments(
        words=tuple(name for name, equals, _ in pairs if not equals),
        named={normalise(name): value for name, equals, value in pairs if equals},
        raw=rest[0],
    )
