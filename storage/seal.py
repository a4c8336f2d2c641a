"""Sealing at rest: encryption with rotating keys, and keyed hashes.

Every sealed value carries what it is bound to (a table, a column and its owner), so that a
value moved to another row does not open. Keys come from HIROBA_SECRET_KEYS, newest first.
"""

import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SealBroken(ValueError):
    """A sealed value does not open with our keys, or was sealed for another row."""


class Cipher:
    """Seals, opens and hashes. `secret` is the community's own random key for hashes."""

    __slots__ = ("_fernet", "secret")

    def __init__(self, keys: Sequence[str], secret: bytes = b"") -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self.secret = secret

    def __repr__(self) -> str:
        """Show nothing: a cipher may stand in a traceback."""
        return "Cipher(…)"

    def seal(self, plain: str | bytes, bound: str) -> bytes:
        """Encrypt `plain`; it opens again only for the same `bound`."""
        data = plain.encode() if isinstance(plain, str) else plain
        return self._fernet.encrypt(bound.encode() + b"\0" + data)

    def open(self, sealed: bytes, bound: str) -> bytes:
        """Decrypt.

        Raises:
            SealBroken: wrong keys, damaged value, or sealed for something else.
        """
        try:
            found, _, data = self._fernet.decrypt(sealed).partition(b"\0")
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
        """Seal again with the newest key."""
        return self._fernet.rotate(sealed)

    def mac(self, purpose: str, *parts: str) -> str:
        """Return a keyed hash (32 hex digits, 128 bits) of `parts`, different for each purpose."""
        text = "\0".join((purpose, *parts)).encode()
        return hmac.digest(self.secret, text, "sha256")[:16].hex()

    @staticmethod
    def same(one: str, other: str) -> bool:
        """Compare two hashes in constant time."""
        return hmac.compare_digest(one.encode(), other.encode())
