"""An ID token: whether the provider signed it, for us, now, and for the flow it answers; and whom it names.

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.upstream.asking import Refused
from mappers.contract.text import one_line

if TYPE_CHECKING:
    from joserfc.jwk import Key

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""With a key pair, all of them: a token never chooses to be checked with our own secret, or not at all."""
LEEWAY: Final = 60
"""Seconds that the provider's clock may be apart from ours."""
MOST_KEYS: Final = 50
_LEAST_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class Claims:
    """What the provider says of somebody."""

    subject: str
    email: str
    """Empty where it says none."""
    is_verified: bool
    name: str


def read_keys(document: Any) -> "list[Key]":
    """The public keys of a set that signatures can be checked with; others are passed over. Raises `Refused` for what is no set."""
    from joserfc.jwk import import_key

    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise Refused("The provider's keys are no JSON key set.")
    keys = []
    for one in listed[:MOST_KEYS]:
        if isinstance(one, dict) and one.get("kty") in ("RSA", "EC", "OKP") and one.get("use", "sig") == "sig":
            try:
                key = import_key(one)
                if key.key_type != "RSA" or key.public_key.key_size >= _LEAST_BITS:  # type: ignore[union-attr]
                    keys.append(key)
            except Exception:  # noqa: S112 - whatever a stranger's numbers make of it: this is no key
                continue
    return keys


def key_id(token: str) -> str | None:
    """Which key it says it is signed with. Raises `Refused` for what is no signed token."""
    from joserfc.errors import JoseError
    from joserfc.jws import extract_compact

    try:
        header = extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Refused("The provider's ID token is none.") from None
    named = header.get("kid")
    return named if isinstance(named, str) else None


def pick(keys: "Sequence[Key]", named: str | None) -> "Key | None":
    """The key a token names; where it names none, the only one there is."""
    fitting = [key for key in keys if named is None or key.kid == named]
    return fitting[0] if len(fitting) == 1 else None


def verified(
    token: str, key: "Key", *, issuer: str, client_id: str, nonce: str, access_token: str | None, allowed: Sequence[str], now: float
) -> Mapping[str, Any]:
    """The claims, once everything about them is right. Raises `Refused` with what is not."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jws import JWSRegistry

    algorithms = [one for one in ALGORITHMS if one in allowed]
    try:
        decoded = jwt.decode(token, key, registry=JWSRegistry(algorithms=algorithms, strict_check_header=False))
        if "crit" in decoded.header:
            raise Refused("The provider's ID token asks for what is not known here.")
        options = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
        params = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
        CodeIDToken(decoded.claims, decoded.header, options, params).validate(now=int(now), leeway=LEEWAY)
    except JoseError as error:
        raise Refused(f"The provider's ID token is not right: {one_line(str(error), 100)}") from None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise Refused("The provider's ID token cannot be read.") from None
    return decoded.claims


def claims(said: Mapping[str, Any]) -> Claims:
    """Whom claims name."""
    email, is_verified, name = said.get("email"), said.get("email_verified"), said.get("name")
    return Claims(
        subject=str(said.get("sub", "")),
        email=email if isinstance(email, str) and len(email) <= 320 else "",
        is_verified=is_verified is True or is_verified == "true",  # Amazon Cognito says it as text
        name=one_line(name[:1000], 200) if isinstance(name, str) else "",
    )
