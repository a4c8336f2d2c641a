"""`hiroba check`: read a community's definitions as `serve` would, and say what is wrong."""

import json
import sys
from pathlib import Path

from bot.commands import Vocabulary
from bot.community import load, schemas
from bot.core import registry
from bot.discover import found
from bot.text import Copy
from hiroba.settings import COPY, Settings, environment


def check(folder: Path | None, *, schema: bool) -> None:
    """Print what is there, or the JSON Schemas.

    Raises:
        Misconfigured: with every problem as `file:line: what; how to fix it`.
    """
    if schema:
        sys.stdout.write(json.dumps(schemas(), ensure_ascii=False, indent=2) + "\n")
        return
    community = load(folder or Settings.read(environment()).community)
    copy = Copy([COPY, community.folder / "copy"], community.locale)
    Vocabulary(registry(found("bot.features", "feature")).features.values(), copy)
    sys.stdout.write(f"{community.name}: {len(community.surveys)} survey(s), ")
    sys.stdout.write(f"{len(community.coupons)} coupon(s). No errors.\n")
    for warning in community.warnings:
        sys.stdout.write(f"warning: {warning}\n")
