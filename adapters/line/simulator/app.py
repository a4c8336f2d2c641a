"""The side that bots call: LINE's Messaging API over HTTP, answers and errors in LINE's shape."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from aiohttp import hdrs, web

from adapters.line.simulator.channel import Call, Channel, LineError
from adapters.line.simulator.findings import Json
from adapters.line.simulator.inbox import Body, Bond, Person
from adapters.line.simulator.limits import violations
from adapters.simulation.faults import suffer
from adapters.simulation.rates import TokenBucket

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RETRY_KEY = "X-Line-Retry-Key"
REQUEST_ID = "x-line-request-id"
_OWN_ID = web.RequestKey("own_id", str)
ACCEPTED_REQUEST_ID = "x-line-accepted-request-id"
_MOST_BYTES = 2 * 1024 * 1024
_RATE_EXCEEDED = "The API rate limit has been exceeded. Try again later."
_UNAUTHORISED = (
    "Authentication failed. Confirm that the access token in the authorization header is valid."
)
_HTTP_WORDS: Mapping[int, str] = {404: "Not found", 405: "Method not allowed"}


def answer(
    payload: Json, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a JSON answer."""
    body = json.dumps(payload).encode()
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


async def checked_body(channel: Channel, request: web.Request) -> Body:
    """Return the JSON body of a request that keeps every limit.

    Raises:
        LineError: 400 with one detail per broken limit.
    """
    raw = await request.read()
    try:
        body = json.loads(raw)
        if b"\\ud" in raw.lower():
            json.dumps(body, ensure_ascii=False).encode()  # a lone surrogate is no text
    except ValueError:
        raise LineError(400, "The request body could not be parsed as JSON") from None
    found = violations(request.path, body, http_media=channel.http_media)
    if found:
        details = [{"message": each.message, "property": each.where} for each in found]
        raise LineError(400, f"The request body has {len(found)} error(s)", details=details)
    if channel.contract is not None:
        wrong = channel.contract(request.method, request.path, body)
        if wrong:
            details = [{"message": each} for each in wrong]
            raise LineError(400, "The request body breaks the official contract", details=details)
    return Body(raw, body)


class FrontDoor:
    """What every request passes: faults, latency, the bearer token, rates, and the log."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._buckets: dict[str, TokenBucket | None] = {}

    def application(self) -> web.Application:
        """Return an application without routes behind this door."""

        @web.middleware
        async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._pass(request, handler)

        return web.Application(middlewares=[door], client_max_size=_MOST_BYTES)

    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        channel = self._channel
        request_id = channel.request_id()
        request[_OWN_ID] = request_id
        if channel.latency:
            await asyncio.sleep(channel.latency)
        fault = channel.faults.draw(request.path) if channel.faults is not None else None
        proceed = partial(self._honest, request, handler)
        if fault is None:
            response = await proceed()
        else:
            response = await suffer(fault, request, proceed, _refusal)
        response.headers[REQUEST_ID] = request_id
        heard = request.transport is not None and not request.transport.is_closing()
        channel.log.append(Call(request.method, request.path, response.status if heard else 0))
        return response

    async def _honest(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._admit(request)
            return await handler(request)
        except LineError as error:
            return _error(error)
        except web.HTTPException as error:
            return answer({"message": _HTTP_WORDS.get(error.status, error.reason)}, error.status)

    def _admit(self, request: web.Request) -> None:
        if request.headers.get(hdrs.AUTHORIZATION) != f"Bearer {self._channel.token}":
            raise LineError(401, _UNAUTHORISED)
        resource = request.match_info.route.resource
        endpoint = resource.canonical if resource is not None else "*"
        if endpoint not in self._buckets:
            rate = self._channel.rates.get(endpoint) or self._channel.rates.get("*")
            seconds = self._channel.clock.seconds
            self._buckets[endpoint] = TokenBucket(*rate, seconds) if rate is not None else None
        bucket = self._buckets[endpoint]
        if bucket is not None and bucket.take() > 0:
            # LINE never says for how long: there is no Retry-After.
            raise LineError(429, _RATE_EXCEEDED)


def _error(error: LineError) -> web.Response:
    payload: Json = {"message": error.message}
    headers = {}
    if error.details:
        payload["details"] = error.details
    if error.accepted is not None:
        payload["sentMessages"] = error.accepted.sent
        headers[ACCEPTED_REQUEST_ID] = error.accepted.request_id
    return answer(payload, error.status, headers)


def _refusal(status: int) -> web.Response:
    words = _RATE_EXCEEDED if status == 429 else f"simulated {status}"  # noqa: PLR2004 - HTTP
    return answer({"message": words}, status)


class Messages:
    """Sending, quota and people."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._narrowcasts: dict[str, Json] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of this part."""
        message = "/v2/bot/message"
        return [
            web.post(f"{message}/reply", self._reply),
            web.post(f"{message}/push", self._push),
            web.post(f"{message}/multicast", self._multicast),
            web.post(f"{message}/broadcast", self._broadcast),
            web.post(f"{message}/narrowcast", self._narrowcast),
            web.get(f"{message}/progress/narrowcast", self._progress),
            web.post(f"{message}/validate/{{kind}}", self._validate),
            web.get(f"{message}/quota", self._quota),
            web.get(f"{message}/quota/consumption", self._consumption),
            web.get(f"{message}/{{message}}/content", self._content),
            web.get("/v2/bot/profile/{user}", self._profile),
            web.post("/v2/bot/chat/loading/start", self._loading),
        ]

    async def _reply(self, request: web.Request) -> web.Response:
        body = await checked_body(self._channel, request)
        if RETRY_KEY in request.headers:
            raise LineError(400, f"{RETRY_KEY} is not supported by this endpoint")
        return answer({"sentMessages": self._channel.reply(body)})

    async def _push(self, request: web.Request) -> web.Response:
        body = await checked_body(self._channel, request)
        person = self._channel.people.get(body.json["to"])
        if person is None or person.bond is Bond.STRANGER:
            raise LineError(400, "Failed to send messages")
        sent = self._send(request, [person], body)
        return answer({"sentMessages": sent})

    async def _multicast(self, request: web.Request) -> web.Response:
        body = await checked_body(self._channel, request)
        known = self._channel.people
        self._send(request, [known[user] for user in body.json["to"] if user in known], body)
        return answer({})

    async def _broadcast(self, request: web.Request) -> web.Response:
        body = await checked_body(self._channel, request)
        self._send(request, self._channel.friends(), body)
        return answer({})

    def _send(self, request: web.Request, people: list[Person], body: Body) -> list[Json]:
        endpoint = request.path.rpartition("/")[2]
        send = partial(self._channel.push, endpoint, people, body)
        return self._once(request, send)

    def _once(self, request: web.Request, send: Callable[[], list[Json]]) -> list[Json]:
        key = request.headers.get(RETRY_KEY)
        return send() if key is None else self._channel.once(key, request[_OWN_ID], send)

    async def _narrowcast(self, request: web.Request) -> web.Response:
        """Accept; filters are not simulated, and fewer than 50 people fail as they do at LINE."""
        body = await checked_body(self._channel, request)
        self._once(request, partial(self._narrow, request[_OWN_ID], body))
        return answer({}, 202)

    def _narrow(self, request_id: str, body: Body) -> list[Json]:
        people = self._channel.friends()[: body.json.get("limit", {}).get("max")]
        now = self._channel.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")
        progress: Json = {"phase": "succeeded", "acceptedTime": now, "completedTime": now}
        sent: list[Json] = []
        if len(people) < 50:  # noqa: PLR2004 - LINE's own floor, and its error code for it
            progress |= {"phase": "failed", "errorCode": 4, "failedDescription": "too few people"}
        else:
            sent = self._channel.push("narrowcast", people, body)
            progress |= {"successCount": len(people), "failureCount": 0, "targetCount": len(people)}
        self._narrowcasts[request_id] = progress
        return sent

    async def _progress(self, request: web.Request) -> web.Response:
        progress = self._narrowcasts.get(request.query.get("requestId", ""))
        if progress is None:
            raise LineError(404, "Not found")
        return answer(progress)

    async def _validate(self, request: web.Request) -> web.Response:
        await checked_body(self._channel, request)
        return answer({})

    async def _quota(self, _request: web.Request) -> web.Response:
        limit = self._channel.limit
        return answer({"type": "none"} if limit is None else {"type": "limited", "value": limit})

    async def _consumption(self, _request: web.Request) -> web.Response:
        return answer({"totalUsage": self._channel.used})

    async def _content(self, request: web.Request) -> web.Response:
        content = self._channel.contents.get(request.match_info["message"])
        if content is None:
            raise LineError(404, "Not found")
        return web.Response(body=content, content_type="image/jpeg")

    async def _profile(self, request: web.Request) -> web.Response:
        person = self._channel.people.get(request.match_info["user"])
        if person is None or person.bond is not Bond.FRIEND:
            raise LineError(404, "Not found")
        return answer({"displayName": person.name, "userId": person.user_id, "language": "ja"})

    async def _loading(self, request: web.Request) -> web.Response:
        await checked_body(self._channel, request)
        return answer({}, 202)
