"""What `hiroba doctor` asks LINE, and what it can only remind of."""

from collections.abc import Mapping
from typing import NamedTuple

from adapters.line.api import Api
from adapters.line.front import PATH
from adapters.line.settings import Settings
from bot.errors import Rejected, Undeliverable, Unreachable


class Finding(NamedTuple):
    """One thing checked. `ok` is None where LINE has no call that would tell.

    `what` is one word; `cure` is the copy key that says what to click, "" when all is well.
    """

    ok: bool | None
    what: str
    cure: str


REMINDERS = (
    Finding(None, "greeting", "line-greeting-off"),
    Finding(None, "auto_reply", "line-auto-reply-off"),
    Finding(None, "redelivery", "line-redelivery-on"),
)
"""Settings of LINE's own console that no call reads: its greeting and its automatic replies
would speak beside us, and without redelivery an outage loses events."""


async def examine(env: Mapping[str, str]) -> list[Finding]:
    """Check what the process's environment configures."""
    return await diagnose(Settings.read(env), env.get("HIROBA_PUBLIC_URL", "").rstrip("/"))


async def diagnose(settings: Settings, public_url: str) -> list[Finding]:
    """Check the token, the webhook and the quota; never raises for what LINE answers.

    `public_url` is this server's https address, "" when it is not known.
    """
    async with Api(settings) as api:
        token = await _token(api)
        if not token.ok:
            return [token, *REMINDERS]
        return [token, *await _webhook(api, public_url), await _quota(api), *REMINDERS]


async def _token(api: Api) -> Finding:
    try:
        await api.bot()
    except Unreachable:
        return Finding(ok=False, what="token", cure="line-token-refused")
    except Undeliverable:
        return Finding(ok=False, what="token", cure="line-unreachable")
    return Finding(ok=True, what="token", cure="")


async def _webhook(api: Api, public_url: str) -> list[Finding]:
    try:
        webhook = await api.webhook()
    except Rejected:
        return [Finding(ok=False, what="webhook_url", cure="line-webhook-unset")]
    except Undeliverable:
        return [Finding(ok=False, what="webhook_url", cure="line-unreachable")]
    ours = webhook.url == f"{public_url}{PATH}" if public_url else webhook.url.endswith(PATH)
    return [
        Finding(ours, "webhook_url", "" if ours else "line-webhook-elsewhere"),
        Finding(webhook.active, "webhook_use", "" if webhook.active else "line-webhook-off"),
        await _answers(api),
    ]


async def _answers(api: Api) -> Finding:
    try:
        answered = await api.try_webhook()
    except Undeliverable:
        answered = False
    return Finding(answered, "webhook_answers", "" if answered else "line-webhook-silent")


async def _quota(api: Api) -> Finding:
    try:
        quota = await api.quota()
    except Undeliverable:
        return Finding(ok=False, what="quota", cure="line-quota-unreadable")
    left = quota.limit is None or quota.used < quota.limit
    return Finding(left, "quota", "" if left else "line-quota-spent")
