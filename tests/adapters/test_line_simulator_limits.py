"""What LINE refuses, the simulator refuses, and says where; what LINE takes, passes."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.line.simulator.findings import Json
from adapters.line.simulator.limits import CHECKED_PATHS, violations
from adapters.line.simulator.simulator import LineSimulator
from tests.adapters.line_contract import api_contract
from tests.adapters.line_world import (
    FLEX_TEXT,
    LABEL_20,
    MESSAGE,
    Bot,
    bubble,
    buttons,
    call,
    carousel,
    date,
    flex,
    image,
    postback,
    quick,
    reply,
    running,
    text,
)


@pytest.fixture
async def world() -> AsyncIterator[tuple[LineSimulator, Bot]]:
    async with running(contract=api_contract()) as pair:
        yield pair


# ── limits ───────────────────────────────────────────────────────────────────────────────────

FINE: list[Json] = [
    text("🍎" * 2_500),
    quick(*[postback(LABEL_20)] * 13),
    quick(postback("a", "d" * 300)),
    buttons(4, "あ" * 160),
    buttons(1, "あ" * 60, title="題" * 40),
    carousel(10),
    flex({"type": "carousel", "contents": [bubble(FLEX_TEXT)] * 12}),
    flex(bubble({"type": "button", "action": postback("あ" * 40)["action"]})),
    image("https://example.com/media/a.png"),
    date(min="2026-12-20", max="2027-12-20"),
    {"type": "sticker", "packageId": "446", "stickerId": "1988"},
]
BROKEN: list[tuple[Json, str]] = [
    (text("🍎" * 2_500 + "a"), "messages[0].text"),
    (text(""), "messages[0].text"),
    (text("\n"), "messages[0].text"),
    (quick(*[postback("a")] * 14), "messages[0].quickReply.items"),
    (quick(postback(LABEL_20 + "a")), "messages[0].quickReply.items[0].action.label"),
    (quick(postback("a", "d" * 301)), "messages[0].quickReply.items[0].action.data"),
    (quick({"type": "action"}), "messages[0].quickReply.items[0].action"),
    (quick(), "messages[0].quickReply.items"),
    (buttons(5), "messages[0].template.actions"),
    (buttons(4, "あ" * 161), "messages[0].template.text"),
    (buttons(1, "あ" * 61, title="題"), "messages[0].template.text"),
    (buttons(1, title="題" * 41), "messages[0].template.title"),
    ({**buttons(1), "altText": "あ" * 401}, "messages[0].altText"),
    (carousel(11), "messages[0].template.columns"),
    (carousel(1, text="あ" * 121), "messages[0].template.columns[0].text"),
    (flex({"type": "carousel", "contents": [bubble(FLEX_TEXT)] * 13}), "messages[0].contents"),
    (flex({"type": "carousel", "contents": []}), "messages[0].contents"),
    (flex(bubble({"type": "text", "text": "あ" * 10_000})), "messages[0].contents"),
    (flex(bubble({"type": "text", "text": ""})), "messages[0].contents.body.contents[0].text"),
    (flex(bubble({"type": "button"})), "messages[0].contents.body.contents[0].action"),
    (flex({"type": "bubble"}), "messages[0].contents"),
    (image("http://example.com/a.png"), "messages[0].originalContentUrl"),
    (image("http://127.0.0.1:1/a.png"), "messages[0].originalContentUrl"),
    (date(min="2026-12-20", max="2026-12-19"), "messages[0].quickReply.items[0].action.min"),
    (date(initial="12/20"), "messages[0].quickReply.items[0].action.mode"),
    ({"type": "hologram"}, "messages[0].type"),
]


@pytest.mark.parametrize("message", FINE)
async def test_what_keeps_the_limits_passes(
    world: tuple[LineSimulator, Bot], message: Json
) -> None:
    line, _ = world
    hanako = line.member("花子", friend=True)
    status, body, _ = await call(
        line, f"{MESSAGE}/push", {"to": hanako.user_id, "messages": [message]}
    )
    assert (status, body.get("details")) == (200, None)


@pytest.mark.parametrize(("message", "where"), BROKEN)
async def test_what_breaks_a_limit_is_named(
    world: tuple[LineSimulator, Bot], message: Json, where: str
) -> None:
    line, bot = world
    await line.member("花子").say("やあ")
    status, body, _ = await call(line, f"{MESSAGE}/reply", reply(bot.events[0], message))
    assert status == 400
    assert any(detail["property"].startswith(where) for detail in body["details"]), body
    for kind in ("reply", "push", "multicast"):
        path = f"{MESSAGE}/validate/{kind}"
        assert (await call(line, path, {"messages": [message]}))[0] == 400
    assert line.member("花子").inbox == []


async def test_whole_requests_have_limits_too(world: tuple[LineSimulator, Bot]) -> None:
    line, bot = world
    hanako = line.member("花子", friend=True)
    await hanako.say("やあ")
    six = reply(bot.events[0], *[text()] * 6)
    assert (await call(line, f"{MESSAGE}/reply", six))[0] == 400
    twice = {"to": [hanako.user_id] * 2, "messages": [text()]}
    assert (await call(line, f"{MESSAGE}/multicast", twice))[0] == 400
    many = {"to": [f"U{number:032x}" for number in range(501)], "messages": [text()]}
    assert (await call(line, f"{MESSAGE}/multicast", many))[0] == 400
    assert (await call(line, f"{MESSAGE}/push", {"to": "花子", "messages": [text()]}))[0] == 400


async def test_the_contract_catches_what_limits_do_not_know() -> None:
    async with running(contract=api_contract()) as (line, _):
        hanako = line.member("花子", friend=True)
        typo = {"to": hanako.user_id, "messages": [{**text(), "qickReply": {}}]}
        status, body, _ = await call(line, f"{MESSAGE}/push", typo)
    assert status == 400
    assert "qickReply" in body["details"][0]["message"]


async def test_plain_http_pictures_pass_on_loopback_when_allowed() -> None:
    async with running(http_media=True, contract=api_contract()) as (line, _):
        hanako = line.member("花子", friend=True)
        local, away = image("http://127.0.0.1:8000/media/a.png"), image("http://example.com/a.png")
        push = f"{MESSAGE}/push"
        assert (await call(line, push, {"to": hanako.user_id, "messages": [local]}))[0] == 200
        assert (await call(line, push, {"to": hanako.user_id, "messages": [away]}))[0] == 400
        assert (await hanako.next()).images == ("http://127.0.0.1:8000/media/a.png",)


KEYS = st.sampled_from(
    [
        "type",
        "text",
        "messages",
        "to",
        "replyToken",
        "quickReply",
        "items",
        "action",
        "actions",
        "label",
        "data",
        "mode",
        "min",
        "max",
        "template",
        "columns",
        "contents",
        "body",
        "hero",
        "layout",
        "altText",
        "substitution",
        "sender",
        "name",
        "size",
        "areas",
        "bounds",
        "width",
        "x",
        "limit",
        "customAggregationUnits",
        "uri",
        "title",
        "url",
    ]
)
KINDS = st.sampled_from(
    [
        "text",
        "textV2",
        "flex",
        "template",
        "buttons",
        "carousel",
        "confirm",
        "bubble",
        "box",
        "button",
        "postback",
        "uri",
        "date",
        "datetimepicker",
        "vertical",
        "action",
        "image",
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)


@given(path=st.sampled_from(sorted(CHECKED_PATHS)), body=ANYTHING)
def test_any_json_gets_a_list_and_never_an_exception(path: str, body: object) -> None:
    assert all(each.message for each in violations(path, body))


@given(
    message=st.sampled_from([message for message, _ in BROKEN] + FINE), change=ANYTHING, key=KEYS
)
def test_any_change_of_a_message_too(message: Json, change: object, key: str) -> None:
    violations(f"{MESSAGE}/push", {"to": "U", "messages": [{**message, key: change}]})
