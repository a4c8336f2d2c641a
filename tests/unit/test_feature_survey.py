"""Surveys: every kind of answer, in any order, after days, with a changed file, and corrected."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from bot.events import ChoiceSelected, Content
from bot.messages import Kind, Option, Question
from bot.wire import sign
from storage import activity, coupons, members
from storage.members import account_hash
from tests.unit.desk import Desk, account, address, desk_in, open_desk
from tests.unit.surveying import (
    EVERY_KIND,
    agreed,
    answers_of,
    completed,
    joining,
    tags_of,
    with_surveys,
)

FIRST = "1/4 何とお呼びすればよいですか？（本名でなくて大丈夫です）［スキップ］"
AGE = "2/4 年代をえらんでください。［10代］［20代］［30代］［40代］［50代以上］［答えない］"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = await open_desk(tmp_path)
    yield made
    assert made.core.copy.broken == 0
    await made.close()


# ── answering ───────────────────────────────────────────────────────────────────────────────
async def test_open_answers_are_sealed_with_their_place(desk: Desk) -> None:
    await agreed(desk)
    await desk.say("はな")
    row = (await answers_of(desk))["nickname"]
    member = await desk.member()
    assert row.text is not None
    assert desk.cipher.text(row.text, f"answer:{member.id}:welcome:nickname") == "はな"
    assert member.nickname is not None
    assert desk.cipher.text(member.nickname, f"nickname:{member.id}") == "はな"


async def test_no_answer_without_consent_by_any_button(desk: Desk) -> None:
    await desk.follow()
    for value in (
        "survey:pick:welcome.age.40s",
        "survey:done:welcome.interest",
        "survey:begin:welcome",
        "survey:edit:welcome.age",
        "survey:continue",
    ):
        assert (await desk.press_value(value)).labels[0] == "同意してはじめる"
    assert await answers_of(desk) == {}


async def test_no_answer_sets_no_tag(desk: Desk) -> None:
    await agreed(desk)
    await desk.press("スキップ")
    assert (await desk.press("答えない")).text.startswith("3/4")
    assert await tags_of(desk) == set()
    assert (await answers_of(desk))["age"].options == ["none"]


async def test_words_still_mean_what_they_mean_at_an_open_question(desk: Desk) -> None:
    await agreed(desk)
    assert (await desk.say("つづき")).line == FIRST
    assert "クーポンはありません" in (await desk.say("クーポンを見る")).text
    assert (await desk.say("はな")).line == AGE
    assert (await answers_of(desk))["nickname"].skipped is False


async def test_later_said_in_the_middle_puts_off(desk: Desk) -> None:
    await agreed(desk)
    assert (await desk.say("あとで")).labels == ("つづき", "メニュー")
    assert await answers_of(desk) == {}
    desk.clock.ahead(days=40)
    assert (await desk.say("続き")).line == FIRST


async def test_resumes_after_days_with_what_was_chosen(desk: Desk) -> None:
    await agreed(desk)
    await desk.say("はな")
    await desk.say("4")
    await desk.press("まつげ")
    desk.clock.ahead(days=12)
    assert (await desk.say("continue")).line == (
        "3/4 気になるものは？（いくつでも）\n選択中：まつげ［スキンケア］［ヘアケア］［まつげをはずす］［決定］"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (Content.STICKER, "かわいいスタンプありがとうございます！ 1/4 は文字で教えてくださいね。"),
        (
            Content.IMAGE,
            "ありがとうございます。いまはお預かりできないので、1/4 は文字で教えてくださいね。",
        ),
        (
            Content.OTHER,
            "ありがとうございます。いまはお預かりできないので、1/4 は文字で教えてくださいね。",
        ),
    ],
)
async def test_what_is_no_text_is_answered_kindly(desk: Desk, content: Content, said: str) -> None:
    await agreed(desk)
    assert (await desk.send_content(content)).line == f"{said}［スキップ］"


async def test_notes_of_every_kind(desk: Desk) -> None:
    with_surveys(desk, EVERY_KIND)
    await agreed(desk)
    assert "いろいろ" in (await desk.say("メニュー")).labels
    assert (await desk.press("いろいろ")).labels[:2] == ("0", "1")
    assert (await desk.say("たぶん")).text == "1/5 は下からえらんでくださいね。番号でも大丈夫です。"
    assert (await desk.say("11")).text == "下からお願いします。"
    assert (await desk.say("９")).text == "2/5 何本ありますか？"
    assert (await desk.say("いっぱい")).text == "数字で教えてくださいね（例 12）。"
    assert (await desk.sticker()).text.endswith("2/5 は数字で教えてくださいね。")
    assert (await desk.say("100")).text == "0 から 99 の間でお願いします。"
    assert (await desk.say("12")).line == "3/5 いつからですか？［日付をえらぶ］"
    assert (await desk.say("きのう")).text == "日付で教えてくださいね（例 2026-12-20）。"
    assert (await desk.say("2026-12-21")).text == "2026-12-20 までの範囲でお願いします。"
    assert (await desk.press("日付をえらぶ", picked="2026-12-01")).text == "4/5 ひとことどうぞ。"
    assert (await desk.say("あ" * 2001)).text == "長すぎるようです。2000文字までにしてください。"
    assert (await desk.say("\u200b")).text == "文字が見えませんでした。もう一度お願いします。"
    assert (await desk.say("よい香り")).line == "5/5 載せてよいですか？［はい］［いいえ］"
    assert (await desk.press("はい")).line == (
        "ありがとうございます。最初の一言を書いてみませんか？［自己紹介する］［メニュー］"
    )
    stored = await answers_of(desk)
    assert (stored["like"].number, stored["many"].number) == (9, 12)
    assert (stored["day"].day, stored["ok"].options) == (date(2026, 12, 1), ["yes"])


async def test_more_choices_than_buttons_are_paged(desk: Desk) -> None:
    options = tuple(Option(f"o{number}", f"店{number}") for number in range(1, 31))
    shop = Question(id="shop", kind=Kind.SINGLE, text="どのお店ですか？", options=options, tag="店")
    with_surveys(desk, joining(desk, shop))
    await desk.follow()
    first = await desk.press("同意してはじめる")
    assert (first.labels[0], first.labels[-1], len(first.labels)) == ("店1", "次へ", 12)
    second = await desk.press("次へ")
    assert (second.labels[0], second.labels[-2:]) == ("店12", ("前へ", "次へ"))
    # A number means the place in the whole list, shown or not.
    assert "ありがとう" in (await desk.say("30")).text
    assert await tags_of(desk) == {("店", "店30")}


# ── thanks ──────────────────────────────────────────────────────────────────────────────────
async def test_thanks_without_a_name_or_a_guide(desk: Desk) -> None:
    questions = joining(desk).form.questions
    with_surveys(desk, joining(desk, *(replace(each, guides=False) for each in questions)))
    await agreed(desk)
    await desk.press("スキップ")
    for label in ("40代", "まつげ", "決定"):
        await desk.press(label)
    assert (await desk.press("はじめて")).line == (
        "ありがとうございます。お礼に500円クーポンをどうぞ（1/31まで・1回）。最初の一言を書いてみませんか？"
        "［クーポンを見る］［自己紹介する］［メニュー］"
    )


async def test_thanks_when_the_coupons_are_gone(desk: Desk) -> None:
    await desk.run(coupons.PUT_STOCK, coupon="first500", stock=1)
    await completed(desk, "midori", "みどり")
    assert await completed(desk) == (
        "ありがとう、はなさん。「まつげ・はじめて」でご案内します。500円クーポンは配り終えました。ごめんなさい。"
        "最初の一言を書いてみませんか？［自己紹介する］［メニュー］"
    )


async def test_thanks_when_the_coupon_has_ended(desk: Desk) -> None:
    desk.clock.ahead(days=60)
    assert "500円クーポンの期間は1/31で終わりました。" in await completed(desk)


async def test_thanks_when_the_erased_account_had_the_coupon(desk: Desk) -> None:
    made = account("hanako")
    key = (made.platform, made.realm, made.user_id)
    known = await desk.store.read(lambda tx: account_hash(tx, key))
    await desk.run(members.ADD_ONCE, hash=known, flag="coupon:first500", now=desk.clock.now())
    assert "500円クーポンはお渡し済みです（1人1回）。" in await completed(desk)
    assert await desk.all(coupons.STOCK) == [coupons.StockRow("first500", 200, 0)]


async def test_completing_twice_gives_one_coupon_and_one_record(desk: Desk) -> None:
    await completed(desk)
    more = Question(id="more", kind=Kind.SHORT_TEXT, text="もうひとつ", skip=True)
    with_surveys(desk, joining(desk, *joining(desk).form.questions, more))
    assert (await desk.say("つづき")).line == "5/5 もうひとつ［スキップ］"
    assert "500円クーポンはお渡し済みです" in (await desk.press("スキップ")).text
    member_id = (await desk.member()).id
    kinds = {"member_id": member_id, "subject": "welcome", "kind": "survey.completed"}
    assert await desk.one(activity.COUNT_OF, **kinds) == 1
    assert await desk.all(coupons.STOCK) == [coupons.StockRow("first500", 200, 1)]


# ── correcting ──────────────────────────────────────────────────────────────────────────────
async def test_correcting_a_choice_changes_answer_and_tags(desk: Desk) -> None:
    await completed(desk)
    listed = await desk.say("訂正")
    assert listed.line == "どのお答えを直しますか？［ニックネーム］［年代］［関心］［利用］"
    assert (await desk.press("関心")).line == (
        "気になるものは？（いくつでも）\n選択中：まつげ［スキンケア］［ヘアケア］［まつげをはずす］［決定］"
    )
    await desk.press("ヘアケア")
    await desk.press("まつげをはずす")
    assert (await desk.press("決定")).line == (
        "直しました。関心：ヘアケア\nタグ：関心:ヘアケア［訂正］［メニュー］"
    )
    assert await tags_of(desk) == {("年代", "40代"), ("関心", "ヘアケア"), ("利用", "はじめて")}
    assert {heard.via for heard in desk.said} == {"reply"}


async def test_correcting_the_nickname(desk: Desk) -> None:
    await completed(desk)
    await desk.say("訂正")
    assert (await desk.press("ニックネーム")).labels == ("スキップ",)
    assert (await desk.say("花")).text == "直しました。ニックネーム：花"
    assert "おかえりなさい、花さん。" in (await desk.follow(returning=True)).text
    await desk.press("ニックネーム")
    assert (await desk.press("スキップ")).text == "直しました。ニックネーム：答えない"
    assert (await desk.member()).nickname is None


async def test_nothing_to_correct_yet(desk: Desk) -> None:
    await agreed(desk)
    assert (await desk.say("訂正")).labels == ("つづき", "メニュー")


async def test_an_old_button_still_corrects(desk: Desk) -> None:
    await completed(desk)
    assert (await desk.press("20代")).text == "直しました。年代：20代\nタグ：年代:20代"
    assert ("年代", "20代") in await tags_of(desk)


async def test_a_late_redelivery_loses_against_a_newer_answer(desk: Desk) -> None:
    await agreed(desk)
    await desk.press("スキップ")
    early = desk.clock.now()
    desk.clock.ahead(minutes=3)
    await desk.press("40代")
    value = sign(desk.cipher, "survey:pick:welcome.age.10s", account("hanako"))
    await desk.happen(
        ChoiceSelected(key="late", address=address("hanako"), occurred_at=early, value=value)
    )
    assert await tags_of(desk) == {("年代", "40代")}


@pytest.mark.parametrize("order", list(permutations(range(5)))[::12])
async def test_taps_count_alike_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    values = (
        "survey:pick:welcome.age.40s",
        "survey:pick:welcome.interest.lashes",
        "survey:pick:welcome.interest.hair",
        "survey:done:welcome.interest",
        "survey:pick:welcome.usage.first",
    )
    async with desk_in(tmp_path) as desk:
        await agreed(desk)
        await desk.press("スキップ")
        start = desk.clock.now()
        desk.clock.ahead(minutes=9)
        for place in order:
            event = ChoiceSelected(
                key=f"tap{place}",
                address=address("hanako"),
                occurred_at=start + timedelta(minutes=place),
                value=sign(desk.cipher, values[place], account("hanako")),
            )
            await desk.happen(event)
        assert await tags_of(desk) == {
            ("年代", "40代"), ("関心", "まつげ"), ("関心", "ヘアケア"), ("利用", "はじめて"),
        }  # fmt: skip
        assert await desk.all(coupons.STOCK) == [coupons.StockRow("first500", 200, 1)]
        assert "ぜんぶお答え" in (await desk.say("つづき")).text


# ── a changed file ──────────────────────────────────────────────────────────────────────────
async def test_a_changed_file_loses_no_answer(desk: Desk) -> None:
    await agreed(desk)
    await desk.say("はな")
    await desk.press("40代")
    _, age, interest, usage = joining(desk).form.questions
    new = Question(id="where", kind=Kind.SHORT_TEXT, text="どこで知りましたか？")
    with_surveys(desk, joining(desk, new, usage, age))
    # The open question is gone: its button is answered, what is new is asked, nothing is lost.
    assert (await desk.press("まつげ")).line == (
        "そのボタンの質問は、いまはありません。こちらをお願いします。\n1/3 どこで知りましたか？"
    )
    assert set(await answers_of(desk)) == {"nickname", "age"}
    await desk.say("お店")
    assert "「はじめて」でご案内します。" in (await desk.press("はじめて")).text
    assert interest.id not in await answers_of(desk)


async def test_a_removed_survey_is_answered(desk: Desk) -> None:
    await agreed(desk)
    with_surveys(desk)
    assert (await desk.say("はな")).text == "このアンケートは終わりました。「メニュー」からどうぞ。"
    assert (await desk.press("スキップ")).text == (
        "このボタンは、いまは使えません。「メニュー」からどうぞ。"
    )
    assert "お答えできません" in (await desk.say("はな")).text
