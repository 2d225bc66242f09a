"""Whose artifacts these are: project, target, pipeline and run, and the names under which documents are kept.

The project in an identity is the node's own package, the second part of its `unique_id`: it stands in every artifact,
so it is the same whatever was selected, and with or without a manifest. Only the settings can overrule it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from mappers.contract import Documents, Inbound
from mappers.dbt_core.bundle import Artifact, Bundle, Kind
from mappers.dbt_core.columns import tables
from mappers.dbt_core.coverage import selection_of
from mappers.dbt_core.nodes import package
from mappers.dbt_core.shapes import first, name, table

_MOST_PACKAGES: Final = 5


@dataclass(frozen=True)
class Scope:
    """What all drafts of one body share."""

    project: str
    """By settings; empty: each node's own package."""
    target: str
    """By the bundle, else by `--target`, else by settings; empty where dbt took the profile's default."""
    candidates: tuple[str, ...]
    """The project's name, best first: settings, the manifest's own, the packages most nodes belong to."""
    pipeline: str
    """By the orchestrator that ran dbt, with its run and the run's address; empty where dbt was on its own."""
    run: str
    url: str
    owners: tuple[str, ...]
    """Of what nobody else is named for."""
    named: str
    """The project, by whoever sent the body."""

    def project_of(self, unique_id: str) -> str:
        return self.project or package(unique_id) or self.candidates[0]

    def event_data(self, project: str) -> dict[str, str | int | bool | None]:
        return {"project": project, "target": self.target} if self.target else {"project": project}

    def run_of(self, artifact: Artifact) -> str | None:
        """The orchestrator's run, so that its own report and this one are of one run; else dbt's invocation."""
        return first((self.run, _platform_run(artifact), artifact.invocation)) or None

    def is_own_run(self, artifact: Artifact) -> bool:
        """Whether nobody but dbt itself reports this run."""
        return bool(artifact.invocation) and self.run_of(artifact) == artifact.invocation

    def names(self, kind: Kind, projects: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """The names of the documents of a kind, best first.

        A catalog is comparable within one target only, while any target's manifest names the owners.
        """
        targets = (self.target, "") if self.target and kind is Kind.MANIFEST else (self.target,)
        return tuple(":".join(filter(None, (kind, project, target))) for project in projects or self.candidates for target in targets)


def scope_of(inbound: Inbound, bundle: Bundle) -> Scope:
    """The scope of a body, from the body and the settings alone."""
    # A document fetched for another kind (dbt Cloud) arrives with that kind's settings.
    project = name(getattr(inbound.settings, "project", None))
    target = bundle.target or first(name(results.args.get("target")) for results in bundle.of(Kind.RUN_RESULTS))
    candidates = (project,) if project else _candidates(bundle)
    return Scope(
        project=project,
        target=target or name(getattr(inbound.settings, "target", None)),
        candidates=candidates,
        pipeline=bundle.pipeline,
        run=bundle.run,
        url=bundle.url,
        owners=bundle.owners,
        named=bundle.project,
    )


def documents_of(scope: Scope, bundle: Bundle) -> Documents:
    """The manifest is kept for the results that come without one, the catalog for the next catalog."""
    found = bundle.last(Kind.CATALOG)
    catalogs = catalog_names(scope, bundle, found) if found and tables(found) else ()
    if not bundle.of(Kind.MANIFEST):
        return Documents(keeps=catalogs[:1], wants=(*catalogs, *scope.names(Kind.MANIFEST)))
    manifests = scope.names(Kind.MANIFEST, scope.candidates[:1])
    return Documents(keeps=(*catalogs[:1], *manifests), wants=(*catalogs, *manifests[:1]))


def catalog_names(scope: Scope, bundle: Bundle, catalog: Artifact) -> tuple[str, ...]:
    """Under which names earlier catalogs are kept, the own one first: one of a selection never stands for everything."""
    names = scope.names(Kind.CATALOG, scope.candidates[:1])
    chosen = selection_of(bundle, catalog)
    return (*(f"{name}:{chosen}" for name in names), *names) if chosen else names


def _candidates(bundle: Bundle) -> tuple[str, ...]:
    manifest = bundle.last(Kind.MANIFEST)
    own = name(manifest.metadata.get("project_name")) if manifest else ""
    counted = Counter(package(unique_id) for artifact in bundle.artifacts for unique_id in _unique_ids(artifact))
    packages = sorted(filter(None, counted), key=lambda known: (-counted[known], known))[:_MOST_PACKAGES]
    return tuple(dict.fromkeys(filter(None, (own, bundle.project, *packages)))) or ("dbt",)


def _unique_ids(artifact: Artifact) -> Iterable[str]:
    if artifact.kind in (Kind.RUN_RESULTS, Kind.SOURCES):
        return (unique_id for row in artifact.results if isinstance(unique_id := row.get("unique_id"), str))
    nodes: dict[str, Any] = table(artifact.body.get("nodes"))
    return (*nodes, *table(artifact.body.get("sources")))


def _platform_run(artifact: Artifact) -> str:
    """dbt's platform notes its own run in every artifact's metadata."""
    return name(table(artifact.metadata.get("env")).get("DBT_CLOUD_RUN_ID"))
