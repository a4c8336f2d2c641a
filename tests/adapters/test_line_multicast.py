"""One request for many people: what LINE's multicast promises, over real sockets."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random
from uuid import UUID

import pytest

from adapters.line.client import Client
from adapters.line.settings import Settings
from adapters.line.simulator.simulator import LineSimulator
from adapters.simulation.faults import Fault, FaultScript, Harm
from bot.adapter import Delivery, Quota, Via
from bot.errors import Rejected, RetryLater, Unreachable
from bot.events import Address

SECRET, TOKEN = "a-channel-secret-of-32-characters", "a-channel-access-token"
KEY = UUID("6f9619ff-8b86-5011-b42d-00cf4fc964ff")
HELLO = {"type": "text", "text": "こんにちは {花子}"}
NOON = datetime(2026, 12, 20, 3, 0, tzinfo=UTC)


@pytest.fixture
async def line() -> AsyncIterator[LineSimulator]:
    async with LineSimulator(secret=SECRET, token=TOKEN) as simulator:
        yield simulator


@pytest.fixture
async def client(line: LineSimulator) -> AsyncIterator[Client]:
    env = {
        "LINE_CHANNEL_SECRET": SECRET,
        "LINE_CHANNEL_ACCESS_TOKEN": TOKEN,
        "LINE_API_BASE": line.url,
    }
    made = Client(Settings.read(env))
    yield made
    await made.close()


def many(*to: str) -> Delivery:
    recipients = tuple(Address("line", None, each) for each in to)
    return Delivery(Address("line", None, ""), Via.PUSH, (HELLO,), KEY, recipients)


def friends(line: LineSimulator, count: int) -> list[str]:
    return [line.member(f"friend{n}", friend=True).user_id for n in range(count)]


async def test_one_request_reaches_five_hundred(line: LineSimulator, client: Client) -> None:
    receipt = await client.send(many(*friends(line, 500)))
    assert (receipt.counted, receipt.already, line.used, len(line.log)) == (500, False, 500, 1)
    assert all(len(person.inbox) == 1 for person in line.people.values())


async def test_the_same_key_again_reaches_nobody(line: LineSimulator, client: Client) -> None:
    to = friends(line, 3)
    await client.send(many(*to))
    receipt = await client.send(many(*to))
    assert (receipt.counted, receipt.already, line.used) == (3, True, 3)


async def test_the_same_person_twice_is_one(line: LineSimulator, client: Client) -> None:
    [hanako] = friends(line, 1)
    assert (await client.send(many(hanako, hanako))).counted == 1


async def test_more_than_five_hundred_never_leave(line: LineSimulator, client: Client) -> None:
    with pytest.raises(Rejected):
        await client.send(many(*friends(line, 501)))
    assert line.log == []


async def test_a_bad_id_refuses_all(line: LineSimulator, client: Client) -> None:
    with pytest.raises(Rejected, match="400: to"):
        await client.send(many(*friends(line, 2), "nobody"))
    assert line.used == 0


async def test_the_month_is_asked(line: LineSimulator, client: Client) -> None:
    assert await client.quota() == Quota(None, 0)
    line.limit, line.used = 200, 31
    assert await client.quota() == Quota(200, 31)
    with pytest.raises(Unreachable, match="quota"):
        await client.send(many(*friends(line, 170)))
    fault = Fault(harm=Harm.REFUSE, status=500, times=1)
    line.faults = FaultScript([fault], Random(0))
    with pytest.raises(RetryLater):
        await client.quota()
