"""Settings of the process, read once from the environment (and `.env`), all problems at once."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.adapter import Platform
from bot.discover import found
from bot.errors import Misconfigured

SAMPLE = Path(__file__).parent.parent / "prompts" / "communities" / "sakura"
COPY = Path(__file__).parent.parent / "prompts" / "copy"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
METRICS_TOKEN = "HIROBA_METRICS_TOKEN"  # noqa: S105  the variable's name
KEYRING = "HIROBA_KEYRING"
SHORTEST_TOKEN = 16
ENGINES = {"", "table"}


class Settings(BaseSettings):
    """The process's own settings; each platform owns the settings of its keys."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: str = "sqlite:///data/hiroba.db"
    hiroba_engine: str = ""
    hiroba_community: str = ""
    hiroba_secret_keys: SecretStr = SecretStr("")
    hiroba_keyring: str = ""
    hiroba_public_url: str = ""
    hiroba_clock: str = ""
    hiroba_metrics_token: SecretStr = SecretStr("")

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Settings":
        """Read the settings from `env` alone."""
        given = {name: env[name.upper()] for name in cls.model_fields if name.upper() in env}
        return cls.model_validate(given)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return Path(self.database_url.removeprefix("sqlite:///"))

    @property
    def keyring(self) -> Path:
        """The file of members' own keys: beside a SQLite file unless another is named."""
        if self.hiroba_keyring:
            return Path(self.hiroba_keyring)
        if self.database_url.startswith("sqlite:"):
            return self.database.with_name(self.database.name + ".keys")
        return Path("data/hiroba.keys")

    @property
    def keys(self) -> tuple[str, ...]:
        """The Fernet keys, newest first."""
        return tuple(k for k in self.hiroba_secret_keys.get_secret_value().split(",") if k.strip())

    @property
    def community(self) -> Path:
        """The community folder; the sample where none is named."""
        return Path(self.hiroba_community) if self.hiroba_community else SAMPLE

    @property
    def clock_start(self) -> datetime | None:
        """The time to start from, None for the machine's."""
        return datetime.fromisoformat(self.hiroba_clock) if self.hiroba_clock else None


def environment() -> dict[str, str]:
    """Return the process's environment over what `.env` in the current folder says."""
    from_file = {key: value for key, value in dotenv_values(".env").items() if value is not None}
    return {**from_file, **os.environ}


def platforms() -> list[Platform]:
    """Return every platform there is, by discovery."""
    return list(found("adapters", "PLATFORM", "adapter"))


def checked(env: Mapping[str, str], *, serving: bool) -> Settings:
    """Return the settings.

    `serving` processes also need keys, and `serve` and `work` a named community.

    Raises:
        Misconfigured: with every problem and its cure.
    """
    settings = Settings.read(env)
    found_problems = list(_problems(settings, env, serving=serving))
    if found_problems:
        raise Misconfigured(found_problems)
    return settings


def with_keys(settings: Settings) -> Settings:
    """Return settings that have keys: `chat` and `demo` keep one beside the database.

    Raises:
        Misconfigured: the keys that are there are none.
    """
    if not settings.keys:
        path = settings.database.with_name("secret.key")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(Fernet.generate_key())
        found_key = SecretStr(path.read_text(encoding="ascii").strip())
        settings = settings.model_copy(update={"hiroba_secret_keys": found_key})
    if problems := list(key_problems(settings)):
        raise Misconfigured(problems)
    return settings


def _problems(settings: Settings, env: Mapping[str, str], *, serving: bool) -> Iterator[str]:
    yield from _database_problems(settings)
    yield from _clock_problems(settings, env)
    if settings.hiroba_engine not in ENGINES:
        yield "HIROBA_ENGINE is not known: leave it out or set `table`"
    token = settings.hiroba_metrics_token.get_secret_value()
    if token and len(token) < SHORTEST_TOKEN:
        yield f"{METRICS_TOKEN} is shorter than {SHORTEST_TOKEN} characters: make a longer one"
    if not serving:
        return
    if not settings.hiroba_community:
        yield "HIROBA_COMMUNITY is not set: name the community's folder (`hiroba init FOLDER`)"
    yield from key_problems(settings)
    for platform in platforms():
        if platform.configured(env):
            yield from platform.problems(env)


def _database_problems(settings: Settings) -> Iterator[str]:
    if not settings.database_url.startswith("sqlite:///"):
        yield "DATABASE_URL is not a SQLite file: use sqlite:///data/hiroba.db"


def key_problems(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the keys that seal personal data."""
    if not settings.keys:
        yield "HIROBA_SECRET_KEYS is not set: `hiroba init FOLDER` makes one; keep it safe"
    for number, key in enumerate(settings.keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            yield f"HIROBA_SECRET_KEYS: key {number} is no Fernet key: `hiroba init` makes one"


def _clock_problems(settings: Settings, env: Mapping[str, str]) -> Iterator[str]:
    if not settings.hiroba_clock:
        return
    try:
        start = datetime.fromisoformat(settings.hiroba_clock)
    except ValueError:
        yield "HIROBA_CLOCK is no ISO time: write it like 2026-12-20T10:00+09:00"
        return
    if start.tzinfo is None:
        yield "HIROBA_CLOCK has no zone: write it like 2026-12-20T10:00+09:00"
    for platform in platforms():
        bases = platform.bases(env) if platform.configured(env) else []
        if any(urlsplit(base).hostname not in LOOPBACK for base in bases):
            yield f"HIROBA_CLOCK with a real {platform.name}: leave one of them out"
