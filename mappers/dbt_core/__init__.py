"""dbt Core: the artifacts of a run, posted alone or as one bundle.

A body is one artifact as it lies in `target/`, or `{"run_results": {…}, "sources": {…}, "manifest": {…}, "catalog": {…}}`
with any subset of them. A bundle may also say which orchestrator's run it belongs to (`pipeline`, `run`, `url`), where it ran
(`project`, `target`), who owns what nobody else is named for (`owners`), how the command itself ended (`command`), and what
its JSON log says (`log`); such a log alone is a body as well.
"""

from collections.abc import Iterator
from typing import Final

from mappers.contract import NO_DOCUMENTS, Documents, Example, Inbound, Level, Mapped, SourceKind, SourceSettings, State, Unmapped
from mappers.contract.signature import Scheme
from mappers.dbt_core.bundle import Artifact, Bundle, Kind, open_bundle
from mappers.dbt_core.catalog import read_catalog
from mappers.dbt_core.commands import read_command
from mappers.dbt_core.coverage import Coverage, coverage_of
from mappers.dbt_core.freshness import read_sources
from mappers.dbt_core.manifest import Manifest
from mappers.dbt_core.removed import read_manifest
from mappers.dbt_core.results import read_results
from mappers.dbt_core.scope import catalog_names, documents_of, scope_of
from mappers.dbt_core.shapes import text
from mappers.dbt_core.threads import Report


class Settings(SourceSettings):
    """What dbt's artifacts do not say of themselves."""

    max_body: int = 16_777_216
    project: str | None = None
    """One name for everything this source sends. Without it, each package of a project is a project of its own."""
    target: str | None = None
    """The target of artifacts that do not name one: dbt notes it only where `--target` was given."""


def map_artifacts(inbound: Inbound) -> Mapped:
    """Everything the artifacts of one body say. Raises `Unmapped` where none of them could be read."""
    bundle = open_bundle(inbound)
    scope = scope_of(inbound, bundle)
    previous = next((kept.last(Kind.MANIFEST) for kept in _earlier(inbound, scope.names(Kind.MANIFEST), Kind.MANIFEST)), None)
    latest = bundle.last(Kind.MANIFEST)
    earlier = Manifest(previous) if previous else None
    manifest = Manifest(latest) if latest else earlier
    said: list[Mapped] = []
    unread: list[Unmapped] = []
    for artifact in sorted(bundle.artifacts, key=lambda one: one.kind is Kind.COMMAND):
        report = Report(scope, artifact, manifest, earlier, _error_of(artifact, bundle))
        try:
            match artifact.kind:
                case Kind.RUN_RESULTS:
                    said.append(read_results(report))
                case Kind.SOURCES:
                    said.append(read_sources(report))
                case Kind.CATALOG:
                    kept = _earlier(inbound, catalog_names(scope, bundle, artifact), Kind.CATALOG)
                    said.append(_compared(report, bundle, list(kept)))
                case Kind.MANIFEST:
                    said.append(read_manifest(report, Manifest(artifact), earlier))
                case Kind.COMMAND:
                    said.append(read_command(report, *_nodes_of(artifact, bundle, said)))
        except Unmapped as reason:
            unread.append(reason)
    if unread and not any(mapped.drafts for mapped in said):
        raise unread[0]
    return _together(said)


def _error_of(artifact: Artifact, bundle: Bundle) -> str:
    """What ended the command that wrote an artifact, where the body tells of its end as well."""
    ends = (end for end in bundle.of(Kind.COMMAND) if not end.invocation or end.invocation == artifact.invocation)
    return next((error for end in ends if (error := text(end.body.get("error"))[:20_000].strip())), "")


def _earlier(inbound: Inbound, names: tuple[str, ...], kind: Kind) -> Iterator[Bundle]:
    """The bodies that held the latest kept artifacts of a kind, under the best name first."""
    for name in names:
        if name in inbound.documents:
            try:
                bundle = open_bundle(Inbound(body=inbound.documents[name]))
            except Unmapped:
                continue
            if bundle.last(kind):
                yield bundle


def _compared(report: Report, bundle: Bundle, earlier: list[Bundle]) -> Mapped:
    """A catalog against the ones before it: that of the same selection, and that of everything."""
    kept = [(one, catalog) for one in earlier if (catalog := one.last(Kind.CATALOG))]
    covered = coverage_of(*kept[-1]) if kept else Coverage.UNKNOWN
    return read_catalog(report, [catalog for _, catalog in kept], coverage_of(bundle, report.artifact), covered)


def _nodes_of(command: Artifact, bundle: Bundle, said: list[Mapped]) -> tuple[bool, bool]:
    """Whether anything beside a command tells of nodes it ran, and of failing ones. Commands come last."""
    beside = [one for kind in (Kind.RUN_RESULTS, Kind.SOURCES) for one in bundle.of(kind)]
    own = [one for one in beside if not command.invocation or one.invocation == command.invocation]
    failing = any(draft.state is State.FIRING and draft.level is Level.ERROR for mapped in said for draft in mapped.drafts)
    return bool(own), bool(own) and failing


def _together(said: list[Mapped]) -> Mapped:
    drafts = tuple(draft for mapped in said for draft in mapped.drafts)
    reasons = dict.fromkeys(mapped.ignored for mapped in said if mapped.ignored)
    return Mapped(
        drafts=drafts,
        signals=tuple(signal for mapped in said for signal in mapped.signals),
        ignored=None if drafts else "; ".join(reasons),
    )


def documents(inbound: Inbound) -> Documents:
    """Manifest and catalog are kept per project × target, and asked for by whatever needs the one before."""
    try:
        bundle = open_bundle(inbound)
    except Unmapped:
        return NO_DOCUMENTS
    return documents_of(scope_of(inbound, bundle), bundle)


def request_key(inbound: Inbound) -> str | None:
    """The artifacts and the invocations that wrote them; None where one does not say."""
    try:
        bundle = open_bundle(inbound)
    except Unmapped:
        return None
    key = "+".join(f"{'log-' * one.is_logged}{one.kind}:{one.invocation}" for one in bundle.artifacts)
    return key if len(key) <= 1000 and all(one.invocation and one.whole for one in bundle.artifacts) else None


EXAMPLE: Final = b"""{
  "metadata": {
    "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
    "dbt_version": "1.11.16",
    "generated_at": "2026-11-21T23:59:01.456581Z",
    "invocation_id": "7da13e78-a6ec-4252-a1e9-abb01a3aa0e8",
    "env": {}
  },
  "results": [
    {
      "status": "fail",
      "message": "Got 3 results, configured to fail if != 0",
      "failures": 3,
      "unique_id": "test.shop.unique_orders_id.beb6e97f2f"
    },
    {
      "status": "success",
      "message": "OK",
      "failures": null,
      "unique_id": "model.shop.orders"
    }
  ],
  "elapsed_time": 4.2,
  "args": {"which": "build", "target": "prod"}
}"""

SOURCE: Final = SourceKind(
    kind="dbt_core",
    title="dbt Core",
    auth=(Scheme.BEARER, Scheme.HEADER, Scheme.BASIC, Scheme.TOKEN, Scheme.HMAC),
    event_types=tuple(Kind),
    map=map_artifacts,
    example=Example(body=EXAMPLE, headers={"Content-Type": "application/json"}),
    request_key=request_key,
    documents=documents,
    steps=(
        "Where dbt runs, install this package (pip install . in a clone of it): that is where the command tocsin comes from.",
        "There, set TOCSIN_HOOK_URL to {url} and TOCSIN_HOOK_TOKEN to {token}.",
        "After every dbt command, failed ones above all, run: tocsin send --exit-code-of $?",
        "It uploads run_results, sources, manifest and catalog from target/, and ends with dbt's own exit code.",
        "Without the command: post target/run_results.json to {url} with the header Authorization: Bearer {token}.",
    ),
    settings=Settings,
)
