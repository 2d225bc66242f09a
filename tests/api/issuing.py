"""An application that signs its users in: what it would send, right or wrong."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gateway.storage import issuers
from gateway.vault import Vault
from tests.builders import House
from tests.conftest import NOW

SECRET = "a secret of the shop, of more than 32 bytes"
VAULT = Vault("k" * 32)
SHOP, BANK = "https://shop.example", "https://bank.example"
AUDIENCE = "tocsin"


def part(value: Any) -> str:
    """One part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def claims(subject: str = "u-1", **given: Any) -> dict[str, Any]:
    """What a right token says; None takes a claim out."""
    said = {"iss": SHOP, "aud": AUDIENCE, "sub": subject, "exp": int(NOW.timestamp()) + 600, **given}
    return {name: value for name, value in said.items() if value is not None}


def by_hmac(said: Any, *, key: bytes = SECRET.encode(), name: str = "sha256", header: Mapping[str, Any] | None = None, **named: Any) -> str:
    """A token signed as HS256, whatever its header says. Spelled out here, so that the library is not its own judge."""
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT', **named, **(header or {})})}.{part(said)}"
    return f"{signed}.{part(hmac.new(key, signed.encode(), getattr(hashlib, name)).digest())}"


@cache
def key_pair(number: int = 0) -> rsa.RSAPrivateKey:
    """A key pair; the same for the same number."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024 if number < 0 else 2048)


def by_rsa(said: Any, *, number: int = 0, **header: Any) -> str:
    """A token signed as RS256, whatever its header says; None takes something out of it."""
    whole = {"alg": "RS256", "kid": f"key-{number}", **header}
    signed = f"{part({name: value for name, value in whole.items() if value is not None})}.{part(said)}"
    return f"{signed}.{part(key_pair(number).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def pem(number: int = 0) -> bytes:
    """The public key as everybody may know it."""
    return key_pair(number).public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def jwk(number: int = 0, **given: Any) -> dict[str, Any]:
    """The public key as one of a set."""
    numbers = key_pair(number).public_key().public_numbers()
    n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
    return {"kty": "RSA", "kid": f"key-{number}", "use": "sig", "alg": "RS256", "n": part(n), "e": part(b"\x01\x00\x01"), **given}


def key_set(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": list(keys)})


def issuer(house: House, name: str = SHOP, *, team_id: int | None = None, **given: Any) -> None:
    """An issuer of the team; HS256 unless `jwks` is given."""
    shape = {
        "audience": AUDIENCE, "algorithm": "RS256" if "jwks" in given else "HS256", "jwks": None, "role": "member", "permissions": (),
        "secret": None if "jwks" in given else VAULT.seal(SECRET.encode()), **given,
    }  # fmt: skip
    with house.database.writing() as transaction:
        issuers.put(transaction, issuer=name, team_id=team_id or house.team_id, **shape)
