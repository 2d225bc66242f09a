"""The databases and probes of `tocsin.toml`: checked, put in force, and no longer looked at when they are named no more."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from gateway.config.document import Configuration, ConfigurationError, Database, Probe
from gateway.domain.outgoing import OPERATORS, fault_of
from gateway.storage import audit, checks
from gateway.storage.checks import Wanted
from gateway.storage.database import Transaction
from gateway.upstream import databases
from gateway.vault import Vault
from gateway.watchers.rounds import unwatched


def check_watched(configuration: Configuration) -> None:
    """Checks the addresses. Raises `ConfigurationError`."""
    faults = [f"[[probe]] {index} ({one.team}/{one.slug}): url: {fault}" for index, one, fault in _probe_faults(configuration)]
    for index, one in enumerate(configuration.database, 1):
        try:
            databases.shown(one.url)
        except ValueError as error:
            faults.append(f"[[database]] {index} ({one.team}/{one.slug}): url: {error}")
    if faults:
        raise ConfigurationError(faults)


def _probe_faults(configuration: Configuration) -> Iterator[tuple[int, Probe, str]]:
    for index, one in enumerate(configuration.probe, 1):
        fault = fault_of(one.url, OPERATORS)
        if fault:
            yield index, one, fault


def keep_watched(transaction: Transaction, configuration: Configuration, teams: Mapping[str, int], vault: Vault, now: datetime) -> None:
    """Makes, changes and disables them, and writes down which are new and which are gone."""
    before = {(one.team_id, one.kind, one.slug) for one in checks.every(transaction)}
    wanted = [_database(one, teams[one.team], vault) for one in configuration.database]
    wanted += [_probe(one, teams[one.team], vault) for one in configuration.probe]
    gone = checks.keep(transaction, wanted, now=now)
    for one in gone:
        unwatched(transaction, one, now)
        _note(transaction, one.team_id, one.kind, "disabled", one.slug, now)
    for new in wanted:
        if (new.team_id, new.kind, new.slug) not in before:
            _note(transaction, new.team_id, new.kind, "added", new.slug, now)


def _note(transaction: Transaction, team_id: int, kind: str, what: str, slug: str, now: datetime) -> None:
    audit.note(transaction, by=audit.CONFIGURATION, team_id=team_id, action=f"{kind}.{what}", target=f"{kind} {slug}", now=now)


def _database(one: Database, team_id: int, vault: Vault) -> Wanted:
    address = databases.shown(one.url)
    settings = {"include": list(one.include), "exclude": list(one.exclude)}
    return Wanted(
        team_id, checks.DATABASE, one.slug, one.environment, list(one.owners), address, vault.seal(one.url.encode()), settings,
        _identity(address, settings), one.cron, int(one.every.total_seconds()), one.timezone, one.tries,
    )  # fmt: skip


def _probe(one: Probe, team_id: int, vault: Vault) -> Wanted:
    secret = json.dumps({"url": one.url, "headers": dict(one.headers)})
    settings = {
        "method": one.method, "timeout_seconds": one.timeout.total_seconds(), "status": list(one.status), "contains": one.contains,
        "redirects": one.redirects, "certificate_seconds": one.certificate.total_seconds(),
    }  # fmt: skip
    return Wanted(
        team_id, checks.PROBE, one.slug, one.environment, list(one.owners), _without_query(one.url), vault.seal(secret.encode()), settings,
        _identity(one.slug), None, int(one.interval.total_seconds()), "UTC", one.tries,
    )  # fmt: skip


def _without_query(url: str) -> str:
    """A query may hold a key."""
    return url.partition("#")[0].partition("?")[0]


def _identity(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
