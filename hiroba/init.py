"""`hiroba init`: a commented community folder of one's own, and fresh keys."""

import shutil
import sys
from pathlib import Path

from cryptography.fernet import Fernet

from bot.errors import Misconfigured
from hiroba.settings import SAMPLE

ENVIRONMENT = """\
# Keep this file out of version control: it holds the keys to personal data.
HIROBA_COMMUNITY={folder}
HIROBA_SECRET_KEYS={key}
DATABASE_URL=sqlite:///data/hiroba.db
# Members' own keys. Keep one copy elsewhere, overwritten every day: no backup contains them.
#HIROBA_KEYRING=data/hiroba.db.keys
# The https address of this server; without it pictures become text.
#HIROBA_PUBLIC_URL=https://
# From LINE Developers: Basic settings, and Messaging API (docs/setup-line.ja.md).
#LINE_CHANNEL_SECRET=
#LINE_CHANNEL_ACCESS_TOKEN=
"""


def init(folder: Path) -> None:
    """Copy the sample as a start, and write `.env` beside it unless there is one.

    Raises:
        Misconfigured: the folder exists.
    """
    if folder.exists():
        raise Misconfigured([f"{folder} exists: name a new folder"])
    shutil.copytree(SAMPLE, folder)
    env = Path(".env")
    if env.exists():
        sys.stdout.write(f".env exists and stays as it is; set HIROBA_COMMUNITY={folder} in it.\n")
    else:
        env.touch(mode=0o600)
        env.write_text(
            ENVIRONMENT.format(folder=folder, key=Fernet.generate_key().decode()), encoding="utf-8"
        )
        sys.stdout.write(".env has fresh keys. Keep a copy of them apart from the backups.\n")
    sys.stdout.write(
        f"{folder} is a copy of the sample: change community.toml and surveys/ to yours, then\n"
        f"  hiroba check {folder}\n  hiroba chat\n"
    )
