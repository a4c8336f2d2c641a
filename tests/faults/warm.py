"""What the interpreter that lives are forked from has done beforehand; loaded by it alone.

Parsing the copy is the largest part of a start that is the same in every life.
"""

from functools import cache
from typing import Any

import bot.text
from hiroba.settings import COPY, SAMPLE

module: Any = bot.text
module.FluentResource = cache(module.FluentResource)
bot.text.Copy([COPY, SAMPLE / "copy"], "ja")
