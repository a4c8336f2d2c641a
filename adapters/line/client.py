"""LINE's hot calls (reply, push) and downloads, over one HTTP session for the process's life.

Plain HTTP instead of the SDK: its client costs half a millisecond more for each reply, and
it reads a download whole however large. All that is not hot goes through `api.py`. Neither
words nor ids of a member ever enter an error.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from adapters.line.receive import at, string
from adapters.line.render import LIMITS
from adapters.line.settings import Settings
from bot.adapter import Delivery, Quota, Receipt, Via
from bot.errors import Rejected, RetryLater, Undeliverable, Unreachable

PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(hours=1)
CONNECTIONS = 128
MOST_RECIPIENTS = LIMITS.recipients
SEND_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)
DOWNLOAD_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=5)
DOWNLOAD_BYTES = 10 * 1024 * 1024

UNAUTHORISED = "unauthorised"

_MONTHLY = "monthly limit"
"""LINE uses 429 for three things; only this text tells the one that no wait cures."""
_USED_TOKEN = "invalid reply token"  # noqa: S105  LINE's words, no secret
_NO_FRIEND = "failed to send messages"
_PROPERTY = re.compile(r"[\w.\[\]]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of LINE: status, headers (looked up in lower case) and parsed JSON."""

    status: int
    headers: Mapping[str, str]
    body: object


def failure(answer: Answer) -> Undeliverable:
    """Translate a refusal into what it means for the message."""
    message = string(answer.body, "message").lower()
    match answer.status:
        case 429 if _MONTHLY in message:
            return Unreachable("quota")
        case 429:
            return RetryLater(_patience(answer.headers), "rate")
        case 401 | 403:
            return Unreachable(UNAUTHORISED)
        case 400 if _USED_TOKEN in message or _NO_FRIEND in message:
            return Unreachable("token_used" if _USED_TOKEN in message else "left")
        case status if status >= 500:  # noqa: PLR2004  HTTP's own border
            return RetryLater(_patience(answer.headers), "unavailable", ambiguous=True)
        case _:
            return Rejected(_detail(answer))


def parsed(body: bytes | str | None) -> object:
    """Parse an answer's body; None when it is not JSON (a proxy's page, a cut answer)."""
    try:
        return json.loads(body or b"null")
    except (ValueError, RecursionError):
        return None


def _patience(headers: Mapping[str, str]) -> timedelta:
    """LINE states no Retry-After; a gateway in between may."""
    stated = headers.get("retry-after", "")
    if not (stated.isdecimal() and len(stated) <= len("3600")):
        return PAUSE
    return min(max(PAUSE, timedelta(seconds=int(stated))), LONGEST_PAUSE)


def _detail(answer: Answer) -> str:
    """Say where LINE found fault; its sentences may quote the message, so only the places."""
    details = at(answer.body, "details")
    named = (string(one, "property") for one in details) if isinstance(details, list) else ()
    places = [place for place in named if _PROPERTY.fullmatch(place)]
    return ": ".join(filter(None, [str(answer.status), ", ".join(places)]))


class Client:
    """One channel's hot calls. Use it inside one event loop; `close` ends its connections."""

    def __init__(self, settings: Settings) -> None:
        self._headers = {
            "Authorization": f"Bearer {settings.token}",
            "Content-Type": "application/json",
        }
        self._reply = URL(f"{settings.base}/v2/bot/message/reply")
        self._push = URL(f"{settings.base}/v2/bot/message/push")
        self._multicast = URL(f"{settings.base}/v2/bot/message/multicast")
        self._quota = URL(f"{settings.base}/v2/bot/message/quota")
        self._used = self._quota / "consumption"
        self._data_base = settings.data_base
        self._opened: aiohttp.ClientSession | None = None

    async def send(self, delivery: Delivery) -> Receipt:
        """Send once. A push that LINE had accepted before under the same key is `already` sent.

        Raises:
            RetryLater: rate, 5xx, time-out or connection; `ambiguous` when it may have arrived.
            Unreachable: `quota`, `token_used`, `no_token`, `left` or `unauthorised`.
            Rejected: any other refusal.
        """
        match delivery.via:
            case Via.PUSH if delivery.recipients:
                return await self._send_many(delivery)
            case Via.REPLY:
                return await self._send_reply(delivery)
            case Via.PUSH:
                return await self._send_push(delivery)

    async def _send_reply(self, delivery: Delivery) -> Receipt:
        handle = delivery.address.reply
        if handle is None:
            reason = "no_token"
            raise Unreachable(reason)
        answer = await self._post(
            self._reply,
            {"replyToken": handle.token, "messages": delivery.payloads},
        )
        if answer.status != 200:  # noqa: PLR2004
            raise failure(answer)
        return Receipt(_first_id(answer))

    async def _send_push(self, delivery: Delivery) -> Receipt:
        answer = await self._post(
            self._push,
            {"to": delivery.address.conversation, "messages": delivery.payloads},
            {"X-Line-Retry-Key": str(delivery.key)},
        )
        if answer.status not in {200, 409}:
            raise failure(answer)
        # A repeated key was counted by its first try, whose receipt never reached us.
        return Receipt(_first_id(answer), counted=1, already=answer.status == 409)  # noqa: PLR2004

    async def _send_many(self, delivery: Delivery) -> Receipt:
        """Multicast. LINE says nothing of those who blocked us, so `counted` is the most it is."""
        to = list(dict.fromkeys(each.conversation for each in delivery.recipients))
        if len(to) > MOST_RECIPIENTS:
            reason = f"more than {MOST_RECIPIENTS} recipients"
            raise Rejected(reason)
        answer = await self._post(
            self._multicast,
            {"to": to, "messages": delivery.payloads},
            {"X-Line-Retry-Key": str(delivery.key)},
        )
        if answer.status not in {200, 409}:
            raise failure(answer)
        return Receipt(counted=len(to), already=answer.status == 409)  # noqa: PLR2004

    async def quota(self) -> Quota:
        """Ask for this month's limit and use; plain calls, because each chunk of a broadcast asks.

        Raises:
            RetryLater, Unreachable, Rejected: as `send`.
        """
        plan = await self._get(self._quota)
        limit = at(plan.body, "value")
        if not isinstance(limit, int):
            return Quota(None, 0)
        used = at((await self._get(self._used)).body, "totalUsage")
        return Quota(limit, used if isinstance(used, int) else 0)

    async def _get(self, url: URL) -> Answer:
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                answer = Answer(response.status, response.headers, parsed(await response.read()))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise lost(error) from None
        if answer.status != 200:  # noqa: PLR2004
            raise failure(answer)
        return answer

    async def _post(self, url: URL, body: object, more: Mapping[str, str] = {}) -> Answer:
        try:
            async with self._session.post(
                url,
                data=json.dumps(body).encode(),
                headers=more,
                allow_redirects=False,
            ) as response:
                return Answer(response.status, response.headers, parsed(await response.read()))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise lost(error) from None

    async def download(self, attachment: str) -> bytes:
        """Fetch received content by its message id.

        Raises:
            RetryLater: LINE still prepares it (video), or could not be reached.
            Unreachable: `gone`, LINE keeps it no longer; or `unauthorised`.
            Rejected: larger than 10 MiB, or no message id.
        """
        if not (attachment.isascii() and attachment.isalnum()):
            reason = "no message id"
            raise Rejected(reason)
        url = URL(f"{self._data_base}/v2/bot/message/{attachment}/content")
        try:
            async with self._session.get(
                url, timeout=DOWNLOAD_TIMEOUT, allow_redirects=False
            ) as response:
                return await _content(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise lost(error) from None

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._opened is not None:
            await self._opened.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        """The session, made inside the running loop at the first call."""
        if self._opened is None or self._opened.closed:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                timeout=SEND_TIMEOUT,
                # Asked once: aiohttp's `trust_env` reads .netrc in a thread at every call.
                proxy=proxy_for(self._reply),
            )
        return self._opened


def proxy_for(url: URL) -> str | None:
    """Return the proxy that the environment names for LINE's host, None for a direct way."""
    return None if proxy_bypass(url.host or "") else getproxies().get(url.scheme)


def lost(error: Exception) -> RetryLater:
    """Translate a call without an answer: did it leave this machine at all?"""
    unsent = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return RetryLater(PAUSE, "unreachable" if unsent else "lost", ambiguous=not unsent)


async def _content(response: aiohttp.ClientResponse) -> bytes:
    match response.status:
        case 200:
            pass
        case 202:
            raise RetryLater(PAUSE, "preparing")
        case 404 | 410:
            reason = "gone"
            raise Unreachable(reason)
        case status:
            raise failure(Answer(status, response.headers, parsed(await response.read())))
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > DOWNLOAD_BYTES:
            reason = "too large"
            raise Rejected(reason)
    return bytes(content)


def _first_id(answer: Answer) -> str:
    sent = at(answer.body, "sentMessages")
    return string(sent[0], "id") if isinstance(sent, list) and sent else ""
