"""Keeping what must be read back, and nothing else: signing secrets, encrypted by the installation's own key."""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

KEY_FILE: Final = "secret.key"


class VaultError(Exception):
    """There is no usable key; the message says what to set."""


class Vault:
    """Seals small secrets with a key derived from `TOCSIN_SECRET_KEY`, and opens what was sealed with it or with an old one."""

    def __init__(self, key: str, old: Sequence[str] = ()) -> None:
        """Each key is any text of at least 32 characters. Raises `VaultError` for a shorter one."""
        if any(len(one) < 32 for one in (key, *old)):
            raise VaultError(
                "TOCSIN_SECRET_KEY must have at least 32 characters, as from: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
                " (so must each of TOCSIN_SECRET_KEYS_OLD)"
            )
        self._keys = tuple(base64.urlsafe_b64encode(hashlib.sha256(one.encode()).digest()) for one in (key, *old))

    def derived(self, purpose: str) -> bytes:
        """A key of its own for one purpose, the same on every machine of the installation."""
        return _derived(self._keys[0], purpose)

    def every_derived(self, purpose: str) -> tuple[bytes, ...]:
        """The same, and then those of old keys, for reading what was signed before."""
        return tuple(_derived(key, purpose) for key in self._keys)

    @property
    def mark(self) -> str:
        """By which two keys can be told apart, and which tells nothing of them."""
        return self.derived("mark")[:8].hex()

    def proof(self, nonce: str) -> str:
        """What only an installation with this key can say to a nonce."""
        return hmac.digest(self.derived("health"), nonce.encode("utf-8", "replace"), "sha256").hex()

    @property
    def has_old(self) -> bool:
        """Whether it knows keys that nothing is sealed with any more."""
        return len(self._keys) > 1

    def seal(self, secret: bytes) -> str:
        """The secret, encrypted with the key of today, as text."""
        return _fernet(self._keys[0]).encrypt(secret).decode("ascii")

    def open(self, sealed: str) -> bytes | None:
        """A sealed secret; None where it was sealed with a key that is not known or tampered with."""
        return next((secret for key in self._keys if (secret := _opened(key, sealed)) is not None), None)

    def is_current(self, sealed: str) -> bool:
        """Whether it is sealed with the key of today."""
        return _opened(self._keys[0], sealed) is not None


def looks_sealed(text: str) -> bool:
    """Whether this is what `Vault.seal` gives, by whichever key. https://github.com/fernet/spec"""
    return text.startswith("gAAAA") and len(text) >= 100


def _derived(key: bytes, purpose: str) -> bytes:
    return hashlib.sha256(f"tocsin {purpose}\0".encode() + key).digest()


def _fernet(key: bytes) -> "Fernet":
    from cryptography.fernet import Fernet  # slow to import, and needed by signature schemes only

    return Fernet(key)


def _opened(key: bytes, sealed: str) -> bytes | None:
    from cryptography.fernet import InvalidToken

    try:
        return _fernet(key).decrypt(sealed.encode("ascii"))
    except (InvalidToken, ValueError):
        return None


def keys_beside(database: Path) -> list[str]:
    """The keys kept beside an embedded database: that of today, then old ones. One is made where there is none."""
    return [line.strip() for line in key_beside(database).splitlines() if line.strip()]


def put_key(database: Path, keys: Sequence[str]) -> None:
    """Writes these keys in place of those beside the database; whole or not at all."""
    path = database.parent / KEY_FILE
    fresh = _written(path, "\n".join(keys))
    fresh.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def new_key() -> str:
    """One that nobody has."""
    return secrets.token_urlsafe(32)


def _written(path: Path, text: str) -> Path:
    fresh = path.with_name(f"{KEY_FILE}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(descriptor)
    return fresh


def key_beside(database: Path) -> str:
    """The key kept beside an embedded database, made with mode 0600 where there is none; whole or not at all."""
    path = database.parent / KEY_FILE
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        fresh = _written(path, new_key())
        with contextlib.suppress(FileExistsError):  # another process was faster: its key is the key
            os.link(fresh, path)
        fresh.unlink()
        return path.read_text(encoding="ascii").strip()
