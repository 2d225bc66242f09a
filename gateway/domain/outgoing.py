"""Which addresses the gateway may connect to when it asks somebody, however they are written."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
LONGEST: Final = 2000
"""Characters of an address of the web."""

_METADATA: Final = tuple(
    ip_network(one)
    for one in (
        "169.254.0.0/16",  # AWS, Google, Azure, Oracle, DigitalOcean and others; link-local all of it
        "fe80::/10",
        "fd00:ec2::/32",  # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
        "fd20:ce::254/128",  # https://cloud.google.com/compute/docs/metadata/querying-metadata
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "192.0.0.192/32",  # Oracle Cloud
    )
)
_NAT64: Final = tuple(ip_network(one) for one in ("64:ff9b::/96", "64:ff9b:1::/48"))
_COMPATIBLE: Final = ip_network("::/96")
_HERE: Final = "localhost"
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


class Why(StrEnum):
    """Why an address is not connected to."""

    METADATA = "link-local, where clouds keep a machine's credentials"
    NO_HOST = "no single host"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a request may reach, by who wrote its address down."""

    private: bool = False
    """Whether networks that are not the public internet are reached, this machine among them."""
    networks: tuple[Network, ...] = ()
    """Those of them that are reached all the same."""

    def refusal(self, address: str) -> Why | None:
        """Why an address of the internet protocol is not connected to; None where it may be. Raises ValueError for what is none."""
        given = ip_address(address.partition("%")[0])
        mapped = given.ipv4_mapped if isinstance(given, IPv6Address) else None
        meant = (mapped,) if mapped else (given, *_embedded(given))
        if any(_within(one, _METADATA) for one in meant):
            return Why.METADATA
        if any(one.is_multicast or (one.is_reserved and isinstance(one, IPv4Address)) for one in meant):
            return Why.NO_HOST
        if self.private or all(_is_public(one) or _within(one, self.networks) for one in meant):
            return None
        return Why.PRIVATE


OPERATORS: Final = Reach(private=True)
"""What stands in `tocsin.toml` or in the environment: whoever writes there may name a server next door, as http://prefect:4200."""


def fault_of(url: str, reach: Reach) -> str | None:
    """What is wrong with an address of the web before anybody looks up its host; None where nothing is."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no address of the web"
    if len(url) > LONGEST or any(char.isspace() or not char.isprintable() for char in url) or "\\" in parts.netloc:
        return "is no address of the web"
    if parts.scheme not in ("http", "https") or not host:
        return "must begin with http:// or https:// and name a host"
    if "@" in parts.netloc:
        return "must not hold a user and a password: put them into a header"
    written = _written(host.rstrip("."))
    why = reach.refusal(written) if written else None
    return said(host, why) if why else None


def said(host: str, why: Why) -> str:
    """A refusal in words, with what to do about it."""
    if why is not Why.PRIVATE:
        return f"{host} is not connected to: it is {why}"
    return (
        f"{host} is not connected to: it is {why}. Name it in tocsin.toml, or let its network be reached by TOCSIN_ALLOWED_NETWORKS, "
        "as in 10.20.0.0/16"
    )


def _written(host: str) -> str | None:
    """The address that a host is where it is no name: `127.1`, `2130706433`, `0x7f.1` and `017700000001` are one and the same."""
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    if host == _HERE or host.endswith(f".{_HERE}"):
        return "127.0.0.1"  # https://www.rfc-editor.org/rfc/rfc6761#section-6.3
    try:
        return socket.inet_ntoa(socket.inet_aton(host)) if host[:1].isdigit() else None
    except (OSError, ValueError):
        return None


def _embedded(address: Address) -> Iterator[Address]:
    """IPv4 addresses that an IPv6 address leads to where the network translates them."""
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    if address.sixtofour:
        yield address.sixtofour
    elif address.teredo:
        yield from address.teredo
    elif _within(address, _NAT64) or (address in _COMPATIBLE and number > 1) or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield IPv4Address(number & 0xFFFFFFFF)


def _is_public(address: Address) -> bool:
    return address.is_global and not (isinstance(address, IPv6Address) and address.is_site_local)


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
