"""What a member may always ask: what is stored, to have it erased, to hear less (journey A5)."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from bot import coupons
from bot.context import lane_of
from bot.erasure import FORGET_KEY
from bot.messages import Message, Text
from bot.posting import Letter, post
from bot.rules.etiquette import Want
from storage import activity, answers, inbox, members, personal, state, work
from storage.inbox import InboxState
from storage.members import Role
from storage.store import Tx
from tests.unit.desk import A1, Desk, address, open_desk

CANARY = "カナリアの花子"
SURE = "消えるもの：回答・タグ・質問・住所・つながり。本当に消しますか？［消す］［やめる］"
GREETING = "さくら同好会へようこそ。"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    opened = await open_desk(tmp_path)
    await opened.store.write(lambda tx: coupons.sync(tx, opened.core.community))
    yield opened
    await opened.close()


async def answer(desk: Desk, who: str = "hanako", nickname: str = "はな") -> None:
    """Go through journey A1: consent, four answers, tags, a coupon."""
    await desk.follow(who)
    await desk.press("同意してはじめる", who)
    await desk.say(nickname, who)
    for label in ("40代", "まつげ", "決定", "はじめて"):
        await desk.press(label, who)


async def stored(desk: Desk, member_id: int) -> list[personal.Section]:
    return await desk.store.read(lambda tx: personal.export(tx, member_id))


async def count(desk: Desk, table: str) -> int:
    found = sqlite3.connect(desk.store.path).execute(f"SELECT count(*) FROM {table}")  # noqa: S608
    return int(found.fetchone()[0])


# ── わたしのデータ ──────────────────────────────────────────────────────────────────────────────


async def test_my_data_in_one_line(desk: Desk) -> None:
    await answer(desk)
    assert (await desk.say("わたしのデータ")).line == (
        "ニックネームはな／年代40代／関心まつげ／利用はじめて／クーポン：はじめて500円。"
        "［すべて見る］［直す］［消して］"
    )


async def test_before_any_answer_it_says_that_there_is_none(desk: Desk) -> None:
    await desk.follow()
    assert (await desk.say("わたしのデータ")).text.startswith("お名前もお答えも、まだ")


async def test_everything_is_shown_in_the_members_words_and_time(desk: Desk) -> None:
    await answer(desk)
    await desk.say("わたしのデータ")
    said = (await desk.press("すべて見る")).text
    assert "書いたこと：はな／" in said
    assert "質問：年代をえらんでください。／選んだもの：40代／" in said
    assert "名前：はじめて500円／お渡しした日時：2026-12-20 10:00" in said
    assert "番号：U-hanako／" in said
    assert said.endswith("渡した先：なし。")
    assert "momo" not in said


async def test_what_does_not_fit_one_page_follows_on_the_next(desk: Desk) -> None:
    await answer(desk)
    for number in range(60):
        await desk.say(f"こんにちは{number}")
    await desk.say("わたしのデータ")
    first = await desk.press("すべて見る")
    assert first.labels == ("つづきを見る", "直す", "消して")
    pages = [first]
    while "つづきを見る" in pages[-1].labels:
        pages.append(await desk.press("つづきを見る"))
    assert sum(page.text.count("こと：メッセージ") for page in pages) == 62
    assert pages[-1].text.endswith("渡した先：なし。")
    assert (await desk.press_value("rights:all:99")).text.startswith("このボタンは")


async def test_a_waiting_message_a_picture_and_a_survey_that_is_gone_are_shown_too(
    desk: Desk,
) -> None:
    await answer(desk)
    member_id = (await desk.member()).id
    await waiting(desk, member_id, "来週のお知らせ")
    picture = desk.cipher.seal(b"\x89PNG", "media:abc")
    await desk.run(
        answers.ADD_MEDIA,
        id="abc",
        member_id=member_id,
        content_type="image/png",
        content=picture,
        now=A1,
    )
    sqlite3.connect(desk.store.path).executescript(
        "UPDATE answer SET survey = 'gone' WHERE question = 'age';"
    )
    said = (await desk.press_value("rights:all:1")).text
    assert "内容：来週のお知らせ" in said
    assert "中身：写真（4バイト）" in said
    assert "アンケート：gone／質問：age／選んだもの：40s" in said


# ── 通知を減らす ────────────────────────────────────────────────────────────────────────────────


async def test_fewer_messages_and_back(desk: Desk) -> None:
    await answer(desk)
    assert (await desk.say("通知を減らす")).line == (
        "お知らせを止めました。次に話しかけてくださったときに、まとめてお見せします。"
        "当選と返信は届きます。［もとに戻す］"
    )
    assert (await desk.member()).muted_at == desk.clock.now()
    assert (await desk.press("もとに戻す")).labels == ("メニュー",)
    assert (await desk.member()).muted_at is None


async def test_a_right_is_heard_in_the_middle_of_a_survey_and_the_survey_goes_on(
    desk: Desk,
) -> None:
    await desk.follow()
    await desk.press("同意してはじめる")
    assert (await desk.say("消して")).line == SURE
    await desk.press("やめる")
    assert (await desk.say("はな")).text.startswith("2/4")


# ── 消して ──────────────────────────────────────────────────────────────────────────────────────


async def test_erased_in_two_taps_with_a_receipt(desk: Desk) -> None:
    await desk.run(state.SET_COUNTER, name="deletions", value=40)
    await answer(desk)
    assert (await desk.say("消して")).line == SURE
    assert (await desk.press("消す")).line == (
        "消しました（受付番号 D-0041）。台帳の数字は人が分からない形で残ります。"
    )
    assert await count(desk, "member") == await count(desk, "conversation") == 0
    assert await desk.one(activity.COUNT_KIND, kind="erased") == 1


async def test_keeping_changes_nothing(desk: Desk) -> None:
    await answer(desk)
    before = [s for s in await stored(desk, 1) if s.table not in {"activity", "conversation"}]
    await desk.say("消して")
    assert (await desk.press("やめる")).text == "わかりました。何も消していません。"
    after = [s for s in await stored(desk, 1) if s.table not in {"activity", "conversation"}]
    assert before == after


async def test_no_value_of_a_canary_person_is_found_in_any_file(desk: Desk) -> None:
    """Trust I12. Codes and ids are searched in clear; what was sealed must be gone as a row."""
    await answer(desk, nickname=CANARY)
    await desk.say("わたしのデータ")
    await desk.press("すべて見る")
    texts = [value for value, _ in await sealed(desk)]
    marks = [b"U-hanako", CANARY.encode(), "まつげ".encode(), *texts]
    assert [m for m in marks if m not in await files(desk)] == [CANARY.encode()]
    await desk.say("消して")
    await desk.press("消す")
    assert [mark for mark in marks if mark in await files(desk)] == []


async def sealed(desk: Desk) -> list[tuple[bytes, str]]:
    """What the member wrote, as it is stored, and what it is bound to."""
    found = sqlite3.connect(desk.store.path).execute(
        "SELECT nickname, 'nickname:' || id FROM member UNION "
        "SELECT text, 'answer:' || member_id || ':' || survey || ':' || question FROM answer "
        "WHERE text IS NOT NULL"
    )
    return found.fetchall()


async def files(desk: Desk) -> bytes:
    """Everything in the database's files, once the log was emptied."""
    await desk.store.write(nothing)
    folder = desk.store.path.parent
    return b"".join(
        p.read_bytes() for p in sorted(folder.glob("desk.db*")) if p.suffix != ".db-shm"
    )


async def nothing(_: Tx) -> None:
    """Wait for the writer: it empties the log after the commit that asked for it."""


async def test_jobs_wakeups_and_messages_of_the_member_go(desk: Desk) -> None:
    await answer(desk)
    member_id = (await desk.member()).id
    due = desk.clock.now() + timedelta(days=1)
    values = {"kind": "later", "ref": "1", "member_id": member_id, "due": due}
    await desk.run(work.PUT_WAKEUP, **values)
    await desk.store.write(
        lambda tx: desk.core.engine.enqueue(tx, "later", "1", {"member_id": member_id}, due)
    )
    await desk.say("消して")
    await waiting(desk, member_id, "来週のお知らせ")
    await desk.press("消す")
    left = sqlite3.connect(desk.store.path).execute("SELECT kind, member_id FROM job")
    assert left.fetchall() == [(FORGET_KEY, None)]
    assert await count(desk, "wakeup") == 0
    found = sqlite3.connect(desk.store.path).execute(
        "SELECT state, reason, member_id, payload FROM outbox WHERE reason != ''"
    )
    assert found.fetchall() == [("expired", "erased", None, None)]


async def waiting(desk: Desk, member_id: int, text: str) -> None:
    """Leave a message for the member's next touch."""

    async def write(tx: Tx) -> None:
        letter = Letter(
            key=uuid4(),
            address=address("hanako"),
            lane=lane_of(tx, address("hanako")),
            want=Want.PREFER_REPLY,
            member_id=member_id,
            reply_until=desk.clock.now(),
        )
        await post(desk.core, tx, Message((Text(text),)), letter, desk.clock.now())

    await desk.store.write(write)


async def test_raw_elements_that_wait_for_a_person_are_blanked(desk: Desk) -> None:
    await answer(desk)
    await desk.store.write(lambda tx: keep_raw(tx, "dead", InboxState.DEAD))
    await desk.store.write(lambda tx: keep_raw(tx, "open", InboxState.OPEN))
    await desk.say("消して")
    await desk.press("消す")
    found = sqlite3.connect(desk.store.path).execute("SELECT key, raw IS NULL FROM inbox")
    assert dict(found.fetchall()) == {"dead": 1, "open": 0}


async def keep_raw(tx: Tx, key: str, state_of: InboxState) -> None:
    where = address("hanako")
    await tx.one(
        inbox.ADD,
        platform="line",
        key=key,
        lane=lane_of(tx, where),
        now=A1,
        occurred_at=None,
        state=state_of,
        fault="",
        raw=tx.cipher.seal("hanako", f"raw:line:{key}"),
        due=None,
    )


async def test_coming_back_starts_at_consent_and_brings_no_second_coupon(desk: Desk) -> None:
    await answer(desk)
    for _ in range(2):
        await desk.say("消して")
        await desk.press("消す")
        assert (await desk.say("こんにちは")).text.startswith(GREETING)
        await desk.block()
        await answer(desk)
        assert "クーポン" not in (await desk.say("わたしのデータ")).text
    assert await count(desk, "coupon_issue") == 1
    assert await count(desk, "once") == 1


async def test_a_second_tap_erases_nothing_and_keeps_nothing(desk: Desk) -> None:
    await answer(desk)
    await desk.say("消して")
    await desk.press("消す")
    assert (
        await desk.press("消す")
    ).line == "もう消してあります。お預かりしているものはありません。"
    assert await count(desk, "account") == await count(desk, "conversation") == 0
    assert await desk.one(activity.COUNT_KIND, kind="erased") == 1


async def test_an_old_button_does_not_erase_who_came_back(desk: Desk) -> None:
    await answer(desk)
    await desk.say("消して")
    await desk.press("消す")
    await answer(desk)
    desk.clock.ahead(days=1)
    assert (await desk.press("消す")).text.startswith("このボタンは前のものです。")
    assert (await desk.member()).consent_version == 1


async def test_the_last_owner_must_find_another_first(desk: Desk) -> None:
    await answer(desk)
    await desk.grant("hanako", Role.OWNER)
    await desk.say("消して")
    assert (await desk.press("消す")).text.startswith("あなたはただ一人のオーナー")
    await desk.grant("sato", Role.OWNER)
    assert (await desk.press("消す")).text.startswith("消しました")
    assert [row.user_id for row in await desk.all(members.ROLES)] == ["U-sato"]


# ── consent ─────────────────────────────────────────────────────────────────────────────────────


async def test_every_consent_is_in_the_ledger_and_shown(desk: Desk) -> None:
    await answer(desk)
    purpose = desk.core.community.purpose.model_copy(update={"version": 2})
    desk.core.community = desk.core.community.model_copy(update={"purpose": purpose})
    desk.clock.ahead(days=1)
    # What was agreed to version 1 holds for version 1 alone, and its old button for nothing.
    assert (await desk.say("つづき")).labels[0] == "同意してはじめる"
    assert (await desk.press_value("survey:agree:1")).labels[0] == "同意してはじめる"
    assert (await desk.member()).consent_version == 1
    for _ in range(2):
        await desk.press("同意してはじめる")
    assert (await desk.member()).consent_version == 2
    await desk.say("わたしのデータ")
    said = (await desk.press("すべて見る")).text
    assert (
        "【同意の記録】\n・版：1／日時：2026-12-20 10:00\n・版：2／日時：2026-12-21 10:00" in said
    )
    assert "同意した版：2／同意した日時：2026-12-21 10:00" in said
    assert "同意の版：1／" in said
    # Taking it back is erasing: no consent is left, and coming back asks for today's.
    await desk.say("消して")
    await desk.press("消す")
    assert await count(desk, "consent") == 0
    await desk.follow()
    await desk.press("同意してはじめる")
    held = sqlite3.connect(desk.store.path).execute("SELECT version FROM consent").fetchall()
    assert held == [(2,)]


async def test_what_stands_under_the_accounts_name_is_shown_too(desk: Desk) -> None:
    await answer(desk)
    await desk.say("消して")
    await desk.press("消す")
    await answer(desk)
    await desk.grant("hanako", Role.STAFF)
    await desk.store.write(lambda tx: keep_raw(tx, "dead", InboxState.DEAD))
    await desk.store.write(lambda tx: keep_raw(tx, "open", InboxState.OPEN))
    said = (await desk.press_value("rights:all:1")).text
    assert "【役割】\n・役割：staff" in said
    assert "・お渡ししたもの：はじめて500円／日時：2026-12-20 10:00" in said
    assert said.count("【処理できなかったメッセージ】\n・内容：hanako／") == 1
