"""The load generator, a process of its own: posts prepared bodies and writes down what it saw.

Reads one JSON order from standard input: `port`, `bodies` (a file with one request per line),
`seen` (the file to write what it saw to), `connections`, and `rate` (requests a second, open
loop; 0: each connection posts its next request when the last one is answered). Requests are made
whole before the clock starts and written to raw sockets, so that generating load costs less than
anything that is measured.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

HEAD = (
    "POST /line/webhook HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    "x-line-signature: {signature}\r\ncontent-length: {length}\r\n\r\n"
)

Sent = tuple[float, float, int]
"""When a request was written, when it was answered (monotonic seconds), and its status."""


def requests(path: Path) -> list[bytes]:
    """Return every prepared request as the bytes that go over the wire."""
    made = []
    for line in path.read_text(encoding="utf-8").splitlines():
        order = json.loads(line)
        body = order["body"].encode()
        head = HEAD.format(signature=order["signature"], length=len(body))
        made.append(head.encode() + body)
    return made


class Line:
    """One connection to the bot."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def post(self, request: bytes) -> Sent:
        began = time.monotonic()
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        if b"content-length:" in lower:
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            await self.reader.readexactly(length)
        return began, time.monotonic(), int(head[9:12])


async def closed(lines: list[Line], made: list[bytes]) -> list[tuple[int, Sent]]:
    """Each connection posts its next request when the last one is answered."""
    waiting = iter(enumerate(made))
    seen: list[tuple[int, Sent]] = []

    async def drive(line: Line) -> None:
        for number, request in waiting:
            seen.append((number, await line.post(request)))

    await asyncio.gather(*[drive(line) for line in lines])
    return seen


async def paced(lines: list[Line], made: list[bytes], rate: float) -> list[tuple[int, Sent]]:
    """Post on the beat whatever is still unanswered; a request counts from its beat."""
    free: asyncio.Queue[Line] = asyncio.Queue()
    for line in lines:
        free.put_nowait(line)
    origin = time.monotonic() + 0.05

    async def drive(number: int, request: bytes) -> tuple[int, Sent]:
        beat = origin + number / rate
        await asyncio.sleep(max(0.0, beat - time.monotonic()))
        line = await free.get()
        _, answered, status = await line.post(request)
        free.put_nowait(line)
        return number, (beat, answered, status)

    return await asyncio.gather(*[drive(n, request) for n, request in enumerate(made)])


async def run(order: dict[str, Any]) -> list[tuple[int, Sent]]:
    made = requests(Path(order["bodies"]))
    lines = [
        Line(*await asyncio.open_connection("127.0.0.1", order["port"]))
        for _ in range(order["connections"])
    ]
    if order["rate"]:
        return await paced(lines, made, order["rate"])
    return await closed(lines, made)


def main() -> None:
    order = json.loads(sys.stdin.readline())
    seen = uvloop.run(run(order))
    seen.sort()
    Path(order["seen"]).write_text(json.dumps([sent for _, sent in seen]), encoding="utf-8")


if __name__ == "__main__":
    main()
