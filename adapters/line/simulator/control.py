"""Remote control of a simulator in a process of its own: acts in, what people saw out.

POST /act     {"member": "hanako", "do": "say", "with": ["hello"]}  -> {"statuses": [200]}
GET  /heard?member=hanako                                           -> new deliveries
GET  /totals                                                        -> the judge's totals
"""

import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from adapters.line.simulator.app import answer
from adapters.line.simulator.inbox import Delivery
from adapters.line.simulator.member import Member
from adapters.line.simulator.simulator import LineSimulator
from adapters.line.simulator.webhook import Outcome

_ACTS: Mapping[str, Callable[..., Awaitable[Outcome]]] = {
    "follow": Member.follow,
    "unfollow": Member.unfollow,
    "unblock": Member.unblock,
    "say": Member.say,
    "tap": Member.tap,
    "pick": Member.pick,
    "sticker": Member.sticker,
    "unsend": Member.unsend,
    "unknown": Member.unknown,
}


def control(line: LineSimulator) -> web.Application:
    """Return the application that steers `line`; it has its own port, so no fault hits it."""

    async def act(request: web.Request) -> web.Response:
        order: dict[str, Any] = json.loads(await request.read())
        does = _ACTS.get(order["do"])
        if does is None:
            return answer({"message": f"acts: {', '.join(_ACTS)}"}, 400)
        try:
            outcome = await does(line.member(order["member"]), *order.get("with", []))
        except (LookupError, ValueError, TypeError) as error:
            return answer({"message": str(error)}, 400)
        return answer({"statuses": list(outcome.statuses)})

    async def heard(request: web.Request) -> web.Response:
        fresh = line.member(request.query["member"]).heard()
        return answer({"heard": [_seen(delivery) for delivery in fresh]})

    async def totals(_request: web.Request) -> web.Response:
        return answer({**dataclasses.asdict(line.totals), "used": line.used})

    app = web.Application()
    app.add_routes([web.post("/act", act), web.get("/heard", heard), web.get("/totals", totals)])
    return app


def _seen(delivery: Delivery) -> dict[str, Any]:
    return {
        "via": delivery.via,
        "text": delivery.text,
        "choices": list(delivery.labels),
        "images": list(delivery.images),
    }
