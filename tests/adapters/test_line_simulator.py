"""The simulator is held to LINE's rules by LINE's own SDK, by plain HTTP, and by the contract."""

import json
import time
from collections.abc import AsyncIterator
from random import Random
from uuid import uuid4

import aiohttp
import pytest
from linebot.v3 import WebhookParser
from linebot.v3.messaging import (
    AsyncApiClient,
    AsyncMessagingApi,
    AsyncMessagingApiBlob,
    Configuration,
    MessageAction,
    PushMessageRequest,
    QuickReply,
    QuickReplyItem,
    ReplyMessageRequest,
    RichMenuArea,
    RichMenuBounds,
    RichMenuRequest,
    RichMenuSize,
    ShowLoadingAnimationRequest,
    TextMessage,
)

from adapters.line.simulator.channel import MONTHLY_LIMIT
from adapters.line.simulator.simulator import LineSimulator
from adapters.simulation.faults import Fault, FaultScript, Harm
from tests.adapters.line_contract import api_contract
from tests.adapters.line_world import (
    MESSAGE,
    SECRET,
    TOKEN,
    Bot,
    call,
    png,
    postback,
    quick,
    refused,
    reply,
    running,
    sdk,
    text,
)


@pytest.fixture
async def world() -> AsyncIterator[tuple[LineSimulator, Bot]]:
    async with running(contract=api_contract()) as pair:
        yield pair


# ── replies ──────────────────────────────────────────────────────────────────────────────────


async def test_the_sdk_answers_a_follow_for_free(world: tuple[LineSimulator, Bot]) -> None:
    line, bot = world
    hanako = line.member("花子")
    assert (await hanako.follow()).taken
    parsed = WebhookParser(SECRET).parse(bot.bodies[0].decode(), bot.signatures[0])
    quick = QuickReply(items=[QuickReplyItem(action=MessageAction(label="はじめる", text="start"))])
    async with sdk(line) as api:
        sent = await api.reply_message(
            ReplyMessageRequest(
                replyToken=parsed[0].reply_token,
                messages=[TextMessage(text="ようこそ", quickReply=quick)],
            )
        )
    heard = await hanako.next()
    assert (heard.via, heard.text, heard.labels) == ("reply", "ようこそ", ("はじめる",))
    assert sent.sent_messages[0].id
    assert (line.totals.replies, line.totals.counted, line.used) == (1, 0, 0)
    assert line.log[-1] == ("POST", f"{MESSAGE}/reply", 200)


async def test_a_reply_token_works_once(world: tuple[LineSimulator, Bot]) -> None:
    line, bot = world
    await line.member("花子").say("やあ")
    assert (await call(line, f"{MESSAGE}/reply", reply(bot.events[0])))[0] == 200
    status, body, headers = await call(line, f"{MESSAGE}/reply", reply(bot.events[0]))
    assert (status, body) == (400, {"message": "Invalid reply token"})
    assert "x-line-request-id" in headers
    assert len(line.member("花子").inbox) == 1
    assert line.totals.stale == 1


@pytest.mark.parametrize(("wait", "status"), [(60.0, 200), (60.1, 400)])
async def test_a_reply_token_lives_a_minute(
    world: tuple[LineSimulator, Bot], wait: float, status: int
) -> None:
    line, bot = world
    await line.member("花子").say("やあ")
    line.clock.advance(wait)
    assert (await call(line, f"{MESSAGE}/reply", reply(bot.events[0])))[0] == status


async def test_a_refused_body_leaves_the_token_alive(world: tuple[LineSimulator, Bot]) -> None:
    line, bot = world
    await line.member("花子").say("やあ")
    assert (await call(line, f"{MESSAGE}/reply", reply(bot.events[0], text(""))))[0] == 400
    assert (await call(line, f"{MESSAGE}/reply", reply(bot.events[0])))[0] == 200


async def test_a_reply_takes_no_retry_key(world: tuple[LineSimulator, Bot]) -> None:
    line, bot = world
    await line.member("花子").say("やあ")
    key = {"X-Line-Retry-Key": str(uuid4())}
    assert (await call(line, f"{MESSAGE}/reply", reply(bot.events[0]), key))[0] == 400


# ── counted sends ────────────────────────────────────────────────────────────────────────────


async def test_a_retry_key_delivers_once(world: tuple[LineSimulator, Bot]) -> None:
    line, _ = world
    hanako = line.member("花子", friend=True)
    key = str(uuid4())
    request = PushMessageRequest(to=hanako.user_id, messages=[TextMessage(text="当選です")])
    async with sdk(line) as api:
        first = await api.push_message_with_http_info(request, x_line_retry_key=key)
        with refused(409, "already accepted"):
            await api.push_message(request, x_line_retry_key=key.upper())
    status, body, headers = await call(
        line,
        f"{MESSAGE}/push",
        {"to": hanako.user_id, "messages": [text()]},
        {"X-Line-Retry-Key": key},
    )
    assert status == 409
    assert headers["x-line-accepted-request-id"] == first.headers["x-line-request-id"]
    assert body["sentMessages"][0]["id"] == first.data.sent_messages[0].id
    assert len(hanako.heard()) == 1
    assert (line.totals.repeated, line.totals.counted, line.totals.doubled) == (2, 1, 0)


async def test_a_retry_key_is_forgotten_after_a_day(world: tuple[LineSimulator, Bot]) -> None:
    line, _ = world
    hanako = line.member("花子", friend=True)
    body, key = (
        {"to": hanako.user_id, "messages": [text()]},
        {"X-Line-Retry-Key": str(uuid4())},
    )
    assert (await call(line, f"{MESSAGE}/push", body, key))[0] == 200
    line.clock.advance(24 * 3600)
    assert (await call(line, f"{MESSAGE}/push", body, key))[0] == 200
    assert line.totals.doubled == 1
    assert (await call(line, f"{MESSAGE}/push", body, {"X-Line-Retry-Key": "7"}))[0] == 400


async def test_blocked_people_are_neither_reached_nor_counted(
    world: tuple[LineSimulator, Bot],
) -> None:
    line, _ = world
    hanako, taro = line.member("花子", friend=True), line.member("太郎", friend=True)
    await taro.unfollow()
    both = {"to": [hanako.user_id, taro.user_id], "messages": [text()]}
    assert (await call(line, f"{MESSAGE}/multicast", both))[0] == 200
    alone = {"to": taro.user_id, "messages": [text()]}
    assert (await call(line, f"{MESSAGE}/push", alone))[0] == 200
    assert ([each.via for each in hanako.inbox], taro.inbox) == (["push"], [])
    assert (line.totals.pushes, line.totals.counted, line.used) == (2, 1, 1)
    await taro.unblock()
    assert (await call(line, f"{MESSAGE}/broadcast", {"messages": [text("夏")]}))[0] == 200
    assert [each.text for each in taro.inbox] == ["夏"]


async def test_the_months_limit_is_not_the_rate_limit(world: tuple[LineSimulator, Bot]) -> None:
    line, _ = world
    hanako = line.member("花子", friend=True)
    line.used, line.limit = 4_999, 5_000
    body = {"to": hanako.user_id, "messages": [text()]}
    async with sdk(line) as api:
        assert (await api.get_message_quota()).value == 5_000
        request = PushMessageRequest(to=hanako.user_id, messages=[TextMessage(text="あ")])
        await api.push_message(request)
        assert (await api.get_message_quota_consumption()).total_usage == 5_000
        with refused(429, MONTHLY_LIMIT):
            await api.push_message(request)
    line.limit = None
    line.rates[f"{MESSAGE}/multicast"] = (1, 10.0)
    many = {**body, "to": [hanako.user_id]}
    assert (await call(line, f"{MESSAGE}/multicast", many))[0] == 200
    status, error, _ = await call(line, f"{MESSAGE}/multicast", many)
    assert status == 429
    assert "rate limit" in error["message"]
    line.clock.advance(10.0)
    assert (await call(line, f"{MESSAGE}/multicast", many))[0] == 200


async def test_narrowcast_to_a_handful_fails_later(world: tuple[LineSimulator, Bot]) -> None:
    line, _ = world
    line.member("花子", friend=True)
    status, _, headers = await call(line, f"{MESSAGE}/narrowcast", {"messages": [text()]})
    assert status == 202
    async with sdk(line) as api:
        progress = await api.get_narrowcast_progress(headers["x-line-request-id"])
    assert (progress.phase, progress.error_code) == ("failed", 4)
    assert line.totals.delivered == 0


async def test_the_judge_sees_what_a_person_gets_twice(world: tuple[LineSimulator, Bot]) -> None:
    line, bot = world
    hanako = line.member("花子", friend=True)
    body = {"to": hanako.user_id, "messages": [text()]}
    await call(line, f"{MESSAGE}/push", body)
    await call(line, f"{MESSAGE}/push", body)
    assert line.totals.doubled == 1
    await hanako.say("もう一度")
    await call(line, f"{MESSAGE}/reply", reply(bot.events[0]))
    assert line.totals.doubled == 1


# ── the account ──────────────────────────────────────────────────────────────────────────────


async def test_a_wrong_token_is_refused_everywhere(world: tuple[LineSimulator, Bot]) -> None:
    line, _ = world
    async with sdk(line, "wrong") as api:
        with refused(401, "Authentication failed"):
            await api.get_bot_info()
    async with sdk(line) as api:
        await api.get_bot_info()
        line.token = "revoked and renewed"
        with refused(401):
            await api.get_bot_info()


async def test_profile_and_loading_and_info(world: tuple[LineSimulator, Bot]) -> None:
    line, _ = world
    hanako = line.member("花子", friend=True)
    async with sdk(line) as api:
        assert (await api.get_profile(hanako.user_id)).display_name == "花子"
        await api.show_loading_animation(
            ShowLoadingAnimationRequest(chatId=hanako.user_id, loadingSeconds=5)
        )
        assert (await api.get_bot_info()).user_id == line.user_id
        await hanako.unfollow()
        with refused(404, "Not found"):
            await api.get_profile(hanako.user_id)
    odd = {"chatId": hanako.user_id, "loadingSeconds": 7}
    assert (await call(line, "/v2/bot/chat/loading/start", odd))[0] == 400


async def test_the_webhook_can_be_tested(world: tuple[LineSimulator, Bot]) -> None:
    line, bot = world
    async with sdk(line) as api:
        assert (await api.get_webhook_endpoint()).endpoint == bot.url
        assert (await api.test_webhook_endpoint()).success
        assert json.loads(bot.bodies[0]) == {"destination": line.user_id, "events": []}
        bot.statuses = [401]
        failed = await api.test_webhook_endpoint()
    assert (failed.success, failed.status_code) == (False, 401)


async def test_a_rich_menu_is_created_pictured_shown_and_tapped(
    world: tuple[LineSimulator, Bot],
) -> None:
    line, bot = world
    menu = RichMenuRequest(
        size=RichMenuSize(width=800, height=270),
        selected=True,
        name="メニュー",
        chatBarText="メニュー",
        areas=[
            RichMenuArea(
                bounds=RichMenuBounds(x=0, y=0, width=800, height=270),
                action=MessageAction(label="メニュー", text="メニュー"),
            )
        ],
    )
    async with AsyncApiClient(Configuration(access_token=TOKEN, host=line.url)) as client:
        api, blob = AsyncMessagingApi(client), AsyncMessagingApiBlob(client)
        name = (await api.create_rich_menu(menu)).rich_menu_id
        with refused(400, "must upload richmenu image"):
            await api.set_default_rich_menu(name)
        for picture, status in ((png(800, 271), 400), (png(800, 270), 200)):
            headers = {"Content-Type": "image/png"}
            if status == 200:
                await blob.set_rich_menu_image(name, picture, _headers=headers)
            else:
                with refused(status, "size"):
                    await blob.set_rich_menu_image(name, picture, _headers=headers)
        await api.set_default_rich_menu(name)
        assert (await api.get_default_rich_menu_id()).rich_menu_id == name
        assert [each.name for each in (await api.get_rich_menu_list()).richmenus] == ["メニュー"]
        await line.member("花子").tap("メニュー")
        assert bot.events[-1]["message"]["text"] == "メニュー"
        await api.delete_rich_menu(name)
        with refused(404):
            await api.get_default_rich_menu_id()


# ── faults and speed ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("harm", "told", "seen"),
    [
        (Harm.REFUSE, 500, 0),
        (Harm.REFUSE_DONE, 500, 1),
        (Harm.DROP, 0, 0),
        (Harm.DROP_DONE, 0, 1),
        (Harm.NONE, 200, 1),
    ],
)
async def test_a_fault_tells_the_bot_less_than_the_judge(harm: Harm, told: int, seen: int) -> None:
    script = FaultScript([Fault(harm=harm, path=f"{MESSAGE}/push", times=1)], seeded(7))
    async with running(faults=script) as (line, _):
        hanako = line.member("花子", friend=True)
        key = {"X-Line-Retry-Key": str(uuid4())}
        body = {"to": hanako.user_id, "messages": [text()]}
        try:
            status, _, _ = await call(line, f"{MESSAGE}/push", body, key)
        except aiohttp.ServerDisconnectedError:
            status = 0
        assert (status, len(hanako.inbox)) == (told, seen)
        assert line.log == [("POST", f"{MESSAGE}/push", told)]
        # The same key again: done already or done now, but never twice.
        again, _, _ = await call(line, f"{MESSAGE}/push", body, key)
        assert again == (409 if seen else 200)
        assert len(hanako.inbox) == 1


def seeded(seed: int) -> Random:
    return Random(seed)


def test_a_seeded_script_repeats_and_keeps_its_shares() -> None:
    faults = [
        Fault(harm=Harm.REFUSE, chance=0.15),
        Fault(harm=Harm.REFUSE, status=429, chance=0.10),
        Fault(harm=Harm.DROP_DONE, chance=0.20),
    ]
    one, two = FaultScript(faults, seeded(1)), FaultScript(faults, seeded(1))
    drawn = [one.draw("/") for _ in range(4_000)]
    assert drawn == [two.draw("/") for _ in range(4_000)]
    shares = [drawn.count(fault) / 4_000 for fault in faults]
    assert shares == pytest.approx([0.15, 0.10, 0.20], abs=0.03)


async def test_a_reply_costs_little(world: tuple[LineSimulator, Bot]) -> None:
    """The bench needs a platform that is much cheaper than the bot; a generous bound here."""
    line, _ = world
    hanako = line.member("花子", friend=True)
    message = quick(*[postback(f"えらぶ{number}") for number in range(13)])
    bodies = [reply(hanako.said("やあ"), message) for _ in range(200)]
    own = {"authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(headers=own) as session:
        begun = time.process_time()
        for body in bodies:
            async with session.post(f"{line.url}{MESSAGE}/reply", json=body) as response:
                assert response.status == 200
        each = (time.process_time() - begun) / len(bodies)
    assert len(hanako.inbox) == 200
    assert each < 0.003, f"{each * 1e3:.2f} ms a reply, client included"
