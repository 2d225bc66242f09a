"""Words that are handed out and come back: signed, so that nobody else can have made them."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

_SIZE: Final = 16
"""Bytes of the signature."""


class Signed:
    """Makes and reads such tokens, with a key of the installation's for one purpose alone. They are not secret: who has one can read it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, text: str) -> str:
        """The text and its signature, fit for an address."""
        said = text.encode()
        return urlsafe_b64encode(said + self._signature(said)).decode().rstrip("=")

    def read(self, token: str) -> str | None:
        """The text; None where the token was not made here."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except ValueError:
            return None
        said, signature = raw[:-_SIZE], raw[-_SIZE:]
        return said.decode() if hmac.compare_digest(signature, self._signature(said)) else None

    def _signature(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")[:_SIZE]
