"""Credentials in the addresses that health checks talk of: no reader is shown them, and no identity holds them."""

import re
from dataclasses import replace
from urllib.parse import quote, unquote

import pytest

from mappers.contract import Inbound, Mapped, Unmapped
from mappers.contract.registry import load
from mappers.contract.secrets import spare
from tests.mappers.test_contract import FIXTURES, request_of

KINDS = load()
CHECKS = (
    *("alertmanager", "aws_sns", "better_stack", "datadog", "gatus", "grafana", "healthchecks_io"),
    *("pingdom", "statuscake", "tocsin", "uptime_kuma", "uptimerobot"),
)
ADDRESS = re.compile(r"https?:(?:\\?/){2}[^\s\"'<>\\|)\]}*$]+")
ENCODED = re.compile(r"https?%3A%2F%2F[^\s&\"'<>\\|)\]}*$]+", re.IGNORECASE)
FIELD = re.compile(r'("[^"]*(?:url|link|host|target|address|instance)[^"]*"\s*:\s*")([^"]+)(")', re.IGNORECASE)
SECRET = "hunter2"


def whole(_: str) -> str:
    return f"https://user:{SECRET}@host.test/?token={SECRET}"


def beside(address: str) -> str:
    """The same address, with credentials."""
    head, _, rest = address.replace("\\/", "/").partition("://")
    rest, sign, fragment = rest.partition("#")
    return f"{head}://user:{SECRET}@{rest}{'&' if '?' in rest else '?'}access_token={SECRET}&a=1{sign}{fragment}"


def with_secrets(text: str, put: object, *, fields: bool) -> str:
    assert callable(put)
    text = ADDRESS.sub(lambda found: put(found[0]), text)
    text = ENCODED.sub(lambda found: quote(put(unquote(found[0])), safe=""), text)
    return FIELD.sub(lambda found: found[1] + (found[2] if SECRET in found[2] else put(found[2])) + found[3], text) if fields else text


def mapped(kind: str, inbound: Inbound) -> Mapped:
    try:
        return KINDS[kind].map(inbound)
    except Unmapped:
        return Mapped()


@pytest.mark.parametrize("kind", CHECKS)
@pytest.mark.parametrize("put", [whole, beside], ids=["in place of it", "beside it"])
@pytest.mark.parametrize("fields", [False, True], ids=["addresses", "fields"])
def test_a_password_in_an_address_reaches_no_reader(kind: str, put: object, fields: bool) -> None:
    told = tried = 0
    for path in sorted((FIXTURES / kind).glob("*.request.json")):
        inbound = request_of(path)
        body, query = (with_secrets(text, put, fields=fields) for text in (inbound.text, inbound.query))
        if SECRET not in body + query:
            continue
        tried += 1
        after = mapped(kind, replace(inbound, body=body.encode("utf-8", "surrogatepass"), query=query))
        told += bool(after.drafts)
        for part in (*after.drafts, *after.signals):
            assert SECRET not in unquote(part.model_dump_json()), path.name
    assert tried, "no fixture of this kind has an address in it"
    assert told, "nothing was read any more, so that nothing was tried"


@pytest.mark.parametrize("kind", CHECKS)
def test_what_holds_no_credential_is_left_as_it_is(kind: str) -> None:
    for path in sorted((FIXTURES / kind).glob("*.request.json")):
        for draft in mapped(kind, request_of(path)).drafts:
            for text in (draft.title, draft.message, *draft.links.values(), *draft.facts.values()):
                assert spare(text) == text, path.name


@pytest.mark.parametrize(
    ("text", "spared"),
    [
        ("https://user:pw@host/x", "https://host/x"),
        ("https://user@host", "https://host"),
        ("https://u:p@ss@host:8080/?a=1", "https://host:8080/?a=1"),
        ("postgresql://ana:pw@db.test/orders is down", "postgresql://db.test/orders is down"),
        ("postgresql+psycopg://reader@db.test/orders", "postgresql+psycopg://reader@db.test/orders"),
        ("https://host/?token=abc", "https://host/"),
        ("https://host/?a=1&api_key=abc&b=2", "https://host/?a=1&b=2"),
        ("https://host/?X-Api-Key=abc&b=2#c", "https://host/?b=2#c"),
        ("https://host/?a=1&sig=abc#c", "https://host/?a=1#c"),
        ("https://host/#access_token=abc", "https://host/"),
        ("https://host/?code=aBcDeFgHiJkLmNoPqRsTuV==", "https://host/"),
        ("https://host/?code=503&key=orders", "https://host/?code=503&key=orders"),
        ("https://me.test/?to=https%3A%2F%2Fu%3Ap%40host%2F%3Ftoken%3Dx%26a%3D1", "https://me.test/?to=https%3A%2F%2Fhost%2F%3F%26a%3D1"),
        ("see https://user:pw@a/ and https://user:pw@b/.", "see https://a/ and https://b/."),
        ("https://user:passw…", "https://…"),
        ("https://host/@ana", "https://host/@ana"),
        ("https://host/?mail=ana@acme.test", "https://host/?mail=ana@acme.test"),
        ("https://host/?tokens_left=3&monkey=7&design=2", "https://host/?tokens_left=3&monkey=7&design=2"),
        ("token=abc without an address", "token=abc without an address"),
        ("mailto:ana@acme.test", "mailto:ana@acme.test"),
    ],
)
def test_credentials_are_taken_out_of_addresses_and_nothing_else(text: str, spared: str) -> None:
    assert spare(text) == spared
    assert spare(spared) == spared
    assert len(spared) <= len(text)


@pytest.mark.req("R19")
@pytest.mark.parametrize(
    "text", ["://" + "a" * 200_000, "://a@" * 50_000, "://?token=" * 20_000, "%3a%2f%2f" * 30_000, "?a.b-c_" * 30_000 + "://"]
)
def test_no_text_takes_long(text: str) -> None:
    assert len(spare(text)) <= len(text)
