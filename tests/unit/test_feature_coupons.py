"""Coupons: shown, counted, and never more than there are."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import coupons as core
from storage import activity, coupons
from storage.store import Tx
from tests.unit.desk import Desk, open_desk

CARD = (
    "【はじめて500円】\n"
    "1/31まで・1回使えます。お会計のときに、この番号をお見せください。\n"
    "SAKURA-HAJIMETE-500\n(picture coupon.png)［メニュー］"
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = await open_desk(tmp_path)
    yield made
    assert made.core.copy.broken == 0
    await made.close()


async def up_to_the_last_question(desk: Desk, who: str) -> None:
    await desk.follow(who)
    await desk.press("同意してはじめる", who)
    for label in ("スキップ", "40代", "まつげ", "決定"):
        await desk.press(label, who)


async def test_a_coupon_is_shown_and_counted_as_looked_at_once(desk: Desk) -> None:
    await up_to_the_last_question(desk, "hanako")
    await desk.press("はじめて")
    assert (await desk.press("クーポンを見る")).line == CARD
    assert (await desk.say("クーポンを見る")).line == CARD
    member_id = (await desk.member()).id
    looked = {"member_id": member_id, "kind": "coupon.opened", "subject": "first500"}
    assert await desk.one(activity.COUNT_OF, **looked) == 1
    assert await desk.one(coupons.COUNT_OPENED, coupon="first500") == 1


async def test_a_coupon_whose_last_day_is_over(desk: Desk) -> None:
    await up_to_the_last_question(desk, "hanako")
    await desk.press("はじめて")
    desk.clock.ahead(days=42, hours=13, minutes=59)
    assert (await desk.say("クーポンを見る")).line == CARD
    desk.clock.ahead(minutes=1)
    assert (await desk.say("クーポンを見る")).text == (
        "【はじめて500円】\n1/31で終わりました。\nSAKURA-HAJIMETE-500"
    )


async def test_no_coupon_yet(desk: Desk) -> None:
    await desk.follow()
    assert (await desk.say("クーポンを見る")).line == (
        "いまお持ちのクーポンはありません。［メニュー］"
    )


async def test_erasing_everything_and_coming_back_gives_no_second_coupon(desk: Desk) -> None:
    await up_to_the_last_question(desk, "hanako")
    await desk.press("はじめて")
    await desk.say("消して")
    await desk.press("消す")
    # Whoever was erased starts at consent, like everyone new.
    assert (await desk.follow()).labels == ("同意してはじめる", "くわしく", "あとで")
    await up_to_the_last_question(desk, "hanako")
    assert "500円クーポンはお渡し済みです（1人1回）。" in (await desk.press("はじめて")).text
    assert await desk.all(coupons.STOCK) == [coupons.StockRow("first500", 200, 1)]


async def test_never_more_than_there_are(desk: Desk) -> None:
    await desk.run(coupons.PUT_STOCK, coupon="first500", stock=3)
    people = [f"member{number}" for number in range(8)]
    for who in people:
        await up_to_the_last_question(desk, who)
    await asyncio.gather(*[desk.press("はじめて", who) for who in people])
    assert await desk.all(coupons.STOCK) == [coupons.StockRow("first500", 3, 3)]
    thanks = [heard.text for heard in desk.said if "ありがとうございます。「" in heard.text]
    assert sum("をどうぞ" in text for text in thanks) == 3
    assert sum("配り終えました" in text for text in thanks) == 5


async def test_a_lower_stock_never_falls_below_what_was_given(desk: Desk) -> None:
    await up_to_the_last_question(desk, "hanako")
    await desk.press("はじめて")
    defined = desk.core.community.coupons["first500"].model_copy(update={"stock": 0})
    changed = desk.core.community.model_copy(update={"coupons": {"first500": defined}})

    async def start(tx: Tx) -> None:
        await core.sync(tx, changed)

    await desk.store.write(start)
    assert await desk.all(coupons.STOCK) == [coupons.StockRow("first500", 1, 1)]


async def test_status_for_staff_only(desk: Desk) -> None:
    await up_to_the_last_question(desk, "hanako")
    await desk.press("はじめて")
    await desk.press("クーポンを見る")
    await desk.run(coupons.PUT_STOCK, coupon="first500", stock=1482)
    await desk.grant("sato")
    assert (await desk.say("クーポン 状況", who="sato")).text == (
        "はじめて500円（1/31まで）：全部 1,482・配った 1・残り 1,481・見た人 1"
    )
    assert (await desk.say("クーポン 状況")).text.startswith("この言葉は運営の方だけが使えます。")
