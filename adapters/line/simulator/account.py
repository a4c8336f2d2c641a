"""The account itself: what the bot is, where its webhook points, and its rich menus."""

import io

from aiohttp import web
from PIL import Image, UnidentifiedImageError

from adapters.line.simulator.app import answer, checked_body
from adapters.line.simulator.channel import Channel, LineError, Menu
from adapters.line.simulator.findings import Json
from adapters.line.simulator.webhook import Answer, Webhook

_MOST_PICTURE_BYTES = 1024 * 1024
_PICTURE_TYPES = {"image/png": "PNG", "image/jpeg": "JPEG"}
_SUCCESS = 200


class Account:
    """Bot information and webhook settings."""

    def __init__(self, channel: Channel, webhook: Webhook) -> None:
        self._channel = channel
        self._webhook = webhook

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of this part."""
        return [
            web.get("/v2/bot/info", self._info),
            web.get("/v2/bot/channel/webhook/endpoint", self._endpoint),
            web.put("/v2/bot/channel/webhook/endpoint", self._set_endpoint),
            web.post("/v2/bot/channel/webhook/test", self._test),
        ]

    async def _info(self, _request: web.Request) -> web.Response:
        return answer(
            {
                "userId": self._channel.user_id,
                "basicId": "@simulated",
                "displayName": "Simulated account",
                "chatMode": "bot",
                "markAsReadMode": "auto",
            }
        )

    async def _endpoint(self, _request: web.Request) -> web.Response:
        if not self._channel.webhook:
            raise LineError(404, "Not found")
        return answer({"endpoint": self._channel.webhook, "active": True})

    async def _set_endpoint(self, request: web.Request) -> web.Response:
        body = await checked_body(self._channel, request)
        self._channel.webhook = body.json["endpoint"]
        return answer({})

    async def _test(self, _request: web.Request) -> web.Response:
        """Send the empty body with which LINE's console verifies a webhook."""
        got = await self._webhook.send(self._webhook.body([]))
        now = self._channel.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return answer({"timestamp": now, "statusCode": got.status, **_verdict(got)})


def _verdict(got: Answer) -> Json:
    if got.status == _SUCCESS:
        return {"success": True, "reason": "OK", "detail": "200"}
    reason = "ERROR_STATUS_CODE" if got.status else "COULD_NOT_CONNECT"
    return {"success": False, "reason": reason, "detail": str(got.status)}


class RichMenus:
    """Rich menus: definition, picture, and the one that everybody sees."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of this part; fixed paths stand before those with a menu's id."""
        menu, everybody = "/v2/bot/richmenu", "/v2/bot/user/all/richmenu"
        return [
            web.post(menu, self._create),
            web.get(f"{menu}/list", self._list),
            web.get(f"{menu}/{{menu}}", self._get),
            web.delete(f"{menu}/{{menu}}", self._delete),
            web.post(f"{menu}/{{menu}}/content", self._upload),
            web.get(f"{menu}/{{menu}}/content", self._download),
            web.get(everybody, self._default),
            web.delete(everybody, self._cancel_default),
            web.post(f"{everybody}/{{menu}}", self._set_default),
        ]

    def _menu(self, request: web.Request) -> tuple[str, Menu]:
        name = request.match_info["menu"]
        menu = self._channel.menus.get(name)
        if menu is None:
            raise LineError(404, "Not found")
        return name, menu

    async def _create(self, request: web.Request) -> web.Response:
        definition = (await checked_body(self._channel, request)).json
        name = f"richmenu-{self._channel.chance.getrandbits(128):032x}"
        self._channel.menus[name] = Menu(definition)
        return answer({"richMenuId": name})

    async def _list(self, _request: web.Request) -> web.Response:
        menus = self._channel.menus.items()
        return answer(
            {"richmenus": [{"richMenuId": name, **menu.definition} for name, menu in menus]}
        )

    async def _get(self, request: web.Request) -> web.Response:
        name, menu = self._menu(request)
        return answer({"richMenuId": name, **menu.definition})

    async def _delete(self, request: web.Request) -> web.Response:
        name, _ = self._menu(request)
        del self._channel.menus[name]
        if self._channel.default_menu == name:
            self._channel.default_menu = ""
        return answer({})

    async def _upload(self, request: web.Request) -> web.Response:
        _, menu = self._menu(request)
        if menu.picture:
            raise LineError(400, "An image has already been uploaded to the richmenu")
        picture = await request.read()
        _check_picture(picture, request.content_type, menu.definition["size"])
        menu.picture, menu.content_type = picture, request.content_type
        return answer({})

    async def _download(self, request: web.Request) -> web.Response:
        _, menu = self._menu(request)
        if not menu.picture:
            raise LineError(404, "Not found")
        return web.Response(body=menu.picture, content_type=menu.content_type)

    async def _default(self, _request: web.Request) -> web.Response:
        if not self._channel.default_menu:
            raise LineError(404, "no default richmenu")
        return answer({"richMenuId": self._channel.default_menu})

    async def _set_default(self, request: web.Request) -> web.Response:
        name, menu = self._menu(request)
        if not menu.picture:
            raise LineError(400, "must upload richmenu image before applying it to user")
        self._channel.default_menu = name
        return answer({})

    async def _cancel_default(self, _request: web.Request) -> web.Response:
        self._channel.default_menu = ""
        return answer({})


def _check_picture(picture: bytes, content_type: str, size: Json) -> None:
    """Check a rich menu's picture: PNG or JPEG, at most 1 MB, exactly the menu's size.

    Raises:
        LineError: 400 or 413, as LINE refuses it.
    """
    if len(picture) > _MOST_PICTURE_BYTES:
        raise LineError(413, "The image is larger than 1 MB")
    try:
        with Image.open(io.BytesIO(picture)) as image:
            form, extent = image.format, image.size
    except UnidentifiedImageError:
        raise LineError(400, "The image could not be read") from None
    if form != _PICTURE_TYPES.get(content_type):
        raise LineError(400, "The image must be a PNG or JPEG of the stated content type")
    if extent != (size["width"], size["height"]):
        raise LineError(400, "The image size must equal the size of the richmenu")
