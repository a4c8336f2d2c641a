"""What every test stands on: a clean environment and calm property tests."""

import os

import pytest
from hypothesis import settings

from tests.databases import database, migrated, postgres, store  # noqa: F401 - fixtures

OURS = ("DATABASE_URL", "HIROBA_", "LINE_", "SLACK_", "DISCORD_", "OPENAI_", "DRAND_")

# Two shared cores make single examples slow without making them wrong.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's own settings, so a test means the same on every machine."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
