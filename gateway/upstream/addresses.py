"""Where a source's settings have the gateway ask, looked at before they are kept; names are looked up only when they are asked."""

from gateway.domain.outgoing import Reach, fault_of
from gateway.upstream.catalogue import UPSTREAMS
from mappers.contract import SourceSettings


def faults(kind: str, settings: SourceSettings, reach: Reach) -> dict[str, str]:
    """setting → what is wrong with the address in it, and what to do about it."""
    upstream = UPSTREAMS.get(kind)
    given = upstream.addresses(settings) if upstream else {}
    return {name: fault for name, url in given.items() if url and (fault := fault_of(url, reach))}
