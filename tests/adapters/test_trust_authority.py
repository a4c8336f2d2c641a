"""trust.md S1: every manager's word × every role × LINE and the terminal, generated.

A new command falls under it by being found; nothing here names one.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.commands import command_key
from bot.discover import found
from bot.events import Account
from bot.feature import Command, Feature
from bot.wire import sign
from storage import members
from storage.members import Role
from tests.adapters.live import NOON
from tests.scenarios.stage import TERMINAL, LineStage, line_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

FEATURES: list[Feature] = list(found("bot.features", "feature"))
COMMANDS: dict[str, Command] = {c.id: c for feature in FEATURES for c in feature.commands}
MEDIA = ("LINE", TERMINAL)
REFUSALS = ("この言葉は運営の方だけが使えます。", "この言葉はオーナーだけが使えます。")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LineStage]:
    async with line_stage(tmp_path_factory.mktemp("stage"), NOON) as opened:
        for medium in MEDIA:
            for role in Role:
                await _known(opened, medium, role)
        yield opened


def _account(stage: LineStage, medium: str, who: str) -> Account:
    if medium == TERMINAL:
        return Account("terminal", "", who)
    return Account("line", stage.side.line.user_id, stage.user_id(who))


def _who(medium: str, role: Role) -> str:
    return f"{role.value} at {medium}"


async def _known(stage: LineStage, medium: str, role: Role) -> None:
    """Let somebody of that role have been here before."""
    who = _who(medium, role)
    await stage.act(who, medium, "こんにちは")
    if role is not Role.MEMBER:
        account = _account(stage, medium, who)
        keys = {"platform": account.platform, "realm": account.realm, "user_id": account.user_id}
        now = stage.bot.runtime.clock.now()
        await stage.bot.runtime.store.write(
            lambda tx: tx.run(members.PUT_ROLE, **keys, role=role, now=now)
        )
    stage.heard()


def _state(stage: LineStage) -> list[Any]:
    """Return what a manager's word may change."""
    tables = ("role", "state", "outbox WHERE way != 'reply'", "coupon", "tag", "answer")
    return [stage.bot.rows(f"SELECT * FROM {table}") for table in tables]  # noqa: S608


@pytest.mark.parametrize("medium", MEDIA)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_s1_a_word_works_from_its_role_upwards_and_is_refused_below(
    stage: LineStage, medium: str, role: Role, command: str, slash: str
) -> None:
    who = _who(medium, role)
    before = _state(stage)
    for word in sorted(stage.bot.runtime.core.copy.words(command_key(command))):
        if not slash and stage.bot.runtime.core.vocabulary.word(word) is not None:
            continue  # A bare word that members have, too, is theirs.
        await stage.act(who, medium, f"{slash}{word}")
        heard = [line for line in stage.heard() if line.to == who]
        assert len(heard) == 1
        refused = heard[0].text.startswith(REFUSALS)
        assert refused is (role.rank < COMMANDS[command].role.rank), heard[0].text
    if role.rank < COMMANDS[command].role.rank:
        assert _state(stage) == before


@pytest.mark.parametrize("medium", MEDIA)
async def test_s1_a_display_name_or_a_managers_name_on_another_platform_gives_no_role(
    stage: LineStage, medium: str
) -> None:
    # On the terminal this name is a manager by the community's file; on LINE it is just a name.
    await stage.act("佐藤", medium, "会員数")
    (line,) = [line for line in stage.heard() if line.to == "佐藤"]
    assert line.text.startswith("会員 ") is (medium == TERMINAL)


@pytest.mark.parametrize("value", ["stop:send:0", "stop:drop:0"])
async def test_s1_a_managers_button_signed_for_a_member_is_refused(
    stage: LineStage, value: str
) -> None:
    """Even a rightly signed value does not carry a role: it is looked up when the effect happens."""
    who = _who("LINE", Role.MEMBER)
    await stage.act(_who("LINE", Role.MANAGER), "LINE", "緊急停止")
    account = _account(stage, "LINE", who)
    data = sign(stage.bot.runtime.store.cipher, value, account)
    member = stage.side.line.member(who)
    stage.heard()
    assert await stage.side.deliver(member.did("postback", postback={"data": data})) == 200
    await stage.bot.runtime.settle()
    (line,) = [line for line in stage.heard() if line.to == who]
    assert line.text.startswith(REFUSALS)
    assert stage.bot.count("state", "name = 'stop'") == 1


async def test_s1_a_role_that_is_taken_away_is_gone_at_once(stage: LineStage) -> None:
    who = "a manager for a moment"
    await stage.act(who, "LINE", "こんにちは")
    account = _account(stage, "LINE", who)
    keys = {"platform": account.platform, "realm": account.realm, "user_id": account.user_id}
    store, now = stage.bot.runtime.store, stage.bot.runtime.clock.now()
    stage.heard()
    await store.write(lambda tx: tx.run(members.PUT_ROLE, **keys, role=Role.MANAGER, now=now))
    await stage.act(who, "LINE", "会員数")
    assert not stage.heard()[0].text.startswith(REFUSALS)
    await store.write(lambda tx: tx.run(members.DROP_ROLE, **keys))
    await stage.act(who, "LINE", "会員数")
    assert stage.heard()[0].text.startswith(REFUSALS)
