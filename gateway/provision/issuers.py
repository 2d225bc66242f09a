"""The issuers of `tocsin.toml`: checked, put in force, and disabled when they are named no more."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.api.jwks import read_keys, usable
from gateway.config.document import Configuration, ConfigurationError, Issuer
from gateway.storage import audit, issuers
from gateway.storage.database import Transaction
from gateway.vault import Vault


def check_issuers(configuration: Configuration) -> None:
    """Checks the keys that stand in the file. Raises `ConfigurationError`."""
    faults = [
        f"[[issuer]] {index} ({one.team}/{one.issuer}): jwks: {fault}"
        for index, one in enumerate(configuration.issuer, 1)
        if one.jwks is not None and (fault := _fault(one.jwks))
    ]
    if faults:
        raise ConfigurationError(faults)


def _fault(jwks: Mapping[str, Any]) -> str | None:
    try:
        keys = read_keys(json.dumps(jwks))
    except ValueError as error:
        return str(error)
    return None if usable(keys) else "needs RSA keys of at least 2048 bits for RS256; several must each have a kid of its own"


def keep_issuers(transaction: Transaction, configuration: Configuration, teams: Mapping[str, int], vault: Vault, now: datetime) -> None:
    """Makes, changes and disables issuers, and writes down what is not as it was. Raises `ConfigurationError`."""
    known = issuers.every(transaction)
    moved = [one for one in configuration.issuer if one.issuer in known and known[one.issuer].team_id != teams[one.team]]
    if moved:
        raise ConfigurationError(
            f"[[issuer]] ({one.issuer}): team: this issuer is bound to another team; whom it named would go along" for one in moved
        )
    for one in configuration.issuer:
        _put(transaction, one, known.get(one.issuer), teams[one.team], vault, now)
    for name in known.keys() - {one.issuer for one in configuration.issuer}:
        if known[name].enabled:
            issuers.disable(transaction, issuer_id=known[name].id, now=now)
            audit.note(
                transaction, by=audit.CONFIGURATION, team_id=known[name].team_id, action="issuer.disabled", target=f"issuer {name}", now=now
            )


def _put(transaction: Transaction, one: Issuer, known: issuers.Issuer | None, team_id: int, vault: Vault, now: datetime) -> None:
    if known and known.enabled and _secret_stays(one, known, vault) and _said(one) == _kept(known):
        return
    said = _said(one)
    secret = vault.seal(one.secret.encode()) if one.secret else None
    issuer_id = issuers.put(transaction, issuer=one.issuer, team_id=team_id, secret=secret, **said)
    if known and (known.role, known.permissions) != (one.role, one.permissions):
        issuers.spread(transaction, issuer_id=issuer_id, team_id=team_id, role=one.role, permissions=one.permissions)
    shown = {name: said[name] for name in ("audience", "algorithm", "role")} | {"permissions": list(one.permissions)}
    action = "issuer.changed" if known else "issuer.added"
    audit.note(
        transaction, by=audit.CONFIGURATION, team_id=team_id, action=action, target=f"issuer {one.issuer}", now=now,
        details={**shown, "keys": one.jwks_url or "in the file"},
    )  # fmt: skip


def _secret_stays(one: Issuer, known: issuers.Issuer, vault: Vault) -> bool:
    return (vault.open(known.secret) if known.secret else None) == (one.secret.encode() if one.secret else None)


def _said(one: Issuer) -> dict[str, Any]:
    return {
        "audience": one.audience, "algorithm": one.algorithm, "role": one.role, "permissions": one.permissions,
        "jwks": one.jwks_url or (json.dumps(one.jwks, sort_keys=True) if one.jwks is not None else None),
    }  # fmt: skip


def _kept(known: issuers.Issuer) -> dict[str, Any]:
    return {name: getattr(known, name) for name in ("audience", "algorithm", "role", "permissions", "jwks")}
