"""Rows and values as they travel: messages and addresses as JSON, signed choice values."""

import json
from typing import Any

from bot.events import Account, Address, ReplyHandle
from bot.messages import Card, Choice, Choices, Form, Image, Link, Message, Part, Picks, Text
from storage.seal import Cipher

# Made once: `json.dumps` with an option makes an encoder for every call.
_JSON = json.JSONEncoder(ensure_ascii=False, check_circular=False)

SIGNATURE = 16
"""Hex digits of a choice's signature: 64 bits, and `~`, keep a value under 100 bytes."""


def sign(cipher: Cipher, value: str, account: Account | None) -> str:
    """Sign a choice value for one account, or for anyone in a public place (None)."""
    return f"{value}~{_signature(cipher, value, account)}"


def verified(cipher: Cipher, signed: str, account: Account | None) -> str | None:
    """Return the value of a signed choice, or None when it was not signed for this account."""
    value, _, signature = signed.rpartition("~")
    if not value:
        return None
    for signer in (account, None):
        if cipher.same(signature, _signature(cipher, value, signer)):
            return value
    return None


def _signature(cipher: Cipher, value: str, account: Account | None) -> str:
    who = (account.platform, account.realm, account.user_id) if account else ("", "", "")
    return cipher.mac("choice", *who, value)[:SIGNATURE]


def dump_address(address: Address) -> str:
    """Return an address as JSON."""
    account = address.account
    return _JSON.encode(
        {
            "platform": address.platform,
            "account": [account.realm, account.user_id] if account else None,
            "conversation": address.conversation,
            "thread": address.thread,
            "private": address.private,
            "reply": address.reply.token if address.reply else "",
        }
    )


def load_address(text: str | bytes) -> Address:
    """Return the address of `dump_address`."""
    data: dict[str, Any] = json.loads(text)
    platform = data["platform"]
    return Address(
        platform=platform,
        account=Account(platform, *data["account"]) if data["account"] else None,
        conversation=data["conversation"],
        thread=data["thread"],
        private=data["private"],
        reply=ReplyHandle(data["reply"]) if data["reply"] else None,
    )


def dump_message(message: Message) -> str:
    """Return a message as JSON; forms are walked question by question before they get here."""
    return _JSON.encode([_dump_part(part) for part in message.parts])


def load_message(text: str | bytes) -> Message:
    """Return the message of `dump_message`."""
    return Message(tuple(_load_part(part) for part in json.loads(text)))


def _dump_part(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"text": text}
        case Choices(options, page, turn):
            return {"choices": [_dump_choice(o) for o in options], "page": page, "turn": turn}
        case Image(path, alt):
            return {"image": path, "alt": alt}
        case Link(label, url):
            return {"link": url, "label": label}
        case Card(title, body, image, options):
            return {
                "card": title,
                "body": body,
                "image": _dump_part(image) if image else None,
                "options": [_dump_choice(o) for o in options],
            }
        case Form():
            message = "a form is asked, not stored"
            raise TypeError(message)


def _load_part(data: dict[str, Any]) -> Part:
    if "text" in data:
        return Text(data["text"])
    if "choices" in data:
        options = tuple(_load_choice(option) for option in data["choices"])
        return Choices(options, data["page"], data["turn"])
    if "image" in data and "alt" in data:
        return Image(data["image"], data["alt"])
    if "link" in data:
        return Link(data["label"], data["link"])
    image = data["image"]
    return Card(
        data["card"],
        data["body"],
        Image(image["image"], image["alt"]) if image else None,
        tuple(_load_choice(option) for option in data["options"]),
    )


def _dump_choice(choice: Choice) -> list[str]:
    return [choice.label, choice.value, choice.picks.value]


def _load_choice(data: list[str]) -> Choice:
    return Choice(data[0], data[1], Picks(data[2]))
