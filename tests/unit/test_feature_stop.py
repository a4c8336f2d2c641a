"""The emergency stop: at once, for everyone, and nothing is caught up by itself (J16)."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from bot.context import lane_of
from bot.messages import Message, Text
from bot.posting import STOP, Letter, post
from bot.rules.etiquette import Want
from storage import outbox, state
from storage.members import Role
from storage.store import Tx
from tests.unit.desk import Desk, address, open_desk

REFUSED = "この言葉は運営の方だけが使えます。"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    opened = await open_desk(tmp_path)
    await opened.follow("hanako")
    await opened.grant("sato", Role.MANAGER)
    yield opened
    await opened.close()


async def news(desk: Desk) -> None:
    """Plan a push to hanako; in the quiet hours it waits for the morning."""
    member_id = (await desk.member("hanako")).id

    async def write(tx: Tx) -> None:
        letter = Letter(
            key=uuid4(),
            address=address("hanako"),
            lane=lane_of(tx, address("hanako")),
            want=Want.PUSH_OK,
            member_id=member_id,
            reply_until=desk.clock.now(),
            important=True,
        )
        await post(desk.core, tx, Message((Text("お知らせ"),)), letter, desk.clock.now())

    await desk.store.write(write)


async def held(desk: Desk) -> int:
    return await desk.one(outbox.COUNT_HELD) or 0


async def test_a_stop_holds_what_waits_and_what_comes_and_replies_go_on(desk: Desk) -> None:
    desk.clock.ahead(hours=13)
    await news(desk)
    said = (await desk.say("緊急停止", "sato")).text
    assert "止めてある送信：1通" in said
    assert "返事は続きます" in said
    desk.clock.ahead(hours=11)
    await news(desk)
    assert await held(desk) == 2
    assert [heard.via for heard in desk.said if heard.via == "push"] == []
    assert (await desk.say("メニュー", "hanako")).via == "reply"


async def test_stopping_twice_is_stopping_once(desk: Desk) -> None:
    await desk.run(state.PUT, name=STOP, value={"reason": "restored"}, now=desk.clock.now())
    assert (await desk.say("緊急停止", "sato")).text.startswith("もう止まっています")
    assert await desk.one(state.GET, name=STOP) == {"reason": "restored"}


async def test_going_on_with_nothing_held_needs_no_question(desk: Desk) -> None:
    assert (await desk.say("再開", "sato")).text.startswith("いまは止まっていません。")
    await desk.say("緊急停止", "sato")
    assert (await desk.say("再開", "sato")).line == "再開しました。止めてある送信はありません。"
    assert await desk.one(state.GET, name=STOP) is None


@pytest.mark.parametrize(
    ("label", "said", "left"),
    [
        ("送る", "再開しました。止めてあった 1通を送ります", 1),
        ("取りやめる", "再開しました。止めてあった 1通は取りやめました。", 0),
    ],
)
async def test_a_manager_decides_about_what_was_held(
    desk: Desk, label: str, said: str, left: int
) -> None:
    await desk.say("緊急停止", "sato")
    await news(desk)
    asked = await desk.say("再開", "sato")
    assert "1通" in asked.text
    assert asked.labels == ("送る", "取りやめる")
    assert (await desk.press(label, "sato")).text.startswith(said)
    assert await held(desk) == 0
    due = await desk.all(outbox.DUE, now=desk.clock.now(), limit=10)
    assert len(due) == left


async def test_a_number_that_grew_is_asked_again(desk: Desk) -> None:
    await desk.say("緊急停止", "sato")
    await news(desk)
    await desk.say("再開", "sato")
    await news(desk)
    asked = await desk.press("送る", "sato")
    assert "2通" in asked.text
    assert await held(desk) == 2


async def test_only_who_is_a_manager_now_decides(desk: Desk) -> None:
    await desk.say("緊急停止", "sato")
    await news(desk)
    for value in ("stop:send:1", "stop:drop:1"):
        assert (await desk.press_value(value, "hanako")).text.startswith(REFUSED)
    await desk.say("再開", "sato")
    await desk.grant("sato", Role.STAFF)
    assert (await desk.press("送る", "sato")).text.startswith(REFUSED)
    assert await held(desk) == 1


async def test_an_old_button_after_going_on_does_nothing(desk: Desk) -> None:
    assert (await desk.press_value("stop:send:0", "sato")).text.startswith("いまは止まって")


async def test_after_a_restore_it_says_why_it_stands_still(desk: Desk) -> None:
    await desk.run(state.PUT, name=STOP, value={"reason": "restored"}, now=desk.clock.now())
    said = await desk.say("再開", "sato")
    assert said.text.startswith("バックアップから戻したので止まっています。")
    assert said.text.endswith("再開しました。止めてある送信はありません。")
