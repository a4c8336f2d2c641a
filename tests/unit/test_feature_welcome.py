"""Journey A1 word for word, and every other way to come, to come back, and to say no for now."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage import activity, answers, coupons, members, personal
from storage.members import AccountState
from tests.unit.desk import Desk, open_desk

GREETING = (
    "さくら同好会へようこそ。4つだけ教えてください（1分・あとで変更できます）。"
    "お答えは「ご案内の出し分け」と「商品づくり」にだけ使います。［同意してはじめる］［くわしく］［あとで］"
)
FIRST = "1/4 何とお呼びすればよいですか？（本名でなくて大丈夫です）［スキップ］"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = await open_desk(tmp_path)
    yield made
    assert made.core.copy.broken == 0
    await made.close()


async def joined(desk: Desk) -> None:
    await desk.follow()
    await desk.press("同意してはじめる")
    await desk.say("はな")
    for label in ("40代", "まつげ", "決定", "はじめて"):
        await desk.press(label)


TURNS = (
    ("［くわしく］", "保存するもの：回答・ニックネーム・参加の記録。渡す先：なし。消し方：いつでも「消して」と送ってください。［同意してはじめる］［あとで］"),
    ("［同意してはじめる］", FIRST),
    ("はな", "2/4 年代をえらんでください。［10代］［20代］［30代］［40代］［50代以上］［答えない］"),
    ("［40代］", "3/4 気になるものは？（いくつでも）［まつげ］［スキンケア］［ヘアケア］［決定］"),
    ("［まつげ］", "選択中：まつげ［スキンケア］［ヘアケア］［まつげをはずす］［決定］"),
    ("［決定］", "4/4 さくらの商品は使ったことがありますか？［いま使っている］［前に使った］［はじめて］"),
    ("(スタンプ)", "かわいいスタンプありがとうございます！ 4/4 は下からえらんでくださいね。［いま使っている］［前に使った］［はじめて］"),
    ("［はじめて］", "ありがとう、はなさん。「まつげ・はじめて」でご案内します。お礼に500円クーポンをどうぞ（1/31まで・1回）。最初の一言を書いてみませんか？［クーポンを見る］［自己紹介する］［メニュー］"),
)  # fmt: skip


async def turn(desk: Desk, said: str) -> str:
    """Play one line of the journey, three minutes after the one before."""
    desk.clock.ahead(minutes=3)
    if said == "(スタンプ)":
        return (await desk.sticker()).line
    if said.startswith("［"):
        return (await desk.press(said.strip("［］"))).line
    return (await desk.say(said)).line


async def test_journey_a1(desk: Desk) -> None:
    assert (await desk.follow()).line == GREETING
    member_id = (await desk.member()).id
    for said, heard in TURNS:
        assert await turn(desk, said) == heard
        if said == "［くわしく］":
            assert await desk.all(answers.ANSWERS_OF, member_id=member_id) == []
    tags = await desk.all(answers.TAGS_OF, member_id=member_id)
    assert [(tag.key, tag.value, tag.reason) for tag in tags] == [
        ("年代", "40代", "survey:welcome:age"),
        ("関心", "まつげ", "survey:welcome:interest"),
        ("利用", "はじめて", "survey:welcome:usage"),
    ]
    assert (await desk.member()).consent_version == 1
    assert {heard.via for heard in desk.said} == {"reply"}
    assert await desk.all(coupons.STOCK) == [coupons.StockRow("first500", 200, 1)]


async def test_journey_a1_blocked_and_back(desk: Desk) -> None:
    await joined(desk)
    assert (await desk.block()).line == ""
    assert (await desk.member()).state is AccountState.LEFT
    assert (await desk.follow(returning=True)).line == (
        "おかえりなさい、はなさん。前の続きから使えます。［メニュー］［通知を減らす］"
    )
    assert await desk.all(coupons.STOCK) == [coupons.StockRow("first500", 200, 1)]
    # The survey is not begun again: what is said now is no answer.
    assert "お答えできません" in (await desk.say("こんにちは")).text


async def test_consent_is_kept_with_its_version_and_time(desk: Desk) -> None:
    await desk.follow()
    desk.clock.ahead(minutes=3)
    given_at = desk.clock.now()
    await desk.press("同意してはじめる")
    desk.clock.ahead(minutes=3)
    await desk.press("同意してはじめる")
    member_id = (await desk.member()).id
    stored = await desk.store.read(lambda tx: personal.export(tx, member_id))
    ledger = [row for section in stored if section.table == "consent" for row in section.rows]
    assert [(row["version"], row["given_at"]) for row in ledger] == [(1, given_at)]


async def test_later_says_how_to_begin_and_stores_nothing(desk: Desk) -> None:
    await desk.follow()
    assert (await desk.press("あとで")).line == (
        "わかりました。いつでもどうぞ。はじめるときは「つづき」、できることを見るときは「メニュー」と送ってください。"
        "［つづき］［メニュー］"
    )
    assert (await desk.member()).consent_version is None
    # Days later the word leads to the consent, never past it.
    desk.clock.ahead(days=9)
    assert (await desk.say("つづき")).line == GREETING
    assert (await desk.press("同意してはじめる")).line == FIRST


async def test_a_friend_from_before_the_bot_is_welcomed_whatever_they_say(desk: Desk) -> None:
    assert (await desk.say("こんにちは", who="midori")).line == GREETING
    assert (await desk.sticker(who="jiro")).line == GREETING
    # What was said first is answered as a choice: a number, or the label itself.
    assert (await desk.say("同意してはじめる", who="midori")).line == FIRST
    assert (await desk.say("１", who="jiro")).line == FIRST


async def test_returning_without_a_nickname(desk: Desk) -> None:
    await desk.follow()
    await desk.press("同意してはじめる")
    await desk.press("スキップ")
    await desk.block()
    assert (await desk.follow(returning=True)).line == (
        "おかえりなさい。前の続きから使えます。［メニュー］［通知を減らす］"
    )


async def test_returning_without_consent_is_asked_again(desk: Desk) -> None:
    await desk.follow()
    await desk.block()
    assert (await desk.follow(returning=True)).line == GREETING


async def test_a_stranger_whom_the_platform_calls_returning_is_new_to_us(desk: Desk) -> None:
    assert (await desk.follow(returning=True)).line == GREETING


async def test_an_older_purpose_is_asked_again_before_anything_is_stored(desk: Desk) -> None:
    await desk.follow()
    await desk.press("同意してはじめる")
    purpose = desk.core.community.purpose.model_copy(update={"version": 2})
    desk.core.community = desk.core.community.model_copy(update={"purpose": purpose})
    assert (await desk.say("はな")).line == GREETING
    assert (await desk.member()).nickname is None
    # The button of the first version agrees to nothing that is asked now.
    assert (await desk.press_value("survey:agree:1")).line == GREETING
    assert (await desk.member()).consent_version == 1
    assert (await desk.press("同意してはじめる")).line == FIRST
    assert (await desk.member()).consent_version == 2


async def test_a_community_without_a_joining_survey_still_asks(desk: Desk) -> None:
    desk.core.community = desk.core.community.model_copy(update={"surveys": ()})
    assert (await desk.follow()).line == (
        "さくら同好会へようこそ。教えていただいたことは「ご案内の出し分け」と「商品づくり」にだけ使います。"
        "［同意してはじめる］［くわしく］［あとで］"
    )
    assert (await desk.press("同意してはじめる")).line == (
        "ありがとうございます。「メニュー」からどうぞ。［メニュー］"
    )


async def test_unsending_takes_back_the_nickname(desk: Desk) -> None:
    await desk.follow()
    await desk.press("同意してはじめる")
    await desk.say("はな")
    said = desk.last_message_id
    assert (await desk.unsend(said)).line == ""
    member = await desk.member()
    assert member.nickname is None
    assert await desk.all(answers.ANSWERS_OF, member_id=member.id) == []
    # The open question stays open; the one that lost its answer comes after it.
    assert (await desk.press("10代")).line == FIRST


async def test_unsending_takes_back_the_tags_of_a_typed_answer(desk: Desk) -> None:
    await desk.follow()
    await desk.press("同意してはじめる")
    await desk.press("スキップ")
    await desk.say("40代")
    member_id = (await desk.member()).id
    assert len(await desk.all(answers.TAGS_OF, member_id=member_id)) == 1
    await desk.unsend(desk.last_message_id)
    assert await desk.all(answers.TAGS_OF, member_id=member_id) == []
    kinds = [row.kind for row in await desk.all(activity.RECENT, member_id=member_id, limit=1)]
    assert kinds == ["MessageUnsent"]
    await desk.unsend("never seen")


async def test_small_talk_is_kind_and_promises_nothing(desk: Desk) -> None:
    await joined(desk)
    assert (await desk.sticker()).line == "かわいいスタンプありがとうございます！［メニュー］"
    assert (await desk.say("マスカラの前に塗るの？")).line == (
        "ありがとうございます。ご質問には、まだここではお答えできません。できることは「メニュー」にあります。［メニュー］"
    )


async def test_small_talk_offers_to_go_on_with_what_is_unfinished(desk: Desk) -> None:
    await desk.follow()
    await desk.press("あとで")
    assert (await desk.say("こんにちは")).labels == ("つづき", "メニュー")


async def test_the_menu_is_the_communitys_and_ends_what_is_open(desk: Desk) -> None:
    await desk.follow()
    await desk.press("同意してはじめる")
    menu = await desk.say("メニュー")
    assert menu.text == "さくら同好会のメニューです。えらんでください。"
    assert menu.labels == (
        "クーポンを見る", "自己紹介する", "つづき", "わたしのデータ", "訂正", "通知を減らす",
    )  # fmt: skip
    # A number means the menu now, not the survey that was open.
    assert (await desk.say("3")).line == FIRST


async def test_stop_closes_and_keeps(desk: Desk) -> None:
    await desk.follow()
    assert (await desk.say("やめる")).line == (
        "いま途中のものはありません。「メニュー」からどうぞ。［つづき］［メニュー］"
    )
    await desk.press("同意してはじめる")
    await desk.say("はな")
    assert (await desk.say("やめる")).line == (
        "ここまでにしました。お答えは残っています。「つづき」で再開、「訂正」で直せます。［つづき］［メニュー］"
    )
    member_id = (await desk.member()).id
    assert len(await desk.all(answers.ANSWERS_OF, member_id=member_id)) == 1


async def test_old_and_foreign_buttons_are_answered(desk: Desk) -> None:
    await desk.follow()
    for value in ("nobody:knows", "menu:word:nothing", "survey:pick:gone.q.o", "welcome:x"):
        heard = await desk.press_value(value)
        assert heard.text == "このボタンは、いまは使えません。「メニュー」からどうぞ。"
    assert await desk.one(members.COUNT_MEMBERS) == 1
