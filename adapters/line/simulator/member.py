"""A member with a phone: acts as people do, and the bot hears of it by webhook.

Each act comes twice: in the past tense it makes the event (to be posted in any order, in one
body with others, or twice), in the imperative it makes the event and delivers it.
"""

from collections.abc import Iterator

from adapters.line.simulator import events
from adapters.line.simulator.channel import Channel
from adapters.line.simulator.findings import Json
from adapters.line.simulator.inbox import Bond, Button, Delivery, Person
from adapters.line.simulator.webhook import Outcome, Webhook


class Member:
    """The hands of one person. Two members of one name are the same person."""

    def __init__(self, channel: Channel, webhook: Webhook, person: Person) -> None:
        self._channel = channel
        self._webhook = webhook
        self.person = person
        self.name = person.name
        self.user_id = person.user_id
        self._last_message = ""

    # ── what they see ────────────────────────────────────────────────────────────────────────

    @property
    def inbox(self) -> list[Delivery]:
        """Everything that was ever delivered, in order."""
        return self.person.inbox

    def heard(self) -> list[Delivery]:
        """Return what arrived since the last look."""
        return self.person.heard()

    async def next(self, timeout_seconds: float = 5.0) -> Delivery:
        """Return the first unread delivery, waiting for it.

        Raises:
            TimeoutError: nothing arrived in time.
        """
        return await self.person.next(timeout_seconds)

    def button(self, label: str) -> Button:
        """Return the button of that label that a thumb can reach now, the newest first.

        Quick replies are there only under the newest message; the rich menu always is.

        Raises:
            LookupError: there is none; the message names those there are.
        """
        there = list(self._buttons())
        for button in there:
            if button.label == label:
                return button
        labels = ", ".join(button.label for button in there)
        message = f"{self.name} sees no button {label!r}; there are: {labels or 'none'}"
        raise LookupError(message)

    def _buttons(self) -> Iterator[Button]:
        for age, delivery in enumerate(reversed(self.person.inbox)):
            yield from (button for button in delivery.buttons if age == 0 or not button.quick)
        menu = self._channel.menus.get(self._channel.default_menu)
        if menu is not None:
            for area in menu.definition["areas"]:
                yield Button(area["action"].get("label", ""), area["action"])

    # ── events ───────────────────────────────────────────────────────────────────────────────

    def followed(self, *, again: bool = False) -> Json:
        """Make the event of a new friend, or with `again` of one who unblocked."""
        self.person.bond = Bond.FRIEND
        return self._event("follow", follow={"isUnblocked": again})

    def unfollowed(self) -> Json:
        """Make the event of a block."""
        self._act()
        self.person.bond = Bond.BLOCKED
        return self._bare_event("unfollow")

    def said(self, text: str) -> Json:
        """Make the event of a text message."""
        return self._message(events.text(self._channel.number(), text))

    def sent_sticker(self) -> Json:
        """Make the event of a sticker."""
        return self._message(events.sticker(self._channel.number()))

    def sent_image(self, picture: bytes) -> Json:
        """Make the event of a picture, whose bytes the bot can download by the message's id."""
        content = events.image(self._channel.number())
        self._channel.contents[content["id"]] = picture
        return self._message(content)

    def unsent(self, message_id: str = "") -> Json:
        """Make the event of taking a message back; the last one when none is named."""
        self._act()
        gone = message_id or self._last_message
        self._channel.contents.pop(gone, None)
        return self._bare_event("unsend", unsend={"messageId": gone})

    def tapped(self, button: str | Button) -> Json:
        """Make the event of pressing a button, by label or as seen earlier.

        Raises:
            LookupError: no button of that label is in reach.
            ValueError: pressing it makes no event (a link), or needs `picked` (a date).
        """
        pressed = self.button(button) if isinstance(button, str) else button
        action = pressed.action
        match action["type"]:
            case "message":
                return self.said(action["text"])
            case "postback":
                return self._event("postback", postback={"data": action["data"]})
            case kind:
                message = f"a {kind} button makes no event by a tap"
                raise ValueError(message)

    def picked(self, value: str, button: str | Button = "") -> Json:
        """Make the event of a date picker: `value` as ISO date, time or datetime.

        Without `button` the newest date picker in reach is used.

        Raises:
            LookupError: there is no date picker.
            ValueError: the picker does not offer this value.
        """
        action = self._picker(button).action
        if not action.get("min", value) <= value <= action.get("max", value):
            message = f"the picker does not offer {value}"
            raise ValueError(message)
        params = {action["mode"]: value}
        return self._event("postback", postback={"data": action["data"], "params": params})

    def did(self, kind: str, **own: object) -> Json:
        """Make an event of any kind, also of one that does not exist (yet)."""
        return self._event(kind, **own)

    def _picker(self, button: str | Button) -> Button:
        if isinstance(button, Button):
            return button
        for there in self._buttons():
            if there.action["type"] == "datetimepicker" and button in {"", there.label}:
                return there
        message = f"{self.name} sees no date picker"
        raise LookupError(message)

    def _message(self, content: Json) -> Json:
        if self.person.bond is Bond.STRANGER:  # a friend from before the bot, first heard of now
            self.person.bond = Bond.FRIEND
        self._last_message = content["id"]
        return self._event("message", message=content)

    def _event(self, kind: str, **own: object) -> Json:
        self._act()
        return self._bare_event(kind, replyToken=self._channel.issue_token(self.person), **own)

    def _bare_event(self, kind: str, **own: object) -> Json:
        at = self._channel.clock.now()
        event_id = events.ulid(at, self._channel.chance)
        made = events.event(kind, self.user_id, at, event_id, **own)
        made["mode"] = self._channel.mode
        return made

    def _act(self) -> None:
        self.person.acted = len(self.person.inbox)

    # ── acts ─────────────────────────────────────────────────────────────────────────────────

    async def follow(self) -> Outcome:
        """Add the account as a friend."""
        return await self._webhook.post([self.followed()])

    async def unfollow(self) -> Outcome:
        """Block the account."""
        return await self._webhook.post([self.unfollowed()])

    async def unblock(self) -> Outcome:
        """Take the block back."""
        return await self._webhook.post([self.followed(again=True)])

    async def say(self, text: str) -> Outcome:
        """Send a text message."""
        return await self._webhook.post([self.said(text)])

    async def tap(self, button: str | Button) -> Outcome:
        """Press a button, by label or as seen earlier."""
        return await self._webhook.post([self.tapped(button)])

    async def pick(self, value: str, button: str | Button = "") -> Outcome:
        """Choose in a date picker."""
        return await self._webhook.post([self.picked(value, button)])

    async def sticker(self) -> Outcome:
        """Send a sticker."""
        return await self._webhook.post([self.sent_sticker()])

    async def image(self, picture: bytes) -> Outcome:
        """Send a picture."""
        return await self._webhook.post([self.sent_image(picture)])

    async def unsend(self, message_id: str = "") -> Outcome:
        """Take a message back."""
        return await self._webhook.post([self.unsent(message_id)])

    async def unknown(self, kind: str) -> Outcome:
        """Do something of a kind that LINE may invent later."""
        return await self._webhook.post([self.did(kind)])
