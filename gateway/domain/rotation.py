"""The secrets of a source as they are kept: told apart, replaced one by another, ended."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Auth = Sequence[Mapping[str, Any]]
"""Proofs as `gateway.proofs.stored` writes them."""


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """One secret of which no more is told than this."""

    id: int
    """The same as long as it is kept; of no use to whoever wants to know the secret."""
    scheme: str
    added_at: datetime | None
    """None where it was not made here."""
    expires_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Whether it is still accepted."""
        return self.expires_at is None or now < self.expires_at


def secrets_of(auth: Auth) -> list[KeptSecret]:
    """Every secret, scheme by scheme."""
    return [_told(proof["scheme"], one) for proof in auth for one in proof["secrets"]]


def rotated(auth: Auth, scheme: str, secret: Mapping[str, Any], *, until: datetime, now: datetime) -> list[dict[str, Any]]:
    """The same with this secret beside those of its scheme, which end at `until` unless they end before."""
    return [
        {**proof, "secrets": [*(_ending(one, until) for one in proof["secrets"]), {**secret, "added_at": now.isoformat()}]}
        if proof["scheme"] == scheme
        else dict(proof)
        for proof in auth
    ]


def without(auth: Auth, secret_id: int) -> list[dict[str, Any]]:
    """The same without this secret."""
    return [{**proof, "secrets": [one for one in proof["secrets"] if _id(one) != secret_id]} for proof in auth]


def tidied(auth: Auth, now: datetime) -> list[dict[str, Any]]:
    """The same without what has expired."""
    return [{**proof, "secrets": [one for one in proof["secrets"] if _told(proof["scheme"], one).is_valid(now)]} for proof in auth]


def _told(scheme: str, one: Mapping[str, Any]) -> KeptSecret:
    return KeptSecret(_id(one), scheme, _moment(one.get("added_at")), _moment(one.get("expires_at")))


def _ending(one: Mapping[str, Any], until: datetime) -> dict[str, Any]:
    ends = _moment(one.get("expires_at"))
    return {**one, "expires_at": (min(ends, until) if ends else until).isoformat()}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _id(one: Mapping[str, Any]) -> int:
    kept = one.get("digest") or one.get("sealed") or ""
    return int.from_bytes(hashlib.sha256(f"id of {kept}".encode()).digest()[:6])
