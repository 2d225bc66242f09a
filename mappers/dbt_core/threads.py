"""The threads of a dbt project, and the one place where their drafts are made."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from mappers.contract import Category, Draft, Level, Member, State
from mappers.dbt_core.bundle import Artifact
from mappers.dbt_core.manifest import Manifest
from mappers.dbt_core.nodes import label, labels
from mappers.dbt_core.scope import Scope
from mappers.dbt_core.shapes import first


@dataclass(frozen=True)
class Thread:
    """One thread of a project × target; its members are nodes."""

    slug: str
    category: Category
    title: str


NODES: Final = Thread("dbt-node-errors", Category.JOB_FAILURE, "dbt models failing in {}")
HOOKS: Final = Thread("dbt-hook-errors", Category.JOB_FAILURE, "dbt hooks failing in {}")
OPERATIONS: Final = Thread("dbt-operation-errors", Category.JOB_FAILURE, "dbt operations failing in {}")
TESTS: Final = Thread("dbt-test-failures", Category.DBT_TEST_FAILURE, "dbt tests failing in {}")
FRESHNESS: Final = Thread("dbt-source-freshness", Category.LATE_RUN, "dbt sources stale in {}")
CONTRACTS: Final = Thread("dbt-contract-violations", Category.SCHEMA_CHANGE, "dbt contracts broken in {}")
COMMANDS: Final = Thread("dbt-command-errors", Category.JOB_FAILURE, "dbt ends with an error in {}")
CATALOG: Final = Thread("dbt-catalog-changes", Category.SCHEMA_CHANGE, "Tables changed in {}")

_THREADS: Final = {"test": TESTS, "unit_test": TESTS, "source": FRESHNESS, "operation": HOOKS, "macro": OPERATIONS}


def thread_of(unique_id: str) -> Thread:
    """Where a node's results belong: models, seeds, snapshots and functions share one thread.

    dbt calls a hook an operation, and an operation by its macro.
    """
    return _THREADS.get(unique_id.partition(".")[0], NODES)


@dataclass(frozen=True)
class Report:
    """What one artifact says, ready to be written down as drafts."""

    scope: Scope
    artifact: Artifact
    manifest: Manifest | None
    earlier: Manifest | None = None
    """The manifest before a newer one in this body: it still knows what left the project."""
    error: str = ""
    """What ended the command, as far as anybody beside the artifact says."""
    _heads: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict, init=False, repr=False)

    def draft(self, thread: Thread, unique_id: str, state: State, level: Level, message: str, **more: Any) -> Draft:
        """A draft about one node. Owners and tags come from the manifest; a recovery needs neither."""
        if state is not State.RESOLVED:
            known = self._manifest_of(unique_id)
            owners = (known.owners(unique_id) if known else ()) or self.scope.owners
            more = {"owners": owners, "tags": known.tags(unique_id) if known else (), **more}
        return Draft(
            **self._head(thread, self.scope.project_of(unique_id)),
            member=Member(key=unique_id, label=label(unique_id)),
            state=state,
            level=level,
            message=message,
            **more,
        )

    def of_command(self, state: State, level: Level, message: str, **more: Any) -> Draft:
        """A draft about the command itself: it speaks for its whole thread."""
        named = self.scope.project or self.scope.named
        head = self._head(COMMANDS, named or "dbt")
        if not named:
            head = {**head, "title": "dbt ends with an error"}
        return Draft(**head, state=state, level=level, message=message, owners=self.scope.owners, **more)

    def recovery(self, thread: Thread, unique_id: str, message: str) -> Draft:
        return self.draft(thread, unique_id, State.RESOLVED, Level.SUCCESS, message)

    def _head(self, thread: Thread, project: str) -> dict[str, Any]:
        """What all members of a thread have in common."""
        key = (thread.slug, project)
        if key not in self._heads:
            self._heads[key] = {
                "slug": thread.slug,
                "category": thread.category,
                "event_data": self.scope.event_data(project),
                "title": thread.title.format(f"{project} ({self.scope.target})" if self.scope.target else project),
                "pipeline": self.pipeline,
                "run": self.scope.run_of(self.artifact),
                "occurred_at": self.at,
                "links": self._links,
            }
        return self._heads[key]

    def downstream(self, unique_id: str) -> tuple[str, ...]:
        """What is built on a node, as people call it; empty without a manifest."""
        known = self._manifest_of(unique_id)
        return labels(known.downstream(unique_id)) if known else ()

    def _manifest_of(self, unique_id: str) -> Manifest | None:
        has_left = self.manifest and self.earlier and unique_id not in self.manifest.nodes and unique_id in self.earlier.nodes
        return self.earlier if has_left else self.manifest

    @cached_property
    def at(self) -> datetime | None:
        return self.artifact.written_at

    @property
    def pipeline(self) -> str:
        """The project, by the name its manifest gives it where one is known; an orchestrator's own name comes first."""
        known = self.manifest.project if self.manifest else ""
        return first((self.scope.pipeline, self.scope.project, known, self.scope.named, *self.scope.candidates))

    @property
    def _links(self) -> dict[str, str]:
        return {"Open run": self.scope.url} if self.scope.url.isascii() and self.scope.url else {}
