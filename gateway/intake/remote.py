"""Whose address is it? Behind a trusted proxy the forwarded one, otherwise the peer's own."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Networks = Sequence[IPv4Network | IPv6Network]


def remote_address(peer: str | None, forwarded_for: Sequence[str], trusted: Networks) -> str:
    """The client's address: the right-most entry of `X-Forwarded-For` that no trusted proxy wrote for itself.

    The header may come several times: HAProxy writes a line of its own below whatever the client claimed.
    https://docs.haproxy.org/2.6/configuration.html#4-option%20forwardfor
    """
    if not peer or not trusted or not forwarded_for or not is_trusted(peer, trusted):
        return peer or "unknown"
    for hop in reversed(",".join(forwarded_for).split(",")):
        if not is_trusted(hop.strip(), trusted):
            return str(_address(hop.strip()) or peer)
    return peer


def is_trusted(text: str, trusted: Networks) -> bool:
    """Whether this is the address of a trusted proxy."""
    address = _address(text)
    return address is not None and any(address in network for network in trusted if network.version == address.version)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.split("%", maxsplit=1)[0])
    except ValueError:
        return None
