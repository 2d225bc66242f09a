"""A source's credentials between the configuration, the database and the door. None of them is ever stored in clear."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from gateway.config.auth import ActiveSecret, Auth, GenericHmac, GrafanaHmac, NamedHeader, Signing
from gateway.vault import Vault
from mappers.contract import SourceKind, SourceSettings
from mappers.contract.signature import TOLERANCE, Proof, Scheme, Secret, Shape, digest, signing_key


def stored(auth: Auth, vault: Vault) -> list[dict[str, Any]]:
    """The proofs as they are kept: digests of static credentials, sealed keys of signing ones."""
    return [_stored_proof(scheme, getattr(auth, scheme.value), vault) for scheme in auth.schemes]


def _stored_proof(scheme: Scheme, given: Any, vault: Vault) -> dict[str, Any]:
    active: Sequence[ActiveSecret] = given if isinstance(given, tuple) else given.secrets
    kept: dict[str, Any] = {"scheme": scheme.value, "secrets": [_stored_secret(scheme, one, vault) for one in active]}
    if isinstance(given, NamedHeader | GrafanaHmac | GenericHmac):
        kept |= {name: value for name, value in asdict(given.shape).items() if value}
    if isinstance(given, Signing):
        kept["tolerance"] = given.tolerance.total_seconds()
    return kept


def _stored_secret(scheme: Scheme, active: ActiveSecret, vault: Vault) -> dict[str, Any]:
    expires = active.expires_at.isoformat() if active.expires_at else None
    if scheme.signs_body:
        return {"sealed": vault.seal(signing_key(scheme, active.secret)), "expires_at": expires}
    return {"digest": digest(active.secret).hex(), "expires_at": expires}


def sealed_settings(settings: Mapping[str, Any], kind: SourceKind, vault: Vault) -> dict[str, Any]:
    """A source's settings as they are kept: what its kind declares as a `SecretStr` is encrypted."""
    secret = secret_settings(kind)
    return {name: vault.seal(str(value).encode()) if name in secret and value else value for name, value in settings.items()}


def opened_settings(kept: Mapping[str, Any], kind: SourceKind, vault: Vault) -> SourceSettings:
    """A source's settings with their secrets open; one sealed with another key is none. Those that fit no more are the defaults."""
    opened: dict[str, Any] = dict(kept)
    for name in secret_settings(kind) & kept.keys():
        secret = vault.open(str(kept[name])) if kept[name] else None
        opened[name] = secret.decode() if secret is not None else None
    try:
        return kind.read_settings(opened)
    except ValidationError:
        return kind.settings()


def given_secrets(auth: Auth, settings: Mapping[str, Any], kind: SourceKind) -> set[str]:
    """Every secret of a source as the configuration gives it."""
    given = [getattr(auth, scheme.value) for scheme in auth.schemes]
    active = [one.secret for some in given for one in (some if isinstance(some, tuple) else some.secrets)]
    return {*active, *(str(settings[name]) for name in secret_settings(kind) if settings.get(name))}


def opened_secrets(auth: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], kind: SourceKind | None, vault: Vault) -> set[str]:
    """Every secret of a source that can be read back: keys of signatures, and what its settings hold."""
    sealed = [str(one["sealed"]) for proof in auth for one in proof["secrets"] if "sealed" in one]
    sealed += [str(settings[name]) for name in (secret_settings(kind) if kind else ()) if settings.get(name)]
    opened = (vault.open(one) for one in sealed)
    return {secret.decode("utf-8", "replace") for secret in opened if secret}


def secret_settings(kind: SourceKind) -> set[str]:
    """The names of its settings that are encrypted where they are kept."""
    return {name for name, field in kind.settings.model_fields.items() if "SecretStr" in str(field.annotation)}


def plain_settings(kept: Mapping[str, Any], kind: SourceKind | None) -> dict[str, Any]:
    """Those of a source's settings that are no secret; none where its kind is unknown, and so which those are."""
    secret = secret_settings(kind) if kind else kept.keys()
    return {name: value for name, value in kept.items() if name not in secret}


def opened(kept: Sequence[Mapping[str, Any]], vault: Vault) -> tuple[Proof, ...]:
    """The proofs as the door checks them. A secret sealed with another key is left out: it can prove nothing."""
    return tuple(
        Proof(
            scheme=Scheme(proof["scheme"]),
            secrets=tuple(secret for one in proof["secrets"] if (secret := _opened_secret(one, vault))),
            shape=Shape(**{name: proof[name] for name in _OF_A_SHAPE if name in proof}) if "header" in proof else None,
            tolerance=timedelta(seconds=proof.get("tolerance", TOLERANCE.total_seconds())),
        )
        for proof in kept
    )


_OF_A_SHAPE: Final = tuple(field.name for field in fields(Shape))


def _opened_secret(one: Mapping[str, Any], vault: Vault) -> Secret | None:
    expires = datetime.fromisoformat(one["expires_at"]) if one.get("expires_at") else None
    if "digest" in one:
        return Secret(digest=bytes.fromhex(one["digest"]), expires_at=expires)
    key = vault.open(one["sealed"])
    return Secret(key=key, expires_at=expires) if key else None
