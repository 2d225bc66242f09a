"""An application whose word on who a user is we take: how its word is checked, and what it is worth."""

from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from gateway.config.auth import Table

PlainName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=300)]


def _permission(value: str) -> str:
    if value.startswith("role:"):
        raise ValueError("what begins with role: comes with the role alone")
    return value


Permission = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_permission)]
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class Issuer(Table):
    """`[[issuer]]`: an application that signs its own users in."""

    team: str
    issuer: PlainName
    """The `iss` of its tokens."""
    audience: PlainName
    algorithm: Literal["HS256", "RS256"]
    secret: str | None = None
    jwks_url: str | None = None
    jwks: dict[str, Any] | None = None
    role: Literal["viewer", "member"] = "member"
    permissions: tuple[Permission, ...] = ()

    @field_validator("secret")
    @classmethod
    def _is_long(cls, value: str | None) -> str | None:
        if value is not None and len(value.encode()) < 32:
            raise ValueError("must have at least 32 bytes, as from: python -c 'import secrets; print(secrets.token_urlsafe(32))'")
        if value is not None and ("-----BEGIN" in value or value.startswith(("ssh-", "{"))):
            raise ValueError("is a key of another kind: an issuer with a key pair has RS256, and jwks or jwks_url")
        return value

    @field_validator("jwks_url")
    @classmethod
    def _is_safe(cls, value: str | None) -> str | None:
        address = urlsplit(value or "")
        if value is not None and not (address.hostname and (address.scheme == "https" or _is_loopback(address))):
            raise ValueError("must begin with https://")
        return value

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        given = [name for name in ("secret", "jwks_url", "jwks") if getattr(self, name) is not None]
        allowed = ["secret"] if self.algorithm == "HS256" else ["jwks_url", "jwks"]
        if len(given) != 1 or given[0] not in allowed:
            raise ValueError(f"{self.algorithm} needs {' or '.join(allowed)}, and nothing else")
        return self


def _is_loopback(address: SplitResult) -> bool:
    return address.scheme == "http" and address.hostname in _LOOPBACK
