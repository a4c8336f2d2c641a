"""What tests of LINE share: a bot that takes notes, the SDK, and builders of messages."""

import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from linebot.v3.messaging import (
    ApiException,
    AsyncApiClient,
    AsyncMessagingApi,
    Configuration,
)
from PIL import Image

from adapters.line.simulator.findings import Json
from adapters.line.simulator.simulator import LineSimulator
from adapters.simulation.clock import Clock, standstill
from adapters.simulation.server import serving

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = "simulated-access-token"
NOON = datetime(2026, 12, 20, 3, 0, tzinfo=UTC)
MESSAGE = "/v2/bot/message"


@dataclass
class Bot:
    """A bot that only takes notes. `statuses` are what it answers, 200 when they run out."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def events(self) -> list[Json]:
        return [event for body in self.bodies for event in json.loads(body)["events"]]

    async def hear(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.signatures.append(request.headers.get("x-line-signature", ""))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[tuple[LineSimulator, Bot]]:
    bot = Bot()
    app = web.Application()
    app.router.add_post("/line/webhook", bot.hear)
    clock = Clock(NOON, tick=standstill)
    async with serving(app) as url:
        bot.url = f"{url}/line/webhook"
        made = LineSimulator(
            secret=SECRET, token=TOKEN, webhook=bot.url, **{"clock": clock, **settings}
        )
        async with made as line:
            yield line, bot


@asynccontextmanager
async def sdk(line: LineSimulator, token: str = TOKEN) -> AsyncIterator[AsyncMessagingApi]:
    async with AsyncApiClient(Configuration(access_token=token, host=line.url)) as client:
        yield AsyncMessagingApi(client)


@contextmanager
def refused(status: int, words: str = "") -> Iterator[None]:
    with pytest.raises(ApiException) as caught:
        yield
    assert caught.value.status == status
    assert words in caught.value.body
    assert "x-line-request-id" in {name.lower() for name in caught.value.headers}
    assert "retry-after" not in {name.lower() for name in caught.value.headers}


async def call(
    line: LineSimulator, path: str, body: Json, headers: dict[str, str] | None = None
) -> tuple[int, Json, dict[str, str]]:
    own = {"authorization": f"Bearer {TOKEN}", **(headers or {})}
    async with (
        aiohttp.ClientSession() as session,
        session.post(line.url + path, json=body, headers=own) as response,
    ):
        found = {name.lower(): value for name, value in response.headers.items()}
        return response.status, await response.json(), found


def text(words: str = "こんにちは") -> Json:
    return {"type": "text", "text": words}


def reply(event: Json, *messages: Json) -> Json:
    return {"replyToken": event["replyToken"], "messages": list(messages) or [text()]}


def postback(label: str, data: str = "survey:pick:1") -> Json:
    return {"type": "action", "action": {"type": "postback", "label": label, "data": data}}


BUTTONS = {"type": "template", "altText": "えらぶ"}
FLEX_TEXT = {"type": "text", "text": "本文"}
LABEL_20 = "👨‍👩‍👧" * 20


def buttons(count: int, words: str = "どれ？", **own: Any) -> Json:
    actions = [postback(str(number))["action"] for number in range(count)]
    return {**BUTTONS, "template": {"type": "buttons", "text": words, "actions": actions, **own}}


def flex(contents: Json) -> Json:
    return {"type": "flex", "altText": "カード", "contents": contents}


def bubble(*components: Json) -> Json:
    body = {"type": "box", "layout": "vertical", "contents": list(components)}
    return {"type": "bubble", "body": body}


def quick(*items: Json) -> Json:
    return {**text(), "quickReply": {"items": list(items)}}


def image(address: str) -> Json:
    return {"type": "image", "originalContentUrl": address, "previewImageUrl": address}


def carousel(count: int, **own: Any) -> Json:
    column = {"text": "列", "actions": [postback("a")["action"]], **own}
    return {**BUTTONS, "template": {"type": "carousel", "columns": [column] * count}}


def date(**own: str) -> Json:
    action = {"type": "datetimepicker", "label": "日付", "data": "d", "mode": "date", **own}
    return quick({"type": "action", "action": action})


def png(width: int, height: int) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (width, height)).save(target, "PNG")
    return target.getvalue()
