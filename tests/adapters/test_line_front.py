"""LINE's front door: what is let in, and what is quarantined."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from adapters.line.front import FUTURE, STALE, FrontDoor, authentic, split
from adapters.line.receive import receive
from bot.errors import Busy, Malformed, StoreDown
from tests.adapters.line_door import (
    BOT,
    NEW,
    NOW,
    OLD,
    SAMPLES,
    Stage,
    event,
    knock,
    signature,
    signed,
    webhook,
)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def door(stage: Stage) -> FrontDoor:
    return FrontDoor((NEW, OLD), stage, NOW.timestamp, lambda: BOT, read_seconds=0.3)


@pytest.mark.parametrize("name", SAMPLES)
async def test_every_sample_is_stored_without_fault(
    door: FrontDoor, stage: Stage, name: str
) -> None:
    body = SAMPLES[name]
    assert await signed(door, body) == 200
    events = json.loads(body)["events"]
    assert [element.key for element in stage.kept] == [one["webhookEventId"] for one in events]
    for element, one in zip(stage.kept, events, strict=True):
        assert element.fault == ""
        assert json.loads(element.raw) == {"destination": BOT, "event": one}
        assert receive(element.raw).occurred_at == element.occurred_at


BODY = webhook(event())
GOOD = signature(BODY)
ODD_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "absent": (),
    "empty": (b"",),
    "blank": (b" ",),
    "two": (GOOD, GOOD),
    "two, the first bad": (b"x", GOOD),
    "joined by a comma": (GOOD + b"," + GOOD,),
    "cut": (GOOD[:-1],),
    "cut to nothing but padding": (b"=",),
    "longer": (GOOD + b"A",),
    "without padding": (GOOD.rstrip(b"="),),
    "more padding": (GOOD + b"=",),
    "newline": (GOOD + b"\n",),
    "leading space": (b" " + GOOD,),
    "other case": (GOOD.swapcase(),),
    "URL-safe alphabet": (base64.urlsafe_b64encode(hmac.digest(NEW, BODY + b"3", "sha256")),),
    "hexadecimal": (hmac.new(NEW, BODY, hashlib.sha256).hexdigest().encode(),),
    "with a prefix": (b"sha256=" + GOOD,),
    "other hash": (base64.b64encode(hmac.digest(NEW, BODY, "sha1")),),
    "other body": (signature(BODY + b" "),),
    "other secret": (signature(BODY, b"somebody-elses-secret"),),
    "empty secret": (signature(BODY, b""),),
    "both secrets as one": (signature(BODY, NEW + b"," + OLD),),
    "not ASCII": ("é".encode("latin-1") * 44,),
    "UTF-8": ("署名".encode(),),
    "full-width": (GOOD.decode().translate({ord("="): "＝"}).encode(),),
    "NUL": (b"\0" * 44,),
    "high bytes": (bytes(range(128, 256)),),
    "junk": (b"!!!not base64!!!",),
    "enormous": (b"A" * 100_000,),
}


@pytest.mark.parametrize("case", ODD_SIGNATURES)
async def test_an_odd_signature_is_401_and_nothing_is_stored(
    door: FrontDoor, stage: Stage, case: str
) -> None:
    assert await knock(door, BODY, *ODD_SIGNATURES[case]) == 401
    assert stage.kept == []


@pytest.mark.parametrize("secret", [NEW, OLD])
async def test_both_secrets_are_good_while_they_overlap(
    door: FrontDoor, stage: Stage, secret: bytes
) -> None:
    assert await knock(door, BODY, signature(BODY, secret)) == 200
    assert len(stage.kept) == 1


def test_a_secret_that_was_taken_out_is_good_no_longer() -> None:
    assert authentic(BODY, [signature(BODY, OLD).decode()], [NEW, OLD])
    assert not authentic(BODY, [signature(BODY, OLD).decode()], [NEW])
    assert not authentic(BODY, [GOOD.decode()], [])


async def test_the_signature_is_over_the_bytes_not_over_their_meaning(
    door: FrontDoor, stage: Stage
) -> None:
    same = json.dumps(json.loads(BODY), indent=1).encode()
    assert await knock(door, same, GOOD) == 401
    assert await signed(door, same) == 200
    assert len(stage.kept) == 1


@pytest.mark.parametrize("failure", [StoreDown(), Busy()])
async def test_a_store_that_cannot_commit_is_503(
    door: FrontDoor, stage: Stage, failure: Exception
) -> None:
    stage.failure = failure
    assert await signed(door, BODY) == 503


async def test_the_consoles_verification_is_200_and_stores_nothing(
    door: FrontDoor, stage: Stage
) -> None:
    stage.failure = StoreDown()
    assert await signed(door, webhook()) == 200


async def test_many_people_in_one_body_keep_their_order_and_lanes(
    door: FrontDoor, stage: Stage
) -> None:
    people = [f"U{number:032x}" for number in range(50)]
    events = [
        event(webhookEventId=f"id{n}", source={"type": "user", "userId": person})
        for n, person in enumerate(people)
    ]
    assert await signed(door, webhook(*events)) == 200
    assert [(element.key, element.lane) for element in stage.kept] == [
        (f"id{n}", person) for n, person in enumerate(people)
    ]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        1,
        "follow",
        [],
        {},
        {"type": "follow"},
        event(webhookEventId=None),
        event(webhookEventId=""),
        event(webhookEventId="鍵"),
        event(webhookEventId="a\ud800"),
        event(webhookEventId="a\0"),
        event(webhookEventId="i" * 65),
        event(webhookEventId=["id"]),
        event(timestamp=None),
        event(timestamp="1795138206000"),
        event(timestamp=True),
        event(timestamp=10**15),
        event(timestamp=-1),
        event(extra=2**53 + 1),
        event(extra=float("nan")),
        event(extra=float("-inf")),
    ],
    ids=lambda bad: json.dumps(bad)[-60:],
)
async def test_one_bad_event_of_a_hundred_is_quarantined_alone(
    door: FrontDoor, stage: Stage, bad: object
) -> None:
    events: list[object] = [event(webhookEventId=f"id{number}") for number in range(100)]
    events[37] = bad
    assert await signed(door, webhook(*events)) == 200
    assert [element.fault for element in stage.kept] == [""] * 37 + ["malformed"] + [""] * 62
    quarantined = stage.kept[37]
    assert quarantined.key == hashlib.sha256(quarantined.raw).hexdigest()
    assert quarantined.occurred_at is None


@pytest.mark.parametrize("number", [2**53, -(2**53), 1.5, -0.0])
async def test_numbers_that_every_reader_reads_alike_are_good(
    door: FrontDoor, stage: Stage, number: float
) -> None:
    assert await signed(door, webhook(event(extra=number))) == 200
    assert stage.kept[0].fault == ""


def test_a_number_that_is_written_large_spoils_only_its_own_event() -> None:
    for number in (b"1e999", b"9" * 5_000, b"-Infinity"):
        body = webhook(event(extra="@"), event()).replace(b'"@"', number)
        assert [element.fault for element in split(body, BOT, NOW)] == ["malformed", ""]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"events"',
        b"{}",
        b'{"events":[]}',
        b'{"destination":"U"}',
        b'{"destination":"U","events":null}',
        b'{"destination":"U","events":{}}',
        b'{"destination":"U","events":"x"}',
        b'{"destination":null,"events":[]}',
        b"\xef\xbb\xbf" + BODY,
        BODY.decode().encode("utf-16"),
        BODY[:-1],
        BODY + b"}",
        BODY.replace(b"text", b"te\xfft"),
        b"[" * 100_000,
        b'{"destination":"U","events":' + b'{"a":' * 50_000,
        b'{"destination":"U","events":[' + b"[" * 900 + b"]" * 900 + b"]}",
    ],
    ids=lambda body: repr(body[-30:]),
)
async def test_a_signed_body_that_is_no_webhook_is_200_and_one_quarantined_element(
    door: FrontDoor, stage: Stage, body: bytes
) -> None:
    assert await signed(door, body) == 200
    (element,) = stage.kept
    assert element.fault == "malformed"
    assert element.key == hashlib.sha256(element.raw).hexdigest()
    with pytest.raises(Malformed):
        receive(element.raw)


async def test_duplicate_keys_are_tolerated_and_the_last_one_counts(
    door: FrontDoor, stage: Stage
) -> None:
    body = BODY.replace(b'"mode"', b'"mode": "standby", "mode"')
    assert await signed(door, body) == 200
    assert json.loads(stage.kept[0].raw)["event"]["mode"] == "active"


async def test_a_foreign_destination_is_stored_apart(door: FrontDoor, stage: Stage) -> None:
    assert await signed(door, webhook(event(), destination="U" + "0" * 32)) == 200
    assert [element.fault for element in stage.kept] == ["foreign"]


def test_any_destination_is_ours_until_line_has_told_who_we_are() -> None:
    (element,) = split(webhook(event(), destination="U" + "0" * 32), "", NOW)
    assert element.fault == ""


@pytest.mark.parametrize(
    ("age", "fault"),
    [
        (timedelta(0), ""),
        (timedelta(days=30), ""),
        (timedelta(days=30, milliseconds=1), STALE),
        (timedelta(days=400), STALE),
        (-timedelta(minutes=10), ""),
        (-timedelta(minutes=10, milliseconds=1), FUTURE),
        (-timedelta(days=40_000), FUTURE),
    ],
)
def test_the_signed_time_has_a_window(age: timedelta, fault: str) -> None:
    stamp = round((NOW - age).timestamp() * 1_000)
    (element,) = split(webhook(event(timestamp=stamp)), BOT, NOW)
    assert (element.fault, element.occurred_at) == (fault, NOW - age)
