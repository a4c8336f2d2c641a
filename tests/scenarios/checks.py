"""What `確認` may claim: each claim looks at the rows, at the platform's bill, or at every byte.

A claim that nothing here understands fails the script: an assertion that nobody checks is worse
than none.
"""

import io
import json
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import aiohttp
from cryptography.fernet import Fernet, InvalidToken
from PIL import Image

from hiroba.runtime import open_cipher
from hiroba.settings import Settings
from storage.seal import Cipher, SealBroken
from tests.adapters.live import KEY, count, environment, rows, until

if TYPE_CHECKING:
    from tests.scenarios.play import Play

Claim = Callable[["Play", re.Match[str]], Awaitable[None]]
CLAIMS: list[tuple[re.Pattern[str], Claim]] = []
SEALED = re.compile(rb"(?:(\d+)\.)?(?P<token>gAAAAA)")
"""How a sealed value begins: with the number of the member whose own key seals it, if any."""


class UnknownClaim(LookupError):
    """A 確認 that no code checks."""


async def claimed(play: "Play", claim: str) -> None:
    """Check one claim.

    Raises:
        UnknownClaim: nothing here understands it.
    """
    for pattern, check in CLAIMS:
        found = pattern.fullmatch(claim)
        if found is not None:
            await check(play, found)
            return
    raise UnknownClaim(claim)


def claim(pattern: str) -> Callable[[Claim], Claim]:
    """Register what checks a claim."""

    def register(check: Claim) -> Claim:
        CLAIMS.append((re.compile(pattern), check))
        return check

    return register


def _of(play: "Play", table: str, where: str = "1") -> int:
    return count(play.stage.database, table, f"{where} AND member_id = ?", _member(play))


def _member(play: "Play") -> int:
    sql = "SELECT member_id FROM account WHERE user_id = ?"
    ((member_id,),) = rows(play.stage.database, sql, play.stage.user_id(play.who))
    return int(member_id)


@claim(r"会員=(\d+)人")
async def _members(play: "Play", found: re.Match[str]) -> None:
    assert count(play.stage.database, "member") == int(found[1])


@claim(r"回答の保存=(\d+)件")
async def _answers(play: "Play", found: re.Match[str]) -> None:
    assert _of(play, "answer") == int(found[1])


@claim(r"タグ=\{(.*)\}")
async def _tags(play: "Play", found: re.Match[str]) -> None:
    sql = "SELECT key || ':' || value, reason FROM tag WHERE member_id = ?"
    held = rows(play.stage.database, sql, _member(play))
    assert {tag for tag, _ in held} == set(found[1].split(", ")) - {""}
    assert all(reason.startswith("survey:welcome:") for _, reason in held)


@claim(r"ニックネーム=(.*)")
async def _nickname(play: "Play", found: re.Match[str]) -> None:
    member_id = _member(play)
    sql = "SELECT nickname FROM member WHERE id = ?"
    ((sealed,),) = rows(play.stage.database, sql, member_id)
    with _cipher(play) as cipher:
        named = cipher.text(sealed, f"nickname:{member_id}") if sealed else "なし"
    assert named == found[1]


@claim(r"同意=版(\d+)・(\d{4}-\d\d-\d\d)")
async def _consent(play: "Play", found: re.Match[str]) -> None:
    sql = "SELECT version, given_at FROM consent WHERE member_id = ?"
    ((version, given_at),) = rows(play.stage.database, sql, _member(play))
    day = datetime.fromisoformat(given_at).replace(tzinfo=UTC).astimezone(ZoneInfo("Asia/Tokyo"))
    assert (version, day.date().isoformat()) == (int(found[1]), found[2])
    where = "consent_version = ? AND consent_at = ?"
    assert count(play.stage.database, "member", where, version, given_at) == 1


@claim(r"同意=なし")
async def _no_consent(play: "Play", _: re.Match[str]) -> None:
    assert _of(play, "consent") == 0


@claim(r"push=(\d+)")
async def _pushes(play: "Play", found: re.Match[str]) -> None:
    where = "way = 'push' AND state = 'sent' AND member_id IS NOT NULL"
    assert play.pushes == int(found[1])
    assert count(play.stage.database, "outbox", where) == int(found[1])


@claim(r"クーポン発行=(\d+)・残り(\d+)")
async def _coupon(play: "Play", found: re.Match[str]) -> None:
    assert _of(play, "coupon_issue") == int(found[1])
    ((left,),) = rows(play.stage.database, "SELECT stock - issued FROM coupon")
    assert left == int(found[2])


@claim(r"クーポン発行=(\d+)のまま")
async def _still(play: "Play", found: re.Match[str]) -> None:
    assert count(play.stage.database, "coupon_issue") == int(found[1])


@claim(r"通数 今月([\d,]+)のまま")
async def _counted(play: "Play", found: re.Match[str]) -> None:
    sql = "SELECT counted FROM usage WHERE platform = ? AND month = ?"
    month = play.now.strftime("%Y-%m")
    expected = int(found[1].replace(",", ""))
    assert rows(play.stage.database, sql, play.stage.platform, month) == [(expected,)]
    assert play.stage.counted() in {None, expected}


@claim(r"アンケートは再開しない")
async def _not_asked(play: "Play", _: re.Match[str]) -> None:
    assert _of(play, "conversation", "feature = ''") == 1


@claim(r"自己紹介=(.*)")
async def _introduction(play: "Play", found: re.Match[str]) -> None:
    member_id = _member(play)
    sql = "SELECT text, media_id FROM introduction WHERE member_id = ?"
    ((text, media_id),) = rows(play.stage.database, sql, member_id)
    if text is not None:
        with _cipher(play) as cipher:
            assert cipher.text(text, f"introduction:{member_id}") == found[1]
    else:
        assert found[1] == "写真"
        assert count(play.stage.database, "media", "id = ? AND member_id = ?", media_id, member_id)


@claim(r"写真\{(\w+)\}(が開ける|は開けない)")
async def _picture(play: "Play", found: re.Match[str]) -> None:
    address = play.stage.address(f"/media/member/{play.bound[found[1]]}.jpg")
    async with aiohttp.ClientSession() as session, session.get(address) as response:
        content = await response.read()
    if found[2] == "が開ける":
        assert (response.status, response.content_type) == (200, "image/jpeg")
        assert Image.open(io.BytesIO(content)).size == (64, 48)
    else:
        assert response.status == 404


@claim(r"自己紹介なし")
async def _no_introduction(play: "Play", _: re.Match[str]) -> None:
    assert _of(play, "introduction") == _of(play, "media") == 0


@claim(r"送信=(停止|いつもどおり)")
async def _stopped(play: "Play", found: re.Match[str]) -> None:
    stopped = count(play.stage.database, "state", "name = 'stop'")
    assert stopped == (found[1] == "停止")


@claim(r"(\S+)のLINE id・本文・住所の検索結果=0")
async def _forgotten(play: "Play", found: re.Match[str]) -> None:
    """Look for the account's id and everything that was ever typed, in every cell and file."""
    who = found[1]
    canaries = [play.stage.user_id(who), *play.said[who]]
    # The words of the bot itself are nobody's data.
    values = [value for value in canaries if value not in {"消して", "メニュー"}]
    assert len(values) > 1, "nothing was typed: the search would prove nothing"
    # The writer empties the log a moment after the answer; a minute is what is promised.
    await until(lambda: not list(findings(play, values)))


def findings(play: "Play", values: list[str]) -> Iterator[str]:
    folder = play.stage.database.parent
    kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    kept["log"] = play.stage.written
    kept.update(_cells(play))
    for place, content in kept.items():
        for value in values:
            if any(form in content for form in _forms(value)):
                yield f"{place}: {value}"


def _forms(value: str) -> Iterator[bytes]:
    """Yield a value as it may be written: plain, or escaped as JSON does."""
    yield value.encode()
    yield json.dumps(value)[1:-1].encode()
    yield value.encode("utf-16-le")


def _cells(play: "Play") -> Iterator[tuple[str, bytes]]:
    """Yield the content of every cell, opened where it is sealed and the key is still there."""
    with closing(sqlite3.connect(play.stage.database)) as connection, _cipher(play) as cipher:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for number, row in enumerate(connection.execute(f"SELECT * FROM {table}")):  # noqa: S608
                for place, cell in enumerate(row):
                    yield f"{table} row {number} column {place}", _opened(cipher, cell)


def _opened(cipher: Cipher, cell: object) -> bytes:
    """Return a cell's bytes; what is sealed comes with what it is bound to, as it was sealed."""
    if not isinstance(cell, bytes):
        return str(cell).encode("utf-8", "replace")
    found = SEALED.match(cell)
    if found is None:
        return cell
    try:
        key = cipher.keyring.key_of(int(found[1])) if found[1] else Fernet(KEY)
        return key.decrypt(cell[found.start("token") :])
    except (InvalidToken, SealBroken):
        return cell


@contextmanager
def _cipher(play: "Play") -> Iterator[Cipher]:
    """Open the community's and the members' keys beside the process."""
    cipher = open_cipher(Settings.read(environment(play.stage.database.parent, {})))
    try:
        yield cipher
    finally:
        cipher.keyring.close()
