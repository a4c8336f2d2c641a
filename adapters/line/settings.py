"""LINE's settings: what the environment says, and what is wrong with it."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

OFFICIAL_BASE = "https://api.line.me"
OFFICIAL_DATA_BASE = "https://api-data.line.me"
SHORTEST_SECRET = 16
MOST_SECRETS = 2

_PLACEHOLDER = re.compile(
    r"change[-_ ]?me.*|x+|\*+|\.+|<.*>|(your|my|insert|enter|replace)[-_ ].*"
    r"|todo|tbd|none|null|secret|token|example|placeholder|dummy",
    re.IGNORECASE,
)
_CURES = {
    "LINE_CHANNEL_SECRET": "copy the channel secret from LINE Developers, tab Basic settings",
    "LINE_CHANNEL_ACCESS_TOKEN": "issue one in LINE Developers, tab Messaging API",
}


class Settings(BaseSettings):
    """The `LINE_…` environment, read once; secrets never appear in `repr`.

    `channel_secret` holds one secret or two, comma-separated, newest first. `api_base`
    replaces both of LINE's hosts. `provider_id` names the provider that user ids belong to;
    without it the channel's own id stands for the provider.
    """

    model_config = SettingsConfigDict(env_prefix="LINE_", frozen=True, extra="ignore")

    channel_secret: SecretStr = SecretStr("")
    channel_access_token: SecretStr = SecretStr("")
    api_base: str = OFFICIAL_BASE
    provider_id: str = ""

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Settings":
        """Read the settings from `env` alone, whatever the process's own environment says."""
        fields = cls.model_fields.items()
        return cls(**{name: env.get(_variable(name), field.default) for name, field in fields})

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The channel secrets as HMAC keys, newest first."""
        return tuple(one.encode() for one in self.channel_secret.get_secret_value().split(","))

    @property
    def token(self) -> str:
        """The channel access token in clear; for the Authorization header only."""
        return self.channel_access_token.get_secret_value()

    @property
    def custom_base(self) -> str:
        """The replacement of LINE's hosts without a trailing slash; "" for LINE itself."""
        base = self.api_base.rstrip("/")
        return "" if base == OFFICIAL_BASE else base

    @property
    def base(self) -> str:
        """The host of API calls."""
        return self.custom_base or OFFICIAL_BASE

    @property
    def data_base(self) -> str:
        """The host of content downloads and menu images."""
        return self.custom_base or OFFICIAL_DATA_BASE


def configured(env: Mapping[str, str]) -> bool:
    """Tell whether LINE is meant to be on: any of its keys is set, even to nothing."""
    return any(_variable(name) in env for name in Settings.model_fields)


def problems(env: Mapping[str, str]) -> list[str]:
    """List all that keeps LINE from starting, each with its cure and without the value."""
    settings = Settings.read(env)
    return [
        *_secret_problems(settings.channel_secret.get_secret_value()),
        *_described("LINE_CHANNEL_ACCESS_TOKEN", _trouble(settings.token)),
        *_base_problems(settings.api_base),
    ]


def _variable(field: str) -> str:
    return f"LINE_{field}".upper()


def _secret_problems(value: str) -> Iterator[str]:
    secrets = value.split(",")
    if len(secrets) > MOST_SECRETS:
        yield "LINE_CHANNEL_SECRET holds more than two secrets: keep the newest two, newest first"
    for secret in secrets:
        short = f"is shorter than {SHORTEST_SECRET} characters"
        trouble = _trouble(secret) or (short if len(secret) < SHORTEST_SECRET else "")
        yield from _described("LINE_CHANNEL_SECRET", trouble)


def _base_problems(base: str) -> Iterator[str]:
    try:
        parts = urlsplit(base)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        yield f"LINE_API_BASE is not a web address: leave it out or set {OFFICIAL_BASE}"


def _trouble(value: str) -> str:
    """Say what is wrong with a credential; "" when it may be one."""
    if not value.strip():
        return "is blank"
    if any(character.isspace() for character in value):
        return "contains white space"
    if not value.isascii():
        return "contains characters that no credential has"
    return "is a placeholder" if _PLACEHOLDER.fullmatch(value) else ""


def _described(variable: str, trouble: str) -> Iterator[str]:
    if trouble:
        yield f"{variable} {trouble}: {_CURES[variable]}"
