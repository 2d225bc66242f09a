"""How much of a project a catalog covers: `dbt docs generate --select` leaves tables out that are still there.

A catalog does not say what it was asked for. The results written beside it do; else a manifest that is not older tells which
nodes the project still has; else what is missing is believed only where it is the smaller part.
"""

from dataclasses import dataclass
from enum import Enum, auto
from hashlib import blake2s

from mappers.dbt_core.bundle import Artifact, Bundle, Kind
from mappers.dbt_core.manifest import Manifest

_SELECTING = ("select", "models", "exclude", "selector", "selector_name")


class Coverage(Enum):
    """What is known of a catalog's extent."""

    FULL = auto()
    PART = auto()
    UNKNOWN = auto()


def coverage_of(bundle: Bundle, catalog: Artifact) -> Coverage:
    """Whether a catalog names every table. With errors, the tables of a whole schema may be missing."""
    if catalog.body.get("errors"):
        return Coverage.PART
    args = _args_beside(bundle, catalog)
    if args is None:
        return Coverage.UNKNOWN
    return Coverage.PART if _selected(args) else Coverage.FULL


def selection_of(bundle: Bundle, catalog: Artifact) -> str:
    """A short name for what was selected, so that a catalog is compared with one of the same selection; empty for all."""
    chosen = _selected(_args_beside(bundle, catalog) or {})
    return blake2s(repr(chosen).encode("utf-8", "replace"), digest_size=4).hexdigest() if chosen else ""


def _args_beside(bundle: Bundle, catalog: Artifact) -> dict[str, object] | None:
    """What the command that wrote the catalog was asked for: dbt notes it in the results it writes beside."""
    known = (results for results in bundle.of(Kind.RUN_RESULTS) if results.invocation == catalog.invocation and results.args)
    return next((results.args for results in known), None)


def _selected(args: dict[str, object]) -> list[tuple[str, str]]:
    return [(key, repr(args[key])[:2000]) for key in _SELECTING if args.get(key)]


@dataclass(frozen=True)
class Evidence:
    """What is believed of tables that are in one of two catalogs only."""

    coverage: Coverage
    previous: Coverage
    manifest: Manifest | None
    """One that is not older than the catalog."""

    def is_gone(self, unique_id: str, missing: int, before: int) -> bool:
        """Whether a table that is not there any more was removed, and not only left out."""
        if self.coverage is Coverage.FULL:
            return True
        if self.manifest is not None:
            return unique_id not in self.manifest.nodes
        return self.coverage is Coverage.UNKNOWN and missing * 2 <= before

    def is_new(self, added: int, now: int) -> bool:
        """Whether tables that were not there are new, and were not only left out before."""
        return self.previous is not Coverage.UNKNOWN or added * 2 <= now


def evidence(coverage: Coverage, previous: Coverage, catalog: Artifact, manifest: Manifest | None) -> Evidence:
    """The evidence there is for a catalog."""
    return Evidence(coverage, previous, manifest if manifest and _is_not_older(manifest.artifact, catalog) else None)


def _is_not_older(manifest: Artifact, catalog: Artifact) -> bool:
    """`docs generate` writes the manifest moments before the catalog, under one invocation."""
    if catalog.invocation and manifest.invocation == catalog.invocation:
        return True
    ours, theirs = manifest.written_at, catalog.written_at
    return ours is not None and theirs is not None and ours >= theirs
