"""The constant that discovery looks for. Importing this loads no SDK and no HTTP library."""

from collections.abc import Mapping

from adapters.line.settings import Settings, configured, problems
from bot.adapter import Adapter, Platform


def build(env: Mapping[str, str]) -> Adapter:
    """Make the adapter. HTTP libraries are loaded here; the SDK at its first call."""
    from adapters.line.channel import Channel  # noqa: PLC0415  keeps discovery cheap

    return Channel(Settings.read(env))


def bases(env: Mapping[str, str]) -> list[str]:
    """Return the addresses LINE is reached at."""
    return [Settings.read(env).base]


PLATFORM = Platform("line", configured, problems, build, bases)
