"""Every kind of LINE event, from its sample to an Event; and nothing LINE sends breaks it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.line import receive as module
from adapters.line.receive import receive
from bot.errors import Malformed
from bot.events import (
    Account,
    ChoiceSelected,
    Content,
    Event,
    MemberJoined,
    MemberLeft,
    MessageReceived,
    MessageUnsent,
    ReplyHandle,
    Unknown,
)

SAMPLES = Path(module.__file__).parent / "samples"
BOT = "U" + "b07c0de5" * 4
HANAKO = "U" + "a11ce0a1" * 4

EXPECTED: dict[str, list[tuple[type[Event], dict[str, Any]]]] = {
    "account_link": [(Unknown, {"kind": "accountLink"})],
    "activated": [(Unknown, {"kind": "activated"})],
    "beacon": [(Unknown, {"kind": "beacon"})],
    "bot_resumed": [(Unknown, {"kind": "botResumed"})],
    "bot_suspended": [(Unknown, {"kind": "botSuspended"})],
    "deactivated": [(Unknown, {"kind": "standby"})],
    "delivery_pnp": [(Unknown, {"kind": "delivery"})],
    "follow": [(MemberJoined, {"returning": False})],
    "follow_unblocked": [(MemberJoined, {"returning": True})],
    "join": [(Unknown, {"kind": "join"})],
    "leave": [(Unknown, {"kind": "leave"})],
    "many_members": [
        (MemberJoined, {"returning": False}),
        (MessageReceived, {"text": "２"}),
        (ChoiceSelected, {"value": "menu:show::c2lnbmF0dXJl"}),
        (MessageUnsent, {"message_id": "468789577898262002"}),
    ],
    "member_joined": [(Unknown, {"kind": "memberJoined"})],
    "member_left": [(Unknown, {"kind": "memberLeft"})],
    "membership_joined": [(Unknown, {"kind": "membership"})],
    "message_audio": [(MessageReceived, {"content": Content.AUDIO})],
    "message_edited": [(Unknown, {"kind": "messageEdited"})],
    "message_file": [(MessageReceived, {"content": Content.FILE, "text": ""})],
    "message_image": [(MessageReceived, {"content": Content.IMAGE})],
    "message_image_external": [(MessageReceived, {"content": Content.IMAGE, "attachment": ""})],
    "message_image_set": [(MessageReceived, {"content": Content.IMAGE})],
    "message_location": [(MessageReceived, {"content": Content.LOCATION, "text": ""})],
    "message_sticker": [(MessageReceived, {"content": Content.STICKER, "attachment": ""})],
    "message_text": [(MessageReceived, {"content": Content.TEXT, "text": "はな"})],
    "message_text_emoji": [(MessageReceived, {"text": "(happy)です👨‍👩‍👧"})],
    "message_text_group_mention": [(MessageReceived, {"mentioned": True})],
    "message_text_room_without_user": [(MessageReceived, {"text": "こんにちは"})],
    "message_unknown_kind": [(MessageReceived, {"content": Content.OTHER})],
    "message_video": [(MessageReceived, {"content": Content.VIDEO})],
    "message_without_user": [(Unknown, {"kind": "message"})],
    "module_attached": [(Unknown, {"kind": "module"})],
    "postback": [(ChoiceSelected, {"value": "survey:answer:age.40:c2lnbmF0dXJl", "picked": ""})],
    "postback_date": [(ChoiceSelected, {"picked": "2026-12-24"})],
    "postback_datetime": [(ChoiceSelected, {"picked": "2026-12-24T15:00"})],
    "postback_rich_menu": [(ChoiceSelected, {"value": "menu:page:two:c2lnbmF0dXJl"})],
    "postback_time": [(ChoiceSelected, {"picked": "21:00"})],
    "redelivery": [(MessageReceived, {"text": "もう一度"})],
    "standby": [(Unknown, {"kind": "standby"})],
    "unfollow": [(MemberLeft, {})],
    "unknown_event": [(Unknown, {"kind": "teleported"})],
    "unsend": [(MessageUnsent, {"message_id": "468789577898262001"})],
    "verification_dummy": [(Unknown, {"kind": "verification"})] * 2,
    "verification_empty": [],
    "video_play_complete": [(Unknown, {"kind": "videoPlayComplete"})],
}


def element(event: object) -> bytes:
    return json.dumps({"destination": BOT, "event": event}).encode()


def sample(name: str) -> Iterator[dict[str, Any]]:
    yield from json.loads((SAMPLES / f"{name}.json").read_bytes())["events"]


def message(**changes: object) -> dict[str, Any]:
    return next(sample("message_text")) | changes


def test_every_sample_is_expected_and_every_expectation_has_a_sample() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_becomes_its_event(name: str) -> None:
    events = list(sample(name))
    assert len(events) == len(EXPECTED[name])
    for raw, (kind, fields) in zip(events, EXPECTED[name], strict=True):
        event = receive(element(raw))
        assert type(event) is kind
        assert {field: getattr(event, field) for field in fields} == fields
        assert event.key == raw["webhookEventId"]
        assert event.occurred_at.tzinfo is UTC
        assert event.address.reply == (
            ReplyHandle(raw["replyToken"]) if "replyToken" in raw else None
        )


def test_a_person_is_an_account_of_the_channel_or_of_its_provider() -> None:
    raw = element(message())
    assert receive(raw).address.account == Account("line", BOT, HANAKO)
    assert receive(raw, "1234567890").address.account == Account("line", "1234567890", HANAKO)


def test_a_talk_is_private_only_with_one_person() -> None:
    private = receive(element(message())).address
    assert (private.conversation, private.private) == (HANAKO, True)
    group = receive(element(next(sample("message_text_group_mention")))).address
    assert (group.conversation, group.private) == ("C" + "9a0f0c33" * 4, False)
    assert group.account is not None
    room = receive(element(next(sample("message_text_room_without_user")))).address
    assert (room.conversation, room.private, room.account) == ("R" + "4a00b444" * 4, False, None)


def test_time_is_the_signed_time_to_the_millisecond() -> None:
    event = receive(element(message(timestamp=1_795_138_206_789)))
    assert event.occurred_at == datetime(2026, 11, 20, 1, 30, 6, 789_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "name", ["message_image", "message_video", "message_audio", "message_file"]
)
def test_stored_content_is_named_by_its_message(name: str) -> None:
    raw = next(sample(name))
    event = receive(element(raw))
    assert isinstance(event, MessageReceived)
    assert event.attachment == event.message_id == raw["message"]["id"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a\0b", "ab"),
        ("a\ud800b", "a\ufffdb"),
        ("a\udfff", "a\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("𠮷野家", "𠮷野家"),
        ("か\u3099", "か\u3099"),
        ("", ""),
    ],
)
def test_text_is_cleaned_of_what_no_database_takes(sent: str, kept: str) -> None:
    raw = element(message(message={"type": "text", "id": "1", "text": sent}))
    event = receive(raw)
    assert isinstance(event, MessageReceived)
    assert event.text == kept


@pytest.mark.parametrize("field", ["type", "webhookEventId", "timestamp"])
@pytest.mark.parametrize("value", [None, "", [], {}, True, 1.5, -1, 10**17])
def test_an_event_without_its_promised_fields_is_malformed(field: str, value: object) -> None:
    with pytest.raises(Malformed):
        receive(element(message(**{field: value})))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"event":[]}',
        b"[" * 100_000,
        b'{"destination":"U","event":"follow"}',
    ],
)
def test_what_is_no_element_is_malformed_and_quotes_nothing(raw: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        receive(raw)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "changes",
    [
        {"source": None},
        {"source": {}},
        {"source": {"type": "planet", "planetId": "p"}},
        {"source": {"type": []}},
        {"source": {"type": "group"}},
        {"mode": "standby"},
        {"mode": "hibernating"},
        {"mode": None},
        {"message": None},
        {"message": {"type": "text"}},
        {"type": "postback", "postback": {}},
        {"type": "follow", "source": {"type": "group", "groupId": "C1"}},
        {"type": "unsend"},
    ],
)
def test_what_is_signed_but_not_understood_is_unknown(changes: dict[str, object]) -> None:
    assert type(receive(element(message(**changes)))) is Unknown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["source", "message", "postback", "unsend", "follow", "mode", "replyToken", "type"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.sampled_from(sorted(EXPECTED)))
def test_no_field_of_any_shape_breaks_it(changes: dict[str, object], name: str) -> None:
    for raw in sample(name):
        mutated = raw | changes
        try:
            event = receive(element(mutated))
        except Malformed:
            assert not isinstance(mutated["type"], str) or not mutated["type"].strip("\0")
        else:
            assert event.key == raw["webhookEventId"]
