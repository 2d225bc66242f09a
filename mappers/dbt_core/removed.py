"""Nodes that left the project: what failed under their name can never pass again, so it is over.

Renaming or re-parametrising a failing test gives it a new `unique_id`; without this its old one would fail for ever.
"""

from collections.abc import Iterator

from mappers.contract import Draft, Mapped
from mappers.dbt_core.manifest import Manifest
from mappers.dbt_core.nodes import label
from mappers.dbt_core.threads import CONTRACTS, Report, thread_of


def read_manifest(report: Report, manifest: Manifest, previous: Manifest | None) -> Mapped:
    """A recovery for every node of `previous` that is not in `manifest`."""
    drafts = tuple(_drafts(report, manifest, previous)) if previous and _succeeds(manifest, previous) else ()
    return Mapped(drafts=drafts, ignored=None if drafts else "manifest kept: it names owners and impact for the results to come")


def _succeeds(manifest: Manifest, previous: Manifest) -> bool:
    """A `target/` left over from an earlier run may be sent again; an empty manifest is no project."""
    ours, theirs = manifest.artifact.written_at, previous.artifact.written_at
    return bool(manifest.nodes) and ours is not None and theirs is not None and ours > theirs


def _drafts(report: Report, manifest: Manifest, previous: Manifest) -> Iterator[Draft]:
    for unique_id in (known for known in previous.nodes if known not in manifest.nodes):
        message = f"{label(unique_id)} is no longer in the project"
        yield report.recovery(thread_of(unique_id), unique_id, message)
        if unique_id.startswith("model."):
            yield report.recovery(CONTRACTS, unique_id, message)
