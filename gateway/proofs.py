"""A source's credentials between the configuration, the database and the door. None of them is ever stored in clear."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.config.document import ActiveSecret, Auth
from gateway.vault import Vault
from mappers.contract import SourceKind
from mappers.contract.signature import Proof, Scheme, Secret, decode, digest


def stored(auth: Auth, vault: Vault) -> list[dict[str, Any]]:
    """The proofs as they are kept: digests of static credentials, sealed keys of signing ones."""
    kept: list[dict[str, Any]] = []
    for scheme in auth.schemes:
        shape = getattr(auth, scheme.value)
        active: Sequence[ActiveSecret] = shape if isinstance(shape, tuple) else shape.secrets
        proof: dict[str, Any] = {"scheme": scheme.value, "secrets": [_stored_secret(scheme, one, vault) for one in active]}
        if scheme is Scheme.HEADER:
            proof["header"] = shape.name
        if scheme is Scheme.HMAC:
            proof |= {"header": shape.header, "prefix": shape.prefix, "encoding": shape.encoding, "algorithm": shape.algorithm}
        kept.append(proof)
    return kept


def _stored_secret(scheme: Scheme, active: ActiveSecret, vault: Vault) -> dict[str, Any]:
    expires = active.expires_at.isoformat() if active.expires_at else None
    if scheme.signs_body:
        return {"sealed": vault.seal(signing_key(scheme, active.secret)), "expires_at": expires}
    return {"digest": digest(active.secret).hex(), "expires_at": expires}


def signing_key(scheme: Scheme, secret: str) -> bytes:
    """The bytes a sender signs with. Standard Webhooks writes them as `whsec_` and base64."""
    if scheme is Scheme.STANDARD_WEBHOOKS:
        return decode(secret.removeprefix("whsec_"), "base64") or secret.encode()
    return secret.encode()


def sealed_settings(settings: Mapping[str, Any], kind: SourceKind, vault: Vault) -> dict[str, Any]:
    """A source's settings as they are kept: what its kind declares as a `SecretStr` is encrypted."""
    secret = {name for name, field in kind.settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    return {name: vault.seal(str(value).encode()) if name in secret and value else value for name, value in settings.items()}


def opened(kept: Sequence[Mapping[str, Any]], vault: Vault) -> tuple[Proof, ...]:
    """The proofs as the door checks them. A secret sealed with another key is left out: it can prove nothing."""
    return tuple(
        Proof(
            scheme=Scheme(proof["scheme"]),
            secrets=tuple(secret for one in proof["secrets"] if (secret := _opened_secret(one, vault))),
            header=proof.get("header", ""),
            prefix=proof.get("prefix", ""),
            encoding=proof.get("encoding", "hex"),
            algorithm=proof.get("algorithm", "sha256"),
        )
        for proof in kept
    )


def _opened_secret(one: Mapping[str, Any], vault: Vault) -> Secret | None:
    expires = datetime.fromisoformat(one["expires_at"]) if one.get("expires_at") else None
    if "digest" in one:
        return Secret(digest=bytes.fromhex(one["digest"]), expires_at=expires)
    key = vault.open(one["sealed"])
    return Secret(key=key, expires_at=expires) if key else None
