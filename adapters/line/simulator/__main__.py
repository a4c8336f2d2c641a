"""Runs the simulator as a process of its own: `python -m adapters.line.simulator --help`.

Prints one JSON line with its addresses, then serves until SIGINT or SIGTERM.
"""

import argparse
import asyncio
import json
import signal
import sys

from adapters.line.simulator.control import control
from adapters.line.simulator.simulator import LineSimulator
from adapters.simulation.server import serving


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m adapters.line.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port of the API; 0 takes a free one")
    parser.add_argument("--secret", required=True, help="channel secret that signs webhooks")
    parser.add_argument("--token", required=True, help="channel access token that bots must show")
    parser.add_argument("--webhook", default="", help="the bot's URL")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--used", type=int, default=0, help="messages counted this month")
    parser.add_argument("--limit", type=int, help="messages allowed this month")
    parser.add_argument("--seed", type=int, default=0, help="repeats all ids")
    parser.add_argument("--no-rates", action="store_true", help="no rate limits, for load runs")
    parser.add_argument("--http-media", action="store_true", help="http pictures on loopback pass")
    return parser.parse_args()


async def _serve(given: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    line = LineSimulator(
        secret=given.secret,
        token=given.token,
        webhook=given.webhook,
        port=given.port,
        latency=given.latency,
        used=given.used,
        limit=given.limit,
        seed=given.seed,
        http_media=given.http_media,
    )
    if given.no_rates:
        line.rates = {}
    async with line, serving(control(line)) as control_url:
        addresses = {"url": line.url, "control": control_url, "destination": line.user_id}
        sys.stdout.write(json.dumps(addresses) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
