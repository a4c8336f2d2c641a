"""LINE's calls that are not hot, through the official SDK, which is loaded at the first of them.

The SDK's own limits are closed here: its default time-out is five minutes, its errors carry
the whole answer, and a new client costs a TLS context, so one is kept while this is open.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from adapters.line.client import Answer, failure, lost, parsed
from adapters.line.settings import Settings
from bot.adapter import Quota
from bot.errors import Rejected

CALL_SECONDS = 10

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Bot:
    """Who we are on LINE: the user id that webhooks name as destination, and the name shown."""

    user_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """The webhook as set in LINE's console: its address, and whether it is switched on."""

    url: str
    active: bool


class Api:
    """An async context: `async with Api(settings) as api`.

    Every method raises RetryLater, Unreachable or Rejected, as sends do.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def __aenter__(self) -> Self:
        """Load the SDK and open its client."""
        from linebot.v3 import messaging  # noqa: PLC0415  64 MB and a second that `chat` never needs

        # `host` would also replace the data host, so it stays unset for LINE itself.
        configuration = messaging.Configuration(
            access_token=self._settings.token,
            host=self._settings.custom_base or None,
        )
        self._sdk: Any = messaging
        self._client = messaging.AsyncApiClient(configuration)
        self._calls = messaging.AsyncMessagingApi(self._client)
        self._blobs = messaging.AsyncMessagingApiBlob(self._client)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the SDK's connections."""
        await self._client.close()

    async def bot(self) -> Bot:
        """Ask who we are; this is how a token is checked."""
        found = await self._call(self._calls.get_bot_info())
        return Bot(found.user_id, found.display_name)

    async def quota(self) -> Quota:
        """Ask for this month's limit and use; the use is LINE's estimate."""
        limit = await self._call(self._calls.get_message_quota())
        used = await self._call(self._calls.get_message_quota_consumption())
        return Quota(limit.value, used.total_usage)

    async def webhook(self) -> Webhook:
        """Ask for the webhook that is set; LINE answers 404 (Rejected) when there is none."""
        found = await self._call(self._calls.get_webhook_endpoint())
        return Webhook(found.endpoint, found.active)

    async def try_webhook(self) -> bool:
        """Let LINE call the webhook now; True when our answer reached it."""
        request = self._sdk.TestWebhookEndpointRequest()
        found = await self._call(self._calls.test_webhook_endpoint(request))
        return found.success is True

    async def show_loading(self, user_id: str, seconds: int = 20) -> None:
        """Show the loading animation in a one-to-one talk (5 to 60 seconds, in steps of 5)."""
        request = self._sdk.ShowLoadingAnimationRequest(chatId=user_id, loadingSeconds=seconds)
        await self._call(self._calls.show_loading_animation(request))

    async def menus(self) -> dict[str, str]:
        """List the channel's rich menus: id to name."""
        found = await self._call(self._calls.get_rich_menu_list())
        return {menu.rich_menu_id: menu.name for menu in found.richmenus}

    async def default_menu(self) -> str:
        """Return the id of the menu that everyone sees, "" when there is none."""
        try:
            found = await self._call(self._calls.get_default_rich_menu_id())
        except Rejected as refusal:
            if refusal.detail.startswith("404"):
                return ""
            raise
        return str(found.rich_menu_id)

    async def create_menu(self, definition: dict[str, Any], image: bytes, media_type: str) -> str:
        """Create a rich menu with its image and return its id."""
        request = self._sdk.RichMenuRequest.from_dict(definition)
        found = await self._call(self._calls.create_rich_menu(request))
        menu_id = str(found.rich_menu_id)
        upload = self._blobs.set_rich_menu_image(
            menu_id, body=image, _headers={"Content-Type": media_type}
        )
        await self._call(upload)
        return menu_id

    async def show_menu(self, menu_id: str) -> None:
        """Make a menu the one that everyone sees."""
        await self._call(self._calls.set_default_rich_menu(menu_id))

    async def delete_menu(self, menu_id: str) -> None:
        """Delete a menu."""
        await self._call(self._calls.delete_rich_menu(menu_id))

    async def _call(self, call: Awaitable[Result]) -> Result:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await call
        except self._sdk.ApiException as error:
            headers = {name.lower(): value for name, value in (error.headers or {}).items()}
            # The SDK's error quotes the whole answer, so the chain is cut.
            raise failure(Answer(error.status, headers, parsed(error.body))) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise lost(error) from None
        except ValueError:
            reason = "an answer that the SDK cannot read"
            raise Rejected(reason) from None
