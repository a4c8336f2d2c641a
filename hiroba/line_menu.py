"""`hiroba line menu`: the community's menu as LINE's rich menu."""

import io
import math
import sys

from PIL import Image

from adapters.line.adapter import PLATFORM
from adapters.line.api import Api
from adapters.line.menu import Area, Menu, publish
from adapters.line.settings import Settings as LineSettings
from bot.commands import word_key
from bot.community import Community, load
from bot.errors import Misconfigured
from bot.text import Copy
from hiroba.settings import COPY, Settings, environment


async def menu() -> None:
    """Publish the menu, and print its id.

    Raises:
        Misconfigured: LINE is not configured, or the menu breaks LINE's rules.
    """
    env = environment()
    problems = PLATFORM.problems(env)
    if problems:
        raise Misconfigured(problems)
    community = load(Settings.read(env).community)
    async with Api(LineSettings.read(env)) as api:
        menu_id = await publish(api, rich_menu(community))
    sys.stdout.write(f"{menu_id} is shown to everyone who talks with the bot\n")


def rich_menu(community: Community) -> Menu:
    """Return the community's menu: its picture as a grid of its words, row by row.

    Raises:
        Misconfigured: the community has no picture for a menu.
    """
    definition = community.menu
    if not definition.image or not definition.items:
        message = "community.toml: [menu] has no image or no items: add both"
        raise Misconfigured([message])
    content = (community.folder / definition.image).read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
    copy = Copy([COPY, community.folder / "copy"], community.locale)
    columns = min(definition.columns, len(definition.items))
    lines = math.ceil(len(definition.items) / columns)
    cell = (width // columns, height // lines)
    areas = tuple(
        _area(number, copy.say(word_key(item)), columns, cell)
        for number, item in enumerate(definition.items)
    )
    return Menu(definition.bar, width, height, content, areas)


def _area(number: int, word: str, columns: int, cell: tuple[int, int]) -> Area:
    row, column = divmod(number, columns)
    return Area(column * cell[0], row * cell[1], *cell, label=word, says=word)
