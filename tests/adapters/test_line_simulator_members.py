"""Members act, webhooks arrive as LINE sends them, and the inbox is what a person sees."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from linebot.v3.messaging import (
    AsyncApiClient,
    AsyncMessagingApiBlob,
    Configuration,
)

from adapters.line.simulator.simulator import LineSimulator
from adapters.simulation.server import serving
from tests.adapters.line_contract import api_contract, webhook_contract
from tests.adapters.line_world import (
    FLEX_TEXT,
    MESSAGE,
    NOON,
    SECRET,
    TOKEN,
    Bot,
    bubble,
    buttons,
    call,
    flex,
    png,
    postback,
    quick,
    refused,
    reply,
    running,
    text,
)


@pytest.fixture
async def world() -> AsyncIterator[tuple[LineSimulator, Bot]]:
    async with running(contract=api_contract()) as pair:
        yield pair


# ── members and webhooks ─────────────────────────────────────────────────────────────────────


async def test_every_event_keeps_the_official_contract(world: tuple[LineSimulator, Bot]) -> None:
    line, bot = world
    hanako = line.member("花子")
    await hanako.follow()
    await hanako.say("やあ 🍎")
    picker = {"type": "datetimepicker", "label": "日付", "data": "pick", "mode": "date"}
    message = quick(postback("はい"), {"type": "action", "action": picker})
    await call(line, f"{MESSAGE}/reply", reply(bot.events[-1], message))
    await hanako.tap("はい")
    await hanako.pick("2026-12-24")
    await hanako.sticker()
    await hanako.image(png(2, 2))
    await hanako.unsend()
    await hanako.unfollow()
    await hanako.unblock()
    contract = webhook_contract()
    for body in bot.bodies:
        assert contract(json.loads(body)) == []
    assert [event["type"] for event in bot.events] == [
        *("follow", "message", "postback", "postback", "message", "message"),
        *("unsend", "unfollow", "follow"),
    ]
    assert bot.events[3]["postback"] == {"data": "pick", "params": {"date": "2026-12-24"}}
    assert bot.events[-1]["follow"] == {"isUnblocked": True}
    ids = [event["webhookEventId"] for event in bot.events]
    assert len(set(ids)) == len(ids)
    assert {len(each) for each in ids} == {26}
    assert all(event["timestamp"] == NOON.timestamp() * 1000 for event in bot.events)


async def test_pictures_are_fetched_until_they_are_unsent(
    world: tuple[LineSimulator, Bot],
) -> None:
    line, bot = world
    hanako = line.member("花子")
    picture = png(2, 2)
    await hanako.image(picture)
    number = bot.events[0]["message"]["id"]
    async with AsyncApiClient(Configuration(access_token=TOKEN, host=line.url)) as client:
        blob = AsyncMessagingApiBlob(client)
        assert bytes(await blob.get_message_content(number)) == picture
        await hanako.unsend()
        assert bot.events[1]["unsend"] == {"messageId": number}
        with refused(404):
            await blob.get_message_content(number)


async def test_buttons_are_pressed_where_a_thumb_reaches_them(
    world: tuple[LineSimulator, Bot],
) -> None:
    line, bot = world
    hanako = line.member("花子")
    await line.post([hanako.said("あ"), hanako.said("い")])
    first, second = bot.events
    await call(line, f"{MESSAGE}/reply", reply(first, buttons(2), quick(postback("はい", "yes"))))
    seen = await hanako.next()
    assert seen.labels == ("0", "1", "はい")
    assert seen.text == "どれ？\nこんにちは"
    await call(line, f"{MESSAGE}/reply", reply(second, flex(bubble(FLEX_TEXT))))
    with pytest.raises(LookupError, match="there are: 0, 1"):
        await hanako.tap("はい")
    await hanako.tap("1")
    await hanako.tap(seen.buttons[-1])
    assert bot.events[-1]["postback"] == {"data": "yes"}


async def test_an_event_that_is_not_taken_comes_again() -> None:
    async with running(redelivery=(0.0, 0.0, 0.0)) as (line, bot):
        bot.statuses = [503, 500]
        hanako = line.member("花子")
        outcome = await hanako.say("やあ")
        assert outcome.statuses == (503, 500, 200)
        assert [event["deliveryContext"]["isRedelivery"] for event in bot.events] == [
            *(False, True, True),
        ]
        assert len({event["webhookEventId"] for event in bot.events}) == 1
        assert len({event["replyToken"] for event in bot.events}) == 1


async def test_a_bot_that_is_down_or_slow_gives_no_status() -> None:
    async def sleep(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response()

    app = web.Application()
    app.router.add_post("/", sleep)
    async with running(answer_seconds=0.05) as (line, _), serving(app) as slow:
        line.webhook = slow
        assert (await line.member("花子").say("やあ")).statuses == (0,)
        line.webhook = "http://127.0.0.1:1/"
        assert not (await line.member("花子").say("やあ")).taken


async def test_one_body_many_members_and_copies(world: tuple[LineSimulator, Bot]) -> None:
    line, bot = world
    events = [line.member(f"会員{number}").said("やあ") for number in range(10)]
    await line.post(events)
    assert len(bot.bodies) == 1
    assert len({event["source"]["userId"] for event in bot.events}) == 10
    outcomes = await line.post_copies(events[:1], 4)
    assert [outcome.statuses for outcome in outcomes] == [(200,)] * 4
    await line.post(events, destination="U" + "0" * 32)
    assert json.loads(bot.bodies[-1])["destination"] == "U" + "0" * 32


async def test_attackers_send_any_bytes(world: tuple[LineSimulator, Bot]) -> None:
    line, bot = world
    assert (await line.post_raw(b"\xff{", {"x-line-signature": "forged"})).status == 200
    assert (bot.bodies, bot.signatures) == ([b"\xff{"], ["forged"])
    bot.bodies.clear()
    body = line.body([line.member("花子").said("lone \ud800")])
    await line.post_raw(body)
    assert json.loads(bot.bodies[-1])["events"][0]["message"]["text"] == "lone \ud800"
    assert bot.signatures[-1] == line.sign(body)
    line.mode = "standby"
    await line.member("花子").unknown("hologram")
    assert (bot.events[-1]["type"], bot.events[-1]["mode"]) == ("hologram", "standby")


async def test_waiting_for_a_message(world: tuple[LineSimulator, Bot]) -> None:
    line, _ = world
    hanako = line.member("花子", friend=True)
    with pytest.raises(TimeoutError):
        await hanako.next(0.01)
    body = {"to": hanako.user_id, "messages": [text()]}
    heard, _ = await asyncio.gather(hanako.next(), call(line, f"{MESSAGE}/push", body))
    assert heard.text == "こんにちは"
    assert hanako.heard() == []


async def test_it_runs_as_a_process_of_its_own() -> None:
    app, bot = web.Application(), Bot()
    app.router.add_post("/", bot.hear)
    async with serving(app) as url, aiohttp.ClientSession() as session:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "adapters.line.simulator"),
            *("--secret", SECRET, "--token", TOKEN, "--webhook", url),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        addresses = json.loads(await process.stdout.readline())
        act = {"member": "花子", "do": "say", "with": ["やあ"]}
        async with session.post(f"{addresses['control']}/act", json=act) as response:
            assert await response.json() == {"statuses": [200]}
        own = {"authorization": f"Bearer {TOKEN}"}
        message = quick(postback("はい"))
        api, body = f"{addresses['url']}{MESSAGE}/reply", reply(bot.events[0], message)
        async with session.post(api, json=body, headers=own) as response:
            assert response.status == 200
        async with session.get(f"{addresses['control']}/heard?member=花子") as response:
            heard = await response.json()
        expected = {"via": "reply", "text": "こんにちは", "choices": ["はい"], "images": []}
        assert heard == {"heard": [expected]}
        async with session.get(f"{addresses['control']}/totals") as response:
            assert (await response.json())["replies"] == 1
        async with session.post(f"{addresses['control']}/act", json={**act, "do": "fly"}) as wrong:
            assert wrong.status == 400
        process.terminate()
        assert await process.wait() == 0
