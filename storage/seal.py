"""Sealing at rest: encryption with rotating keys, and keyed hashes.

Every sealed value carries what it is bound to (a table, a column and its owner), so that a
value moved to another row does not open. Keys come from HIROBA_SECRET_KEYS, newest first.

What a member wrote is sealed with the member's own key (`Cipher.of`), which erasing destroys.
Such a value begins with the member's number and a dot, so it is opened like any other.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SealBroken(ValueError):
    """A sealed value does not open with our keys, or was sealed for another row."""


class Keys(Protocol):
    """Members' own keys; `storage.keyring` keeps them."""

    def key_of(self, member_id: int, *, make: bool = False) -> Fernet:
        """Return a member's own key; `make` one where there is none.

        Raises:
            SealBroken: there is no such key (any more).
        """

    def forget(self, member_id: int, hashes: Sequence[str], at: datetime) -> None:
        """Destroy a member's key for good and list the hashes of their accounts."""

    def close(self) -> None:
        """Release the file."""


@dataclass(frozen=True, slots=True)
class Own:
    """Seals with one member's own key."""

    keys: Keys
    member_id: int

    def seal(self, plain: str | bytes, bound: str) -> bytes:
        """Encrypt `plain`; `Cipher.open` opens it for the same `bound` while the key is there."""
        key = self.keys.key_of(self.member_id, make=True)
        return b"%d." % self.member_id + key.encrypt(_packed(plain, bound))


class Cipher:
    """Seals, opens and hashes. `secret` is the community's own random key for hashes."""

    __slots__ = ("_fernet", "_keyring", "secret")

    def __init__(
        self, keys: Sequence[str], secret: bytes = b"", keyring: Keys | None = None
    ) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._keyring = keyring
        self.secret = secret

    def __repr__(self) -> str:
        """Show nothing: a cipher may stand in a traceback."""
        return "Cipher(…)"

    def seal(self, plain: str | bytes, bound: str) -> bytes:
        """Encrypt `plain`; it opens again only for the same `bound`."""
        return self._fernet.encrypt(_packed(plain, bound))

    def of(self, member_id: int) -> Own:
        """Return what seals with a member's own key."""
        return Own(self.keyring, member_id)

    @property
    def keyring(self) -> Keys:
        """Members' own keys.

        Raises:
            LookupError: this cipher was given none.
        """
        if self._keyring is None:
            message = "no key file was named"
            raise LookupError(message)
        return self._keyring

    def open(self, sealed: bytes, bound: str) -> bytes:
        """Decrypt.

        Raises:
            SealBroken: wrong keys, damaged value, sealed for something else, or sealed with a
                member's own key that is destroyed.
        """
        fernet, token = self._key_of(sealed)
        try:
            found, _, data = fernet.decrypt(token).partition(b"\0")
        except InvalidToken as error:
            message = "does not open with these keys"
            raise SealBroken(message) from error
        if found != bound.encode():
            message = "was sealed for another row"
            raise SealBroken(message)
        return data

    def text(self, sealed: bytes, bound: str) -> str:
        """Decrypt to text; see `open`."""
        return self.open(sealed, bound).decode()

    def rotate(self, sealed: bytes) -> bytes:
        """Seal again with the newest key; what a member's own key seals stays as it is."""
        return sealed if _number(sealed) else self._fernet.rotate(sealed)

    def _key_of(self, sealed: bytes) -> tuple[Fernet | MultiFernet, bytes]:
        """Return the key of a sealed value, and its token."""
        number = _number(sealed)
        if not number:
            return self._fernet, sealed
        return self.keyring.key_of(int(number)), sealed[len(number) + 1 :]

    def mac(self, purpose: str, *parts: str) -> str:
        """Return a keyed hash (32 hex digits, 128 bits) of `parts`, different for each purpose."""
        text = "\0".join((purpose, *parts)).encode()
        # BLAKE2 is keyed by itself: one call, a third of an HMAC's time, many times an event.
        return blake2b(text, key=self.secret, digest_size=16).hexdigest()

    @staticmethod
    def same(one: str, other: str) -> bool:
        """Compare two hashes in constant time."""
        return hmac.compare_digest(one.encode(), other.encode())


def _packed(plain: str | bytes, bound: str) -> bytes:
    return bound.encode() + b"\0" + (plain.encode() if isinstance(plain, str) else plain)


def _number(sealed: bytes) -> bytes:
    """Return the number of the member whose key seals a value; b"" when it is the community's."""
    # The community's tokens are base64url, which has no dot.
    number = sealed[:20].partition(b".")[0]
    return number if number.isdigit() else b""
