"""Keeping what must be read back, and nothing else: signing secrets, encrypted by the installation's own key."""

import base64
import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

KEY_FILE: Final = "secret.key"


class VaultError(Exception):
    """There is no usable key; the message says what to set."""


class Vault:
    """Seals and opens small secrets with a key derived from `TOCSIN_SECRET_KEY`."""

    def __init__(self, key: str) -> None:
        """`key` is any text of at least 32 characters. Raises `VaultError` for a shorter one."""
        if len(key) < 32:
            raise VaultError(
                "TOCSIN_SECRET_KEY must have at least 32 characters, as from: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        self._key = base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())

    def derived(self, purpose: str) -> bytes:
        """A key of its own for one purpose, the same on every machine of the installation."""
        return hashlib.sha256(f"tocsin {purpose}\0".encode() + self._key).digest()

    @property
    def mark(self) -> str:
        """By which two keys can be told apart, and which tells nothing of them."""
        return self.derived("mark")[:8].hex()

    def _fernet(self) -> "Fernet":
        from cryptography.fernet import Fernet  # slow to import, and needed by signature schemes only

        return Fernet(self._key)

    def seal(self, secret: bytes) -> str:
        """The secret, encrypted, as text."""
        return self._fernet().encrypt(secret).decode("ascii")

    def open(self, sealed: str) -> bytes | None:
        """A sealed secret; None where it was sealed with another key or tampered with."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet().decrypt(sealed.encode("ascii"))
        except (InvalidToken, ValueError):
            return None


def key_beside(database: Path) -> str:
    """The key kept beside an embedded database, made with mode 0600 where there is none; whole or not at all."""
    path = database.parent / KEY_FILE
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        fresh = path.with_name(f"{KEY_FILE}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):  # another process was faster: its key is the key
            os.link(fresh, path)
        fresh.unlink()
        return path.read_text(encoding="ascii").strip()
