"""A dbt job's artifacts, step by step, as one bundle of what is read of them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from gateway.upstream.asking import Refused, Unavailable
from mappers.contract import BadBody
from mappers.dbt_core.bundle import Kind
from mappers.dbt_core.trim import trim

Fetch = Callable[[str, int | None], Awaitable[bytes | None]]
"""An artifact by its file's name and the step that wrote it (None: the last); None where there is none."""

MOST_STEPS: Final = 30
AT_MOST: Final = 15 * 1024 * 1024
"""Bytes of a bundle."""


async def bundle_of(fetch: Fetch, steps: Sequence[tuple[int, str]]) -> dict[str, Any] | None:
    """The results of each step, sources, and the job's manifest and catalog; None where there are no results at all.

    A step leaves behind what earlier ones wrote: the same invocation is taken once. Raises as `fetch` does, `Unavailable` for
    results that are not whole and `Refused` for results beyond all measure.
    """
    bundle: dict[str, Any] = {}
    results: dict[str, dict[str, Any]] = {}
    sources: dict[str, dict[str, Any]] = {}
    for step, command in steps[-MOST_STEPS:]:
        freshness = command.startswith("source")
        found = await _trimmed(fetch, Kind.SOURCES if freshness else Kind.RUN_RESULTS, step)
        if found:
            (sources if freshness else results).setdefault(_invocation(found), found)
    for name, known in (("run_results", results), ("sources", sources)):
        if known:
            bundle[name] = list(known.values())
    if any(command.startswith("docs") for _, command in steps):
        bundle["catalog"] = await _beside(fetch, Kind.CATALOG)
    if not any(bundle.values()):
        return None
    bundle["manifest"] = await _beside(fetch, Kind.MANIFEST)
    return _fitting({name: part for name, part in bundle.items() if part})


async def _trimmed(fetch: Fetch, kind: Kind, step: int | None) -> dict[str, Any] | None:
    raw = await fetch(f"{kind.value.replace('-', '_')}.json", step)
    if raw is None:
        return None
    try:
        return await asyncio.to_thread(trim, raw, kind)
    except BadBody as error:
        raise Unavailable(f"the {kind} of step {step} cannot be read: {error}") from None


async def _beside(fetch: Fetch, kind: Kind) -> dict[str, Any] | None:
    """What only adds to the results: they are not held up by it, unless it is a matter of asking later."""
    try:
        return await _trimmed(fetch, kind, None)
    except Refused:
        return None
    except Unavailable as error:
        if error.retry_after is not None:
            raise
        return None


def _invocation(artifact: dict[str, Any]) -> str:
    metadata = artifact.get("metadata")
    return str(metadata.get("invocation_id")) if isinstance(metadata, dict) else ""


def _fitting(bundle: dict[str, Any]) -> dict[str, Any]:
    """The bundle without what makes it too large: the catalog goes first, then the manifest."""
    for name in ("", "catalog", "manifest"):
        bundle.pop(name, None)
        if bundle and len(json.dumps(bundle)) <= AT_MOST:
            return bundle
    raise Refused(f"the run's results alone have more than {AT_MOST} bytes")
