"""One contract judges every mapper with every fixture, and with what no fixture would think of."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappers.contract import Documents, Draft, Headers, Inbound, Mapped, RunSignal, SourceKind, State, Unmapped, parse_time
from mappers.contract.registry import load

KINDS = load()
FIXTURES = Path(__file__).parent.parent / "fixtures"
CASES = sorted(FIXTURES.glob("*/*.request.json"))
IDENTITY = ("slug", "event_data", "environment")


def request_of(path: Path) -> Inbound:
    document = json.loads(path.read_text(encoding="utf-8"))
    kind = KINDS[path.parent.name]
    return Inbound(
        body=document["body"].encode("utf-8", "surrogatepass"),
        headers=Headers((name, value) for name, value in document.get("headers", [])),
        method=document.get("method", "POST"),
        path=document.get("path", ""),
        query=document.get("query", ""),
        received_at=parse_time(document["received_at"]),
        settings=kind.read_settings(document.get("settings", {})),
        environment=document.get("environment"),
        documents={name: body.encode() for name, body in document.get("documents", {}).items()},
    )


def meaning(kind: SourceKind, inbound: Inbound) -> dict[str, Any]:
    unmapped = None
    try:
        mapped = kind.map(inbound)
    except Unmapped as reason:
        mapped, unmapped = Mapped(), reason.reason
    dump = {"mode": "json", "exclude_defaults": True}
    return {
        "drafts": [draft.model_dump(**dump) for draft in mapped.drafts],
        "signals": [signal.model_dump(**dump) for signal in mapped.signals],
        "follow_ups": [follow_up.model_dump(**dump) for follow_up in mapped.follow_ups],
        "ignored": mapped.ignored,
        "unmapped": unmapped,
        "request_key": kind.request_key(inbound),
    }


@pytest.mark.req("R1", "R2", "R10", "R13")
@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name.removesuffix('.request.json')}")
def test_each_fixture_means_what_its_draft_file_says(path: Path) -> None:
    expected = json.loads(path.with_name(path.name.replace(".request.json", ".draft.json")).read_text(encoding="utf-8"))
    assert meaning(KINDS[path.parent.name], request_of(path)) == expected


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name.removesuffix('.request.json')}")
def test_each_fixture_keeps_the_rules_of_a_draft(path: Path) -> None:
    kind, inbound = KINDS[path.parent.name], request_of(path)
    try:
        mapped = kind.map(inbound)
    except Unmapped as unmapped:
        mapped = Mapped(ignored=unmapped.reason)
        assert mapped.ignored == " ".join(unmapped.reason.split())  # noqa: PT017 - one line, whatever it says
    assert mapped.drafts or mapped.signals or mapped.ignored, "says nothing, and not why"
    assert isinstance(kind.documents(inbound), Documents)
    for draft in mapped.drafts:
        _keeps_the_rules(draft)
    by_thread: dict[str, set[str]] = {}
    for draft in mapped.drafts:
        by_thread.setdefault(repr([getattr(draft, name) for name in IDENTITY]), set()).add(draft.title)
    assert all(len(titles) == 1 for titles in by_thread.values()), "a title must speak for the whole thread"


def _keeps_the_rules(draft: Draft) -> None:
    told = json.dumps(draft.event_data)
    for what in (draft.run, draft.occurred_at and draft.occurred_at.isoformat()):
        may_be_named = not what or draft.closes_itself or draft.state is not State.FIRING
        assert may_be_named or what not in told, "what fires under a run's or a time's identity must close by itself"
    assert draft.closes_itself or draft.state is State.NOTE or draft.event_data, "a thread needs an identity"
    assert draft.state is not State.RESOLVED or draft.level.weight == 1, "a recovery is no warning"
    assert draft.model_dump_json()


SAYS_ONLY_WHAT_MATTERS = {"gatus", "tocsin"}
"""Kinds that send nothing but failures and recoveries: no pings, no tests, no reports."""


def test_every_kind_has_fixtures_for_failing_recovering_and_neither() -> None:
    for kind in KINDS:
        expected = [json.loads(path.read_text(encoding="utf-8")) for path in (FIXTURES / kind).glob("*.draft.json")]
        states = {draft.get("state", "firing") for one in expected for draft in one["drafts"]}
        assert {"firing", "resolved"} <= states, kind
        assert any(one["unmapped"] for one in expected), kind
        assert kind in SAYS_ONLY_WHAT_MATTERS or any(one["ignored"] for one in expected), kind


def test_fixtures_come_in_pairs() -> None:
    requests = {path.name.removesuffix(".request.json") for path in CASES}
    drafts = {path.name.removesuffix(".draft.json") for path in FIXTURES.glob("*/*.draft.json")}
    assert requests == drafts


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_example_rings_the_bell(kind: SourceKind) -> None:
    example = kind.example
    inbound = Inbound(
        body=example.body, headers=Headers(example.headers.items()), method=example.method, path=example.path, query=example.query,
        received_at=parse_time("2026-11-22T10:00:00Z"), settings=kind.read_settings({}),
    )  # fmt: skip
    assert any(draft.state is State.FIRING for draft in kind.map(inbound).drafts)


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if not kind.is_own], ids=lambda kind: kind.kind)
def test_each_kind_is_described_in_the_docs(kind: SourceKind) -> None:
    docs = (Path(__file__).parent.parent.parent / "docs").glob("connect-*.md")
    assert any(f'kind = "{kind.kind}"' in page.read_text(encoding="utf-8") for page in docs)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.req("R19")
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
def test_a_body_with_a_byte_order_mark_means_what_it_means_without(kind: SourceKind, encoding: str) -> None:
    plain = Inbound(kind.example.body, Headers(kind.example.headers.items()), kind.example.method, kind.example.path, kind.example.query)
    assert meaning(kind, replace(plain, body=plain.body.decode().encode(encoding))) == meaning(kind, plain)


def total(kind: SourceKind, inbound: Inbound) -> None:
    """Nothing but `Unmapped` may come out, and what comes out must be storable."""
    kind.request_key(inbound)
    kind.documents(inbound)
    try:
        mapped = kind.map(inbound)
    except Unmapped:
        return
    for part in (*mapped.drafts, *mapped.signals, *mapped.follow_ups):
        part.model_dump_json()


def _mutations(value: Any, junk: Any) -> Iterator[Any]:
    """`value` with each of its parts in turn replaced by junk, and each left out."""
    if isinstance(value, dict):
        for key in value:
            yield {**value, key: junk}
            yield {name: item for name, item in value.items() if name != key}
            for changed in _mutations(value[key], junk):
                yield {**value, key: changed}
    elif isinstance(value, list) and value:
        yield [junk]
        for changed in _mutations(value[0], junk):
            yield [changed, *value[1:]]


@pytest.mark.req("R17", "R19")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), query=st.text(max_size=40), path=st.text(max_size=40)
)
def test_no_body_makes_a_mapper_raise_anything_else(kind: SourceKind, body: bytes, query: str, path: str) -> None:
    for content_type in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        total(
            kind,
            Inbound(
                body=body, query=query, path=path, headers=Headers([("Content-Type", content_type)]),
                received_at=parse_time("2026-11-22T10:00:00Z"), settings=kind.read_settings({}),
            ),
        )  # fmt: skip


@pytest.mark.req("R17", "R19")
@pytest.mark.parametrize(
    "junk", [None, 7, -1.5, True, "\ud800", "", [], {}, [None], {"a": []}, "9" * 400, 10**40], ids=lambda junk: repr(junk)[:12]
)
@pytest.mark.parametrize("kind", KINDS)
def test_no_part_of_a_real_body_may_be_trusted(kind: str, junk: Any) -> None:
    for path in (FIXTURES / kind).glob("*.request.json"):
        inbound = request_of(path)
        try:
            body = json.loads(inbound.body)
        except ValueError:
            continue
        for number, changed in enumerate(_mutations(body, junk)):
            if number > 150:
                break
            total(KINDS[kind], _with_body(inbound, json.dumps(changed).encode()))


@pytest.mark.req("R19")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a":' * 100_000, b'"' * 1_000_000, b"\\" * 1_000_000, b"Flow run " * 100_000, b"a=" * 300_000, b"\x00" * 500_000],
    ids=["deep-list", "deep-object", "quotes", "backslashes", "words", "fields", "nul"],
)
def test_hostile_size_and_depth_do_not_stall(kind: SourceKind, body: bytes) -> None:
    started = time.process_time()
    total(kind, Inbound(body=body, received_at=parse_time("2026-11-22T10:00:00Z"), settings=kind.read_settings({})))
    assert time.process_time() - started < 5, "a megabyte must not take anything near this long; seconds mean quadratic work"


def _with_body(inbound: Inbound, body: bytes) -> Inbound:
    from dataclasses import replace

    return replace(inbound, body=body)


def test_a_run_signal_has_a_pipeline_and_a_run() -> None:
    for path in CASES:
        try:
            mapped = KINDS[path.parent.name].map(request_of(path))
        except Unmapped:
            continue
        assert all(isinstance(signal, RunSignal) and signal.pipeline and signal.run for signal in mapped.signals), path.name
