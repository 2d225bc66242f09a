"""Tocsin itself: what its own watchers notice. One module for each watcher; none of them ever had a sender."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mappers.contract import BadBody, Example, Inbound, Mapped, SourceKind, Unmapped
from mappers.contract.secrets import without_secrets
from mappers.tocsin import gateway, late_runs, probes, schemas

_READINGS: Final[Mapping[str, Callable[[Mapping[str, Any]], Mapped]]] = MappingProxyType(
    {"gateway": gateway.read, "late_runs": late_runs.read, "probes": probes.read, "schemas": schemas.read}
)
"""watcher → what its documents mean."""


def _map(inbound: Inbound) -> Mapped:
    try:
        document = inbound.json
    except BadBody as error:
        raise Unmapped(str(error)) from None
    watcher = document.get("watcher") if isinstance(document, dict) else None
    if not isinstance(watcher, str) or watcher not in _READINGS:
        raise Unmapped("no watcher of ours wrote this")
    return _READINGS[watcher](document)


SOURCE: Final = SourceKind(
    kind="tocsin",
    title="Tocsin",
    auth=(),
    event_types=tuple(_READINGS),
    map=without_secrets(_map),
    example=Example(body=late_runs.EXAMPLE, headers={"Content-Type": "application/json"}),
    is_own=True,
)
