"""LINE's hot calls over real sockets: each answer of LINE, and what it means for the message."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from aiohttp import ClientTimeout, web

from adapters.line import client as module
from adapters.line.client import Answer, Client, failure
from adapters.line.settings import Settings
from adapters.line.simulator.simulator import LineSimulator
from adapters.simulation.faults import Fault, FaultScript, Harm
from adapters.simulation.server import serving
from bot.adapter import Delivery, Payload, Via
from bot.errors import Rejected, RetryLater, Undeliverable, Unreachable
from bot.events import Account, Address, ReplyHandle

SECRET, TOKEN = "a-channel-secret-of-32-characters", "a-channel-access-token"
KEY = UUID("6f9619ff-8b86-5011-b42d-00cf4fc964ff")
HELLO: Payload = {"type": "text", "text": "こんにちは {花子}"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def settings(base: str, token: str = TOKEN) -> Settings:
    return Settings.read(
        {
            "LINE_CHANNEL_SECRET": SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": token,
            "LINE_API_BASE": base,
        },
    )


@asynccontextmanager
async def calling(base: str, token: str = TOKEN) -> AsyncIterator[Client]:
    client = Client(settings(base, token))
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[Client]:
    """A client before a server that answers every call as `handler` does."""
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", handler)
    async with serving(app) as base, calling(base) as client:
        yield client


@pytest.fixture
async def line() -> AsyncIterator[LineSimulator]:
    async with LineSimulator(secret=SECRET, token=TOKEN) as simulator:
        yield simulator


@pytest.fixture
async def client(line: LineSimulator) -> AsyncIterator[Client]:
    async with calling(line.url) as client:
        yield client


def reply(token: str, *payloads: Payload) -> Delivery:
    address = Address("line", Account("line", "", "U1"), "U1", reply=ReplyHandle(token))
    return Delivery(address, Via.REPLY, payloads or (HELLO,), KEY)


def push(to: str, *payloads: Payload) -> Delivery:
    return Delivery(Address("line", None, to), Via.PUSH, payloads or (HELLO,), KEY)


def once(harm: Harm, status: int = 500) -> FaultScript:
    chance = Random(0)
    return FaultScript([Fault(harm=harm, status=status, times=1)], chance)


async def refusal(client: Client, delivery: Delivery) -> Undeliverable:
    with pytest.raises(Undeliverable) as caught:
        await client.send(delivery)
    assert caught.value.__cause__ is None
    return caught.value


async def test_a_reply_arrives_and_costs_nothing(line: LineSimulator, client: Client) -> None:
    hanako = line.member("hanako")
    receipt = await client.send(reply(hanako.followed()["replyToken"]))
    assert receipt.platform_id
    assert (receipt.counted, receipt.already) == (0, False)
    assert (await hanako.next()).text == HELLO["text"]
    assert line.used == 0


async def test_a_push_arrives_and_is_counted_once(line: LineSimulator, client: Client) -> None:
    hanako = line.member("hanako", friend=True)
    receipt = await client.send(push(hanako.user_id))
    assert (receipt.counted, receipt.already) == (1, False)
    again = await client.send(push(hanako.user_id))
    assert (again.counted, again.already) == (1, True)
    assert again.platform_id == receipt.platform_id
    assert (line.used, len(hanako.inbox)) == (1, 1)


async def test_a_used_token_is_told_apart(line: LineSimulator, client: Client) -> None:
    token = line.member("hanako").followed()["replyToken"]
    await client.send(reply(token))
    error = await refusal(client, reply(token))
    assert isinstance(error, Unreachable)
    assert error.reason == "token_used"


async def test_an_expired_token_is_told_apart(line: LineSimulator, client: Client) -> None:
    line.token_seconds = -1
    error = await refusal(client, reply(line.member("hanako").followed()["replyToken"]))
    assert isinstance(error, Unreachable)
    assert error.reason == "token_used"


async def test_a_reply_without_a_token_never_leaves(line: LineSimulator, client: Client) -> None:
    delivery = Delivery(Address("line", None, "U1"), Via.REPLY, (HELLO,), KEY)
    error = await refusal(client, delivery)
    assert isinstance(error, Unreachable)
    assert error.reason == "no_token"
    assert line.log == []


async def test_somebody_who_is_no_friend_has_left(line: LineSimulator, client: Client) -> None:
    error = await refusal(client, push(line.member("stranger").user_id))
    assert isinstance(error, Unreachable)
    assert error.reason == "left"


async def test_the_monthly_limit_is_no_rate_limit(line: LineSimulator, client: Client) -> None:
    hanako = line.member("hanako", friend=True)
    line.limit = 0
    error = await refusal(client, push(hanako.user_id))
    assert isinstance(error, Unreachable)
    assert error.reason == "quota"


async def test_a_rate_limit_asks_for_patience(line: LineSimulator, client: Client) -> None:
    line.rates = {"*": (1, 3_600.0)}
    hanako = line.member("hanako", friend=True)
    await client.send(push(hanako.user_id))
    error = await refusal(client, push(hanako.user_id))
    assert isinstance(error, RetryLater)
    assert (error.reason, error.after, error.ambiguous) == ("rate", timedelta(seconds=1), False)


async def test_a_refused_token_is_unauthorised(line: LineSimulator) -> None:
    async with calling(line.url, "another-token") as client:
        error = await refusal(client, push("U1"))
    assert isinstance(error, Unreachable)
    assert error.reason == "unauthorised"


async def test_a_message_past_a_limit_names_the_place_and_not_the_words(
    line: LineSimulator, client: Client
) -> None:
    token = line.member("hanako").followed()["replyToken"]
    error = await refusal(client, reply(token, {"type": "text", "text": "秘密" * 2_501}))
    assert isinstance(error, Rejected)
    assert error.detail == "400: messages[0].text"


@pytest.mark.parametrize("harm", [Harm.REFUSE_DONE, Harm.DROP_DONE])
async def test_a_push_whose_answer_is_lost_is_sent_once(
    line: LineSimulator, client: Client, harm: Harm
) -> None:
    hanako = line.member("hanako", friend=True)
    line.faults = once(harm)
    error = await refusal(client, push(hanako.user_id))
    assert isinstance(error, RetryLater)
    assert error.ambiguous
    assert (await client.send(push(hanako.user_id))).already
    assert (line.used, line.totals.doubled, len(hanako.inbox)) == (1, 0, 1)


@pytest.mark.parametrize("harm", [Harm.REFUSE_DONE, Harm.DROP_DONE])
async def test_a_reply_whose_answer_is_lost_is_sent_once(
    line: LineSimulator, client: Client, harm: Harm
) -> None:
    hanako = line.member("hanako")
    token = hanako.followed()["replyToken"]
    line.faults = once(harm)
    lost = await refusal(client, reply(token))
    assert isinstance(lost, RetryLater)
    assert lost.ambiguous
    again = await refusal(client, reply(token))
    assert isinstance(again, Unreachable)
    assert again.reason == "token_used"
    assert len(hanako.inbox) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_failing_line_is_asked_again(
    line: LineSimulator, client: Client, status: int
) -> None:
    line.faults = once(Harm.REFUSE, status)
    error = await refusal(client, push("U1"))
    assert isinstance(error, RetryLater)
    assert (error.reason, error.ambiguous) == ("unavailable", True)


async def test_a_line_that_nobody_listens_on_was_never_reached() -> None:
    async with serving(web.Application()) as base:
        gone = base
    async with calling(gone) as client:
        error = await refusal(client, push("U1"))
    assert isinstance(error, RetryLater)
    assert (error.reason, error.ambiguous) == ("unreachable", False)


async def test_a_line_that_never_answers_may_have_done_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_TIMEOUT", ClientTimeout(total=0.1))

    async def silent(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async with answering(silent) as client:
        error = await refusal(client, push("U1"))
    assert isinstance(error, RetryLater)
    assert (error.reason, error.ambiguous) == ("lost", True)


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (502, b"<html>bad gateway</html>", {}, RetryLater),
        (429, b"\xff\xfe", {}, RetryLater),
        (403, b'{"message":"Access to this API is not available"}', {}, Unreachable),
        (400, b"null", {}, Rejected),
        (400, b'{"message":5,"details":{}}', {}, Rejected),
        (404, b"", {}, Rejected),
        (413, b"[]", {}, Rejected),
        (302, b"", {"Location": "http://169.254.169.254/"}, Rejected),
        (409, b'{"message":"Conflict"}', {}, Rejected),
    ],
)
async def test_an_answer_of_any_shape_is_one_of_three_errors(
    status: int, body: bytes, headers: dict[str, str], expected: type[Undeliverable]
) -> None:
    async def odd(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    async with answering(odd) as client:
        assert type(await refusal(client, reply("token"))) is expected


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"{", b'{"sentMessages":[]}'])
async def test_an_accepted_send_is_accepted_whatever_else_it_says(body: bytes) -> None:
    async def curt(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async with answering(curt) as client:
        assert (await client.send(reply("token"))).platform_id == ""


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [("", 1), ("0", 1), ("30", 30), ("9999", 3_600), ("99999", 1), ("0.5", 1), ("-1", 1)],
)
def test_a_gateways_retry_after_is_kept_within_reason(stated: str, seconds: int) -> None:
    error = failure(Answer(429, {"retry-after": stated}, {}))
    assert isinstance(error, RetryLater)
    assert error.after == timedelta(seconds=seconds)


def test_a_refusals_detail_keeps_only_what_looks_like_a_place() -> None:
    details = [{"property": "messages[0].text"}, {"property": "花子さんの住所"}, {}, None]
    error = failure(Answer(400, {}, {"message": "花子", "details": details}))
    assert str(error) == "400: messages[0].text"


async def test_only_pushes_carry_a_retry_key() -> None:
    keys: list[str | None] = []

    async def heed(request: web.Request) -> web.Response:
        keys.append(request.headers.get("X-Line-Retry-Key"))
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert request.content_type == "application/json"
        return web.Response()

    async with answering(heed) as client:
        await client.send(push("U1"))
        await client.send(reply("token"))
    assert keys == [str(KEY), None]


async def test_hundred_sends_share_the_session(line: LineSimulator, client: Client) -> None:
    line.latency = 0.05
    members = [line.member(f"member{number}") for number in range(100)]
    tokens = [member.followed()["replyToken"] for member in members]
    async with asyncio.timeout(2):
        await asyncio.gather(*(client.send(reply(token)) for token in tokens))
    assert line.totals.delivered == 100


async def test_content_is_downloaded_by_its_name(line: LineSimulator, client: Client) -> None:
    picture = b"\xff\xd8\xff" + bytes(100_000)
    content = line.member("hanako").sent_image(picture)["message"]
    assert await client.download(content["id"]) == picture


async def test_content_that_line_forgot_is_gone(client: Client) -> None:
    with pytest.raises(Unreachable, match="gone"):
        await client.download("1")


@pytest.mark.parametrize("name", ["", "../bot/info", "1/2", "1?x=1", "１", "a b"])
async def test_a_name_that_is_no_message_id_never_leaves(
    line: LineSimulator, client: Client, name: str
) -> None:
    with pytest.raises(Rejected):
        await client.download(name)
    assert line.log == []


async def test_content_that_is_still_prepared_is_asked_for_again() -> None:
    async def preparing(_: web.Request) -> web.Response:
        return web.Response(status=202)

    async with answering(preparing) as client:
        with pytest.raises(RetryLater, match="preparing"):
            await client.download("1")


@pytest.mark.parametrize("over", [0, 1])
async def test_a_download_is_bounded(monkeypatch: pytest.MonkeyPatch, over: int) -> None:
    monkeypatch.setattr(module, "DOWNLOAD_BYTES", 1_000_000)

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(1_000_000 + over))

    async with answering(large) as client:
        if over:
            with pytest.raises(Rejected, match="too large"):
                await client.download("1")
        else:
            assert len(await client.download("1")) == 1_000_000


async def test_a_closed_client_opens_again(line: LineSimulator, client: Client) -> None:
    hanako = line.member("hanako")
    await client.send(reply(hanako.followed()["replyToken"]))
    await client.close()
    await client.send(reply(hanako.followed()["replyToken"]))
    assert len(hanako.inbox) == 2
