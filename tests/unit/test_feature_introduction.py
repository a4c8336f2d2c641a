"""Introductions: a first word or a picture, for the managers' eyes, and taken back when unsent."""

from collections.abc import AsyncIterator
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bot import pictures
from bot.events import Content
from bot.pictures import NotAPicture, redrawn
from storage import answers
from storage.store import Tx
from tests.unit.desk import Desk, DeskDoor, desk_in, open_desk

BEGIN = "最初の一言をどうぞ。文章なら300文字まで、写真1枚でも大丈夫です。書いたものは運営の人が読みます。［やめる］"
CANARY = b"canary 35.6812, 139.7671"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = await open_desk(tmp_path, platforms=("line", "terminal"))
    yield made
    assert made.core.copy.broken == 0
    await made.close()


async def begun(desk: Desk) -> None:
    await desk.follow()
    await desk.press("同意してはじめる")
    await desk.say("はな")
    assert (await desk.say("自己紹介する")).line == BEGIN


async def introduction(desk: Desk) -> answers.IntroductionRow | None:
    member_id = (await desk.member()).id
    return await desk.one(answers.INTRODUCTION_OF, member_id=member_id)


def photo(size: tuple[int, int] = (2000, 1000), kind: str = "JPEG", mode: str = "RGB") -> bytes:
    """Return a picture that carries a place in EXIF and a comment."""
    made = BytesIO()
    drawn = Image.new(mode, size, "pink")
    exif = drawn.getexif()
    exif[0x010E] = CANARY.decode()
    if kind == "JPEG":
        drawn.save(made, kind, exif=exif, comment=CANARY)
    else:
        drawn.save(made, kind)
    return made.getvalue()


async def test_a_first_word_is_sealed_and_shown_to_the_managers(desk: Desk) -> None:
    await begun(desk)
    assert (await desk.say("まつげ歴3年です。よろしくお願いします！")).line == (
        "ありがとうございます。運営のみんなで読みますね。［メニュー］"
    )
    row = await introduction(desk)
    assert row is not None
    assert row.text is not None
    shown = await desk.work()
    assert [(heard.to, heard.text) for heard in shown] == [
        ("#管理", "自己紹介が届きました：はなさん\nまつげ歴3年です。よろしくお願いします！")
    ]
    assert await desk.all(answers.UNSHOWN, limit=9) == []
    # The conversation is over: what comes now is no introduction.
    assert "お答えできません" in (await desk.say("もうひとこと")).text


async def test_without_a_managers_channel_it_is_kept_unshown(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await begun(desk)
        await desk.say("よろしく")
        assert await desk.work() == []
        row = await introduction(desk)
        assert row is not None
        assert [left.id for left in await desk.all(answers.UNSHOWN, limit=9)] == [row.id]
        # The company opens a channel on another platform, and the process starts again.
        desk.core.adapters = {**desk.core.adapters, "terminal": DeskDoor("terminal")}
        await desk.store.write(partial(started, desk))
        assert [heard.to for heard in await desk.work()] == ["#管理"]
        assert await desk.all(answers.UNSHOWN, limit=9) == []


async def started(desk: Desk, tx: Tx) -> None:
    for bring_up in desk.core.registry.starts:
        await bring_up(desk.core, tx)


async def test_consent_comes_first(desk: Desk) -> None:
    await desk.follow()
    assert (await desk.say("自己紹介する")).labels[0] == "同意してはじめる"
    assert (await desk.press_value("introduction:begin")).labels[0] == "同意してはじめる"


async def test_what_cannot_be_taken_is_said_with_the_way_on(desk: Desk) -> None:
    await begun(desk)
    assert (await desk.say("あ" * 301)).text == (
        "300文字までにしてください（いま 301文字です）。やめるときは「やめる」と送ってください。"
    )
    again = "文章か写真1枚でお願いします。やめるときは「やめる」と送ってください。"
    assert (await desk.sticker()).text == again
    assert (await desk.say("\u200b")).text == again
    assert (await desk.send_content(Content.VIDEO)).text == again
    assert (await desk.say("あ" * 300)).text.startswith("ありがとうございます")


async def test_stopping_and_words_of_their_own(desk: Desk) -> None:
    await begun(desk)
    assert (await desk.say("やめる")).text == (
        "やめました。書きたくなったら「自己紹介する」と送ってください。"
    )
    await desk.say("自己紹介する")
    assert "メニュー" in (await desk.say("メニュー")).text
    assert await introduction(desk) is None


async def test_unsending_forgets_it(desk: Desk) -> None:
    await begun(desk)
    await desk.say("よろしく")
    await desk.unsend(desk.last_message_id)
    assert await introduction(desk) is None
    # The reaction that waited finds nothing to show.
    assert await desk.work() == []


async def test_a_picture_is_redrawn_kept_and_shown(desk: Desk) -> None:
    await begun(desk)
    assert (await desk.image(photo())).line == (
        "写真をありがとうございます。運営のみんなで見ますね。［メニュー］"
    )
    shown = await desk.work()
    row = await introduction(desk)
    assert row is not None
    assert row.media_id is not None
    assert [heard.text for heard in shown] == [
        f"自己紹介が届きました：はなさん\n(picture member/{row.media_id}.jpg)"
    ]
    media = await desk.one(answers.MEDIA, id=row.media_id)
    assert media is not None
    assert media.content_type == "image/jpeg"
    content = desk.cipher.open(media.content, f"media:{row.media_id}")
    assert CANARY not in content
    with Image.open(BytesIO(content)) as kept:
        assert kept.size == (1280, 640)


async def test_a_newer_introduction_takes_the_place_of_the_picture(desk: Desk) -> None:
    await begun(desk)
    await desk.image(photo())
    await desk.work()
    before = await introduction(desk)
    assert before is not None
    assert before.media_id is not None
    await desk.say("自己紹介する")
    await desk.say("やっぱり文章で")
    assert await desk.one(answers.MEDIA, id=before.media_id) is None


async def test_a_second_picture_is_shown_too(desk: Desk) -> None:
    for _ in range(2):
        await desk.follow()
        await desk.press("同意してはじめる")
        await desk.say("自己紹介する")
        await desk.image(photo())
        assert len(await desk.work()) == 1
        desk.clock.ahead(minutes=3)


async def test_a_picture_unsent_before_it_was_fetched_is_not_kept(desk: Desk) -> None:
    await begun(desk)
    await desk.image(photo())
    await desk.unsend(desk.last_message_id)
    assert await desk.work() == []
    assert await introduction(desk) is None


async def test_what_is_no_picture_is_said_at_the_next_touch(desk: Desk) -> None:
    await begun(desk)
    await desk.image(b"<html>canary</html>")
    assert await desk.work() == []
    assert await introduction(desk) is None
    assert "先ほどの写真は読み取れませんでした。" in (await desk.say("やっほー")).text


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("GIF", "P"), ("WEBP", "RGB"), ("JPEG", "CMYK")]
)
async def test_every_kind_of_picture_becomes_a_clean_jpeg(kind: str, mode: str) -> None:
    made = await redrawn(photo((300, 200), kind, mode))
    with Image.open(BytesIO(made)) as kept:
        assert (kept.format, kept.mode, kept.size) == ("JPEG", "RGB", (300, 200))
    assert CANARY not in made


async def test_a_sideways_picture_stands_up() -> None:
    made = BytesIO()
    drawn = Image.new("RGB", (200, 100))
    exif = drawn.getexif()
    exif[0x0112] = 6
    drawn.save(made, "JPEG", exif=exif)
    with Image.open(BytesIO(await redrawn(made.getvalue()))) as kept:
        assert kept.size == (100, 200)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        photo()[:2000],
        photo((9000, 9000), "PNG", "1"),
        photo((14000, 14000), "PNG", "1"),
        b"\0" * (pictures.LARGEST_BYTES + 1),
    ],
    ids=["empty", "cut", "half", "large", "bomb", "heavy"],
)
async def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(NotAPicture):
        await redrawn(data)
