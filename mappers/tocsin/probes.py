"""What the watcher of services writes: one that is down, up again, and a certificate that ends soon."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from mappers.contract import Category, Draft, Level, Mapped, State, duration
from mappers.tocsin.document import Moment, checked, local
from mappers.tocsin.looked_at import LookedAt, about, reachability


class Probe(LookedAt):
    """One thing that became of a service."""

    state: Literal["down", "up", "unwatched", "expiring", "renewed"]
    ends_at: Moment | None = None
    """When its certificate ends."""


def read(document: Mapping[str, Any]) -> Mapped:
    """Whether a service is well and whether its certificate is are threads of their own, in one conversation."""
    said = checked(Probe, document)
    if said.state in ("expiring", "renewed"):
        return Mapped(drafts=(_certificate(said),))
    return Mapped(drafts=(reachability(said, said.state, what=said.slug, slug="tocsin-probe-down"),))


def _certificate(said: Probe) -> Draft:
    expiring = said.state == "expiring"
    ends_at = said.ends_at or said.at
    ends = local(ends_at, "UTC")
    left = max(ends_at - said.at, timedelta())
    return Draft(
        **about(said),
        slug="tocsin-certificate-expiring",
        event_data={"name": said.slug},
        category=Category.INCIDENT,
        level=Level.WARNING if expiring else Level.SUCCESS,
        state=State.FIRING if expiring else State.RESOLVED,
        title=f"The certificate of {said.slug} ends in {duration(left)}" if expiring else f"{said.slug} has another certificate",
        occurrence=f"{ends_at.isoformat()} {said.state}",
        message=f"It ends at {ends}." if expiring else f"The one in use ends at {ends}.",
        facts={"Address": said.address, "Ends": ends} if expiring else {},
    )


EXAMPLE: Final = (
    b'{"watcher":"probes","state":"down","slug":"shop","environment":"prod","address":"https://shop.acme.test/health",'
    b'"at":"2026-11-22T01:20:00Z","since":"2026-11-22T01:18:00Z","failures":3,"trouble":"answered 503"}'
)
