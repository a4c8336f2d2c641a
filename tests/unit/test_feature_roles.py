"""Roles and one-time codes, and who may say which word (trust S1, S9)."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import codes
from bot.commands import command_key, word_key
from bot.feature import Command
from bot.roles import invite
from storage import activity, members, state
from storage.members import Role
from tests.unit.desk import NOTHING, PROMPTS, Desk, Heard, open_desk
from tests.unit.test_house import copy

GREETING = "さくら同好会へようこそ。"
LOCKED = "違うコードが続いたため、"
CODE = re.compile(r"[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    opened = await open_desk(tmp_path)
    await opened.grant("owner", Role.OWNER)
    yield opened
    await opened.close()


async def made(desk: Desk, role: str = "運営", who: str = "owner") -> str:
    """Have an owner make a code; return it."""
    found = CODE.search((await desk.say(f"役割 付ける {role}", who)).text)
    assert found is not None
    return found.group()


async def role_of(desk: Desk, who: str) -> Role | None:
    grants = await desk.all(members.ROLES)
    return next((grant.role for grant in grants if grant.user_id == f"U-{who}"), None)


# ── codes ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_code_makes_its_sender_a_manager_without_the_survey(desk: Desk) -> None:
    code = await made(desk)
    assert (await desk.say(code, "sato")).line == (
        "さくら同好会の運営になりました。「ヘルプ」と送ると、使える言葉が見られます。"
    )
    assert await role_of(desk, "sato") is Role.MANAGER
    assert await desk.one(activity.COUNT_KIND, kind="role.granted") == 1


async def test_the_code_of_the_server_makes_the_first_owner(tmp_path: Path) -> None:
    desk = await open_desk(tmp_path)
    code = await desk.store.write(lambda tx: invite(tx, Role.OWNER, desk.clock.now()))
    assert "オーナーになりました" in (await desk.say(code.lower(), "sato")).text
    assert await role_of(desk, "sato") is Role.OWNER
    await desk.close()


async def test_only_a_keyed_hash_of_a_code_is_stored(desk: Desk) -> None:
    code = await made(desk)
    assert code.encode() not in desk.store.path.read_bytes()
    name = f"code:{desk.cipher.mac('code', 'role', code)}"
    assert await desk.one(state.GET, name=name) == {"role": "manager"}


async def test_a_code_works_once(desk: Desk) -> None:
    code = await made(desk)
    await desk.say(code, "sato")
    assert (await desk.say(code, "suzuki")).text.startswith(GREETING)
    assert await role_of(desk, "suzuki") is None


async def test_a_code_works_for_ten_minutes(desk: Desk) -> None:
    early, late = await made(desk), await made(desk, "スタッフ")
    desk.clock.ahead(minutes=10)
    await desk.say(early, "sato")
    assert await role_of(desk, "sato") is Role.MANAGER
    desk.clock.ahead(seconds=1)
    assert (await desk.say(late, "suzuki")).text.startswith(GREETING)
    assert await role_of(desk, "suzuki") is None


async def test_five_wrong_codes_close_the_door_to_a_right_one_for_a_while(desk: Desk) -> None:
    await desk.follow("mallory")
    for number in range(5):
        assert not (await desk.say(f"AAAA-AAA{number}", "mallory")).text.startswith(LOCKED)
    code = await made(desk)
    assert (await desk.say(code, "mallory")).text.startswith(LOCKED)
    assert await role_of(desk, "mallory") is None
    assert "運営になりました" in (await desk.say(code, "sato")).text
    desk.clock.ahead(minutes=10, seconds=1)
    again = await made(desk)
    assert "運営になりました" in (await desk.say(again, "mallory")).text


async def test_a_code_never_takes_a_higher_role_away(desk: Desk) -> None:
    code = await made(desk, "スタッフ")
    assert (await desk.say(code, "owner")).text.startswith("あなたはもうオーナーです。")
    assert await role_of(desk, "owner") is Role.OWNER


async def test_whoever_loses_a_role_leaves_no_code_behind(desk: Desk) -> None:
    await desk.grant("sato", Role.OWNER)
    await desk.follow("sato")
    stashed = await made(desk, "オーナー", "sato")
    await desk.say("役割 付ける line:U-sato スタッフ", "owner")
    await desk.say(stashed, "sato")
    assert await role_of(desk, "sato") is Role.STAFF


async def test_a_code_of_another_purpose_gives_no_role(desk: Desk) -> None:
    code = await desk.store.write(
        lambda tx: codes.make(tx, "link", {"role": "owner"}, desk.clock.now())
    )
    await desk.say(code, "mallory")
    assert await role_of(desk, "mallory") is None


# ── accounts ────────────────────────────────────────────────────────────────────────────────────


async def test_a_role_by_account_in_either_order_and_language(desk: Desk) -> None:
    await desk.follow("suzuki-taro")
    said = await desk.say("役割 付ける line:U-suzuki-taro staff", "owner")
    assert said.text == "line:U-s…ro をスタッフにしました。"
    await desk.say("role grant 運営 line:U-suzuki-taro", "owner")
    assert await role_of(desk, "suzuki-taro") is Role.MANAGER


async def test_the_list_shows_nobodys_whole_id(desk: Desk) -> None:
    await desk.grant("suzuki-taro", Role.STAFF)
    assert (await desk.say("役割", "owner")).text.splitlines() == [
        "役割を持つアカウント：4",
        "・オーナー line:U…",
        "・運営 terminal:佐…（community.toml）",
        "・運営 terminal:高…（community.toml）",
        "・スタッフ line:U-s…ro",
    ]


async def test_a_role_is_taken_by_the_name_in_the_list(desk: Desk) -> None:
    await desk.grant("suzuki-taro", Role.STAFF)
    said = await desk.say("役割 外す line:U-s…ro", "owner")
    assert said.text.startswith("line:U-s…ro の役割を外しました。")
    assert await role_of(desk, "suzuki-taro") is None
    assert await desk.one(activity.COUNT_KIND, kind="role.revoked") == 1


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("役割 付ける", "どの役割かが分かりません。"),
        ("役割 付ける line:U-owner", "どの役割かが分かりません。"),
        ("役割 付ける 会員", "どの役割かが分かりません。"),
        ("役割 付ける line:U-nobody 運営", "このアカウントが見つかりません。"),
        ("役割 付ける line:U-owner 運営", "オーナーがいなくなるので、できません。"),
        ("役割 外す", "だれの役割かが分かりません。"),
        ("役割 外す line:U-owner", "オーナーがいなくなるので、できません。"),
        ("役割 外す line:U-hanako", "このアカウントには役割がありません。"),
        ("役割 外す terminal:佐藤", "この役割は community.toml に書かれています。"),
        ("役割 外す line:U-t…ro", "当てはまるアカウントが2つ以上あります。"),
    ],
)
async def test_a_refusal_says_why_and_changes_nothing(desk: Desk, words: str, refusal: str) -> None:
    await desk.follow("hanako")
    await desk.grant("taro-jiro", Role.STAFF)
    await desk.grant("taro-saburo", Role.STAFF)
    before = await desk.all(members.ROLES)
    assert (await desk.say(words, "owner")).text.startswith(refusal)
    assert await desk.all(members.ROLES) == before


# ── the matrix ──────────────────────────────────────────────────────────────────────────────────


def said_by(desk: Desk, command: Command) -> str:
    return desk.core.copy.say(command_key(command.id))


@pytest.mark.parametrize("role", list(Role))
async def test_every_word_is_for_its_role_and_those_above(desk: Desk, role: Role) -> None:
    if role is not Role.MEMBER:
        await desk.grant("sato", role)
    await desk.follow("sato")
    say = desk.core.copy.say
    refused = {say("refused-role", needs=needs) for needs in ("", "owner")}
    heard: dict[str, Heard] = {}
    for command in desk.core.vocabulary.all_commands:
        heard[command.id] = await desk.say(said_by(desk, command), "sato")
    assert len(heard) >= 9
    assert NOTHING not in heard.values()
    for command in desk.core.vocabulary.all_commands:
        is_refused = heard[command.id].text in refused
        assert is_refused == (role.rank < command.role.rank), command.id


@pytest.mark.parametrize("role", list(Role))
async def test_help_lists_what_the_role_may_say_and_nothing_else(desk: Desk, role: Role) -> None:
    if role is not Role.MEMBER:
        await desk.grant("sato", role)
    await desk.follow("sato")
    said = (await desk.say("ヘルプ", "sato")).text.splitlines()[1:]
    assert said == [
        desk.core.copy.say(f"{command_key(command.id)}.help")
        for command in desk.core.vocabulary.all_commands
        if role is not Role.MEMBER and command.role.rank <= role.rank
    ]


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_every_word_is_worded_in_every_language(desk: Desk, language: str) -> None:
    commands = [command_key(command.id) for command in desk.core.vocabulary.all_commands]
    words = [word_key(word.id) for f in desk.core.registry.features.values() for word in f.words]
    wanted = {*commands, *(f"{key}.help" for key in commands), *words}
    assert wanted - copy(PROMPTS / "copy" / language).keys() == set()
    assert len(words) >= 9
