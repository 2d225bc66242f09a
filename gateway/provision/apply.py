"""`tocsin.toml` into the database: idempotent, one transaction, never over what a person chose."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from gateway import proofs
from gateway.config.document import Configuration, ConfigurationError, Monitor, Source, Subscription
from gateway.config.faults import of_settings
from gateway.domain.outgoing import OPERATORS
from gateway.provision.issuers import check_issuers, keep_issuers
from gateway.provision.people import put_people
from gateway.provision.watched import check_watched, keep_watched
from gateway.storage import audit, locks, monitors, people, sources
from gateway.storage.database import Transaction
from gateway.upstream import addresses
from gateway.vault import Vault
from mappers.contract import SourceKind


@dataclass(frozen=True, slots=True)
class Applied:
    """What is in force now."""

    teams: int
    users: int
    sources: int
    monitors: int
    watched: int
    """Databases and probes."""
    disabled: tuple[str, ...]
    """Slugs of sources that the file no longer names."""
    adopted: tuple[str, ...]
    """`team/slug` of sources that were made elsewhere, and that the file owns from now on."""
    others: tuple[str, ...]
    """`team/slug` of enabled sources that were never in the file: of a first start, or of the demo."""


def check_sources(configuration: Configuration, kinds: Mapping[str, SourceKind]) -> None:
    """Checks kinds, their authentication and their settings. Raises `ConfigurationError`."""
    faults: list[str] = []
    for index, source in enumerate(configuration.source, 1):
        where = f"[[source]] {index} ({source.team}/{source.slug})"
        kind = kinds.get(source.kind)
        if kind is None:
            offered = sorted(name for name, one in kinds.items() if not one.is_own)
            faults.append(f"{where}: kind: there is no {source.kind!r}; there are {', '.join(offered)}")
            continue
        if kind.is_own:
            faults.append(f"{where}: kind: {source.kind!r} is what Tocsin says itself; every team has it without being asked")
            continue
        unfit = [scheme.value for scheme in source.auth.schemes if scheme not in kind.auth]
        if unfit:
            faults.append(
                f"{where}: auth: {kind.title} cannot use {', '.join(unfit)}; it can use {', '.join(one.value for one in kind.auth)}"
            )
        try:
            settings = kind.read_settings(source.settings)
            faults += [f"{where}: settings.{name}: {fault}" for name, fault in addresses.faults(kind.kind, settings, OPERATORS).items()]
        except ValidationError as error:
            faults += [f"{where}: {fault}" for fault in of_settings(error, kind.settings.model_fields)]
    if faults:
        raise ConfigurationError(faults)


def given_secrets(configuration: Configuration, kinds: Mapping[str, SourceKind]) -> set[str]:
    """What the configuration gives that nobody may read: credentials of senders, of people and of issuers."""
    of_sources = (proofs.given_secrets(one.auth, one.settings, kinds[one.kind]) for one in configuration.source if one.kind in kinds)
    people = {one.token for one in configuration.user if one.token} | {one.secret for one in configuration.issuer if one.secret}
    return people.union(*of_sources)


def apply(transaction: Transaction, configuration: Configuration, kinds: Mapping[str, SourceKind], vault: Vault, now: datetime) -> Applied:
    """Brings the database to what the configuration says. Raises `ConfigurationError`, and then nothing changed."""
    check_sources(configuration, kinds)
    check_issuers(configuration)
    check_watched(configuration)
    locks.one_at_a_time(transaction, "apply")
    _check_kinds_kept(transaction, configuration)
    teams = {
        team.slug: people.put_team(
            transaction, slug=team.slug, name=team.name or team.slug, base_url=team.base_url, policy=team.policy, now=now
        )
        for team in configuration.team
    }
    users = put_people(transaction, configuration, teams, now)
    keep_issuers(transaction, configuration, teams, vault, now)
    adopted = sources.adopted(transaction, {(one.team, one.slug) for one in configuration.source})
    for team_id, team, slug in adopted:
        audit.note(transaction, by=audit.CONFIGURATION, team_id=team_id, action="source.adopted", target=f"{team}/{slug}", now=now)
    keep_watched(transaction, configuration, teams, vault, now)
    placed = {
        (one.team, one.slug): _put_source(transaction, one, kinds[one.kind], teams[one.team], vault, now) for one in configuration.source
    }
    disabled = sources.disable_unlisted(transaction, listed=list(placed.values()), now=now)
    for team_id, slug in disabled:
        audit.note(transaction, by=audit.CONFIGURATION, team_id=team_id, action="source.disabled", target=slug, now=now)
    monitors.keep(transaction, [_monitor(one, placed[one.team, one.source]) for one in configuration.monitor], now=now)
    defaults = {(users[one.user], teams[one.team], one.category.value): _defaults(one) for one in configuration.subscription}
    people.keep_default_subscriptions(transaction, listed=defaults.keys())
    for (user_id, team_id, category), values in defaults.items():
        people.put_default_subscription(transaction, user_id=user_id, team_id=team_id, category=category, values=values)
    return Applied(
        len(teams),
        len(users),
        len(placed),
        len(configuration.monitor),
        len(configuration.database) + len(configuration.probe),
        tuple(slug for _, slug in disabled),
        tuple(f"{team}/{slug}" for _, team, slug in adopted),
        tuple(sources.unmanaged(transaction)),
    )


def _check_kinds_kept(transaction: Transaction, configuration: Configuration) -> None:
    """A source keeps its kind: its open threads and stored events would make no sense under another."""
    kept = sources.kinds(transaction)
    faults = [
        f"[[source]] {index} ({one.team}/{one.slug}): kind: this source is {kept[one.team, one.slug]}; give {one.kind} another slug"
        for index, one in enumerate(configuration.source, 1)
        if kept.get((one.team, one.slug), one.kind) != one.kind
    ]
    if faults:
        raise ConfigurationError(faults)


def _put_source(transaction: Transaction, source: Source, kind: SourceKind, team_id: int, vault: Vault, now: datetime) -> int:
    return sources.put(
        transaction, team_id=team_id, slug=source.slug, kind=source.kind, environment=source.environment,
        auth=proofs.stored(source.auth, vault), settings=proofs.sealed_settings(source.settings, kind, vault), managed=True, now=now,
    )  # fmt: skip


def _monitor(monitor: Monitor, source_id: int) -> monitors.Wanted:
    return monitors.Wanted(
        source_id=source_id,
        pipeline=monitor.pipeline,
        environment=monitor.environment,
        cron=monitor.cron,
        interval_seconds=int(monitor.interval.total_seconds()) if monitor.interval else None,
        timezone=monitor.timezone,
        grace_seconds=int(monitor.grace.total_seconds()),
        max_duration_seconds=int(monitor.max_duration.total_seconds()) if monitor.max_duration else None,
    )


def _defaults(subscription: Subscription) -> dict[str, Any]:
    return {
        "in_app": subscription.in_app.enabled,
        "email": subscription.email.enabled,
        "in_app_weight": subscription.in_app.min_level.weight if subscription.in_app.min_level else None,
        "email_weight": subscription.email.min_level.weight if subscription.email.min_level else None,
        "scope": subscription.scope,
    }
