"""`hiroba demo`: the sample community on SQLite, without any key."""

import os
import sys
from pathlib import Path

from hiroba import chat
from hiroba.settings import SAMPLE, checked, with_keys

DATABASE = Path("data/demo.db")


def demo() -> None:
    """Set everything up and open a talk; without a terminal, print what to run."""
    env = {
        "DATABASE_URL": f"sqlite:///{DATABASE}",
        "HIROBA_COMMUNITY": str(SAMPLE),
        **{k: v for k, v in os.environ.items() if k in KEPT},
    }
    settings = with_keys(checked(env, serving=False))
    sys.stdout.write(
        "Hiroba demo: the sample community (an invented one) on "
        f"{settings.database}\n"
        "  talk to it here:         make demo   (or .venv/bin/hiroba chat)\n"
        "  from a script:           .venv/bin/hiroba chat --json\n"
        "  its definitions:         prompts/communities/sakura\n"
        "  your own community:      .venv/bin/hiroba init my-community\n"
        "  with a real LINE:        docs/setup-line.ja.md (English: docs/setup-line.en.md)\n"
    )
    sys.stdout.flush()
    if sys.stdin.isatty():
        chat.talk(settings)


KEPT = ("DATABASE_URL", "HIROBA_SECRET_KEYS", "HIROBA_CLOCK")
"""What may still be set for the demo; a `.env` of a real community must not reach it."""
