"""Which addresses may be connected to, however they are written."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.outgoing import OPERATORS, Reach, Why, fault_of

PUBLIC = Reach()
METADATA = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192"]
PRIVATE = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "0.0.0.0/8"]


def within(networks: list[str]) -> st.SearchStrategy[IPv4Address]:
    ranges = [ip_network(one) for one in networks]
    found = st.one_of(st.integers(int(one[0]), int(one[-1])).map(IPv4Address) for one in ranges)
    return found.filter(lambda address: str(address) not in METADATA)


@st.composite
def written(draw: st.DrawFn, address: st.SearchStrategy[IPv4Address]) -> str:
    """An IPv4 address in one of the ways that something between a person and a socket understands."""
    number = int(draw(address))
    a, b, c, d = number.to_bytes(4, "big")
    base = draw(st.sampled_from(["{}", "0x{:x}", "0{:o}"]))
    forms = [
        ".".join(base.format(part) for part in (a, b, c, d)),
        ".".join(base.format(part) for part in (a, b, (c << 8) | d)),
        ".".join(base.format(part) for part in (a, (b << 16) | (c << 8) | d)),
        base.format(number),
        f"[::ffff:{a}.{b}.{c}.{d}]",
        f"[{IPv6Address((0xFFFF << 32) | number)}]",
        f"[{IPv6Address((0x64FF9B << 96) | number)}]",
        f"[{IPv6Address((0x2002 << 112) | (number << 80) | 1)}]",
        f"[{IPv6Address((0x20010DB9 << 96) | (0x5EFE << 32) | number)}]",
    ]
    form = draw(st.sampled_from(forms))
    return form if form.startswith("[") else form + draw(st.sampled_from(["", "."]))


def address(host: str) -> str:
    return f"http://{host}:8080/hook?x=1"


@pytest.mark.req("R100")
@given(written(within(PRIVATE)))
@settings(deadline=None)
def test_a_private_address_is_refused_in_whatever_form_it_is_written(host: str) -> None:
    assert "it is private" in (fault_of(address(host), PUBLIC) or "")


@pytest.mark.req("R100")
@given(written(st.sampled_from([IPv4Address(one) for one in METADATA])))
@settings(deadline=None)
def test_where_clouds_keep_credentials_nobody_may_ask_and_no_network_opens_it(host: str) -> None:
    for reach in (PUBLIC, OPERATORS, Reach(networks=(ip_network("0.0.0.0/0"), ip_network("::/0")))):
        assert "credentials" in (fault_of(address(host), reach) or "")


@given(written(within(["9.0.0.0/8", "93.184.0.0/16"])))
@settings(deadline=None)
def test_a_public_address_is_never_refused(host: str) -> None:
    assert fault_of(address(host), PUBLIC) is None


@given(written(within(["127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16"])))
@settings(deadline=None)
def test_whoever_writes_the_configuration_may_name_a_server_next_door(host: str) -> None:
    assert fault_of(address(host), OPERATORS) is None


@given(st.text(max_size=60), st.sampled_from(["http://", "https://", "", "//", "gopher://"]))
@settings(deadline=None)
def test_no_text_whatever_makes_it_raise(text: str, scheme: str) -> None:
    said = fault_of(scheme + text, PUBLIC)
    assert said is None or (said and said[0].islower()) or "is not connected to" in said


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("fe80::1", Why.METADATA), ("fe80::1%eth0", Why.METADATA), ("fd00:ec2::254", Why.METADATA), ("fd20:ce::254", Why.METADATA),
        ("::1", Why.PRIVATE), ("::", Why.PRIVATE), ("fd12:3456::1", Why.PRIVATE), ("fec0::1", Why.PRIVATE),
        ("224.0.0.1", Why.NO_HOST), ("255.255.255.255", Why.NO_HOST), ("240.0.0.1", Why.NO_HOST), ("ff02::1", Why.NO_HOST),
        ("8.8.8.8", None), ("2606:4700::1111", None),
    ],
)  # fmt: skip
def test_each_refusal_has_its_reason(address: str, why: Why | None) -> None:
    assert PUBLIC.refusal(address) is why


def test_a_network_that_is_let_in_is_reached_and_its_neighbours_are_not() -> None:
    reach = Reach(networks=(ip_network("10.20.0.0/16"),))
    assert reach.refusal("10.20.3.4") is None
    assert reach.refusal("::ffff:10.20.3.4") is None
    assert reach.refusal("10.21.3.4") is Why.PRIVATE
    assert reach.refusal("127.0.0.1") is Why.PRIVATE


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://data.acme.test", "must begin with http:// or https:// and name a host"),
        ("http://", "must begin with http:// or https:// and name a host"),
        ("file:///etc/passwd", "must begin with http:// or https:// and name a host"),
        ("http://ana:secret@data.acme.test/", "must not hold a user and a password: put them into a header"),
        ("http://data.acme.test\\@127.0.0.1/", "is no address of the web"),
        ("http://data.acme.test /", "is no address of the web"),
        ("http://data.acme.test:99999/", "is no address of the web"),
        ("http://[::1/", "is no address of the web"),
    ],
)
def test_what_is_no_usable_address_is_said_to_be_none(url: str, said: str) -> None:
    assert fault_of(url, OPERATORS) == said


def test_a_refusal_says_what_to_do_about_it() -> None:
    assert fault_of("http://10.20.0.5/api", PUBLIC) == (
        "10.20.0.5 is not connected to: it is private. Name it in tocsin.toml, or let its network be reached by TOCSIN_ALLOWED_NETWORKS, "
        "as in 10.20.0.0/16"
    )
