"""LINE and its members, a process of its own: the simulator, told by orders what members do.

Each order is a line of JSON on standard input, each answer one on standard output:

    {"do": "aim", "webhook": URL, "latency": 0.05}             where the bot is, how slow LINE is
    {"do": "onboard", "first": 0, "last": 99, "whole": true}  follow and answer all or half
    {"do": "prepare", "kind": "mix", "events": 1000, "per": 10, "file": …}  bodies for the load
    {"do": "totals"}                                           what was accepted, and when
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

import uvloop

from adapters.line.simulator.findings import Json
from adapters.line.simulator.inbox import Body, Button
from adapters.line.simulator.member import Member
from adapters.line.simulator.simulator import LineSimulator

AT_ONCE = 16
"""Members who are being onboarded at the same time."""
PATIENCE = 30.0
STEPS = ("同意してはじめる", "スキップ", "30代", "まつげ", "決定", "はじめて")
"""The joining survey of the sample community, press by press."""
ANSWERED, SEVERAL = "30代", "スキンケア"
"""What members in the middle press under load: an older answer, and one of several now open."""


class Line(LineSimulator):
    """The simulator, noting when it accepted the reply to each token."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.accepted: dict[str, float] = {}

    def reply(self, body: Body) -> list[Json]:
        sent = super().reply(body)
        self.accepted[body.json["replyToken"]] = time.monotonic()
        return sent


class Crowd:
    """The members, and what they are told to do."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.waits: list[float] = []
        self.done: list[Member] = []
        self.amid: list[tuple[Member, Button, Button]] = []
        self._strangers = count()

    async def onboard(self, order: dict[str, Any]) -> dict[str, Any]:
        """Let members follow and answer, AT_ONCE side by side; return seconds and waits."""
        waiting = iter(range(order["first"], order["last"]))
        self.waits.clear()
        began = time.monotonic()

        async def some() -> None:
            for number in waiting:
                await self._join(self.line.member(f"member {number}"), whole=order["whole"])

        await asyncio.gather(*[some() for _ in range(AT_ONCE)])
        return {"seconds": time.monotonic() - began, "waits": self.waits}

    async def _join(self, member: Member, *, whole: bool) -> None:
        await self._act(member, member.followed())
        for label in STEPS:
            button = member.button(label)
            await self._act(member, member.tapped(button))
            if label == ANSWERED and not whole:
                self.amid.append((member, button, member.button(SEVERAL)))
                return
        self.done.append(member)

    async def _act(self, member: Member, event: Json) -> None:
        began = time.monotonic()
        outcome = await self.line.post([event])
        if not outcome.taken:
            message = f"the bot did not take an event: {outcome.statuses}"
            raise RuntimeError(message)
        await member.next(PATIENCE)
        self.waits.append(self.line.accepted.pop(event["replyToken"]) - began)
        # The newest delivery holds the buttons that can be pressed; the others are history.
        del member.inbox[:-1]
        member.person.read = len(member.inbox)

    def prepare(self, order: dict[str, Any]) -> dict[str, Any]:
        """Write signed bodies to a file; return the reply tokens of each."""
        kinds = {"unknown": self._unknown, "talk": self._talk, "mix": self._mix}
        events = islice(kinds[order["kind"]](), order["events"])
        tokens = []
        with Path(order["file"]).open("w", encoding="utf-8") as file:
            while body_events := list(islice(events, order["per"])):
                body = self.line.body(body_events)
                made = {"signature": self.line.sign(body), "body": body.decode()}
                file.write(json.dumps(made, ensure_ascii=False) + "\n")
                tokens.append([event.get("replyToken", "") for event in body_events])
        return {"tokens": tokens}

    def _mix(self) -> Iterator[Json]:
        """Yield what members usually do: 4 of 10 an answer, 3 one of several, 3 the menu."""
        done, amid = cycle(self.done), cycle(self.amid)
        for turn in cycle("aamcamcamc"):
            if turn == "m":
                yield next(done).said("メニュー")
                continue
            member, older, several = next(amid)
            yield member.tapped(older if turn == "a" else several)

    def _unknown(self) -> Iterator[Json]:
        """Yield events of a kind that is kept for later and answered by nothing."""
        for number in self._strangers:
            event = self.line.member(f"stranger {number % 1000}").did("membership")
            event.pop("replyToken")
            yield event

    def _talk(self) -> Iterator[Json]:
        """Yield talk among people in groups: stored, and nobody's business but theirs."""
        for number in self._strangers:
            event = self.line.member(f"stranger {number % 1000}").said("こんにちは")
            event["source"] = {
                "type": "group",
                "groupId": f"C{number % 100:032d}",
                "userId": event["source"]["userId"],
            }
            event.pop("replyToken")
            yield event

    def totals(self) -> dict[str, Any]:
        """Return when each reply was accepted since the last time, and how many were refused."""
        accepted, self.line.accepted = self.line.accepted, {}
        refused = [call for call in self.line.log if call.status >= 400]
        self.line.log.clear()
        for member in self.done:
            member.inbox.clear()
        for member, _, _ in self.amid:
            member.inbox.clear()
        return {"accepted": accepted, "refused": len(refused)}

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        match order["do"]:
            case "aim":
                self.line.webhook, self.line.latency = order["webhook"], order["latency"]
                return {}
            case "onboard":
                return await self.onboard(order)
            case "prepare":
                return self.prepare(order)
            case _:
                return self.totals()


async def main() -> None:
    given = json.loads(sys.stdin.readline())
    line = Line(**given, answer_seconds=30.0, token_seconds=3600.0, rates={})
    async with line:
        crowd = Crowd(line)
        sys.stdout.write(json.dumps({"url": line.url}) + "\n")
        sys.stdout.flush()
        while order := await asyncio.to_thread(sys.stdin.readline):
            answer = await crowd.obey(json.loads(order))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main())
