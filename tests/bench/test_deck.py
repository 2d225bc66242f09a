"""What is measured with is what it claims to be."""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mappers.contract import Category, Draft, Headers, Inbound, State
from mappers.prefect import SOURCE
from tests.bench.configuration import SECRET
from tests.bench.deck import BODY, Dealer, solo_flow
from tests.bench.figures import median, percentiles
from tests.bench.knobs import FLOWS
from tests.bench.targets import target

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def sent(raw: bytes) -> Inbound:
    head, _, body = raw.partition(b"\r\n\r\n")
    pairs = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
    return Inbound(body=body, headers=Headers((name, value) for name, value in pairs), received_at=NOW, settings=SOURCE.read_settings({}))


def failures(inbounds: Iterable[Inbound]) -> list[Draft]:
    """What each says of its job; that its run is not late any more is said beside it."""
    return [draft for one in inbounds for draft in SOURCE.map(one).drafts if draft.category is Category.JOB_FAILURE]


def test_every_request_is_a_signed_event_of_its_own(tmp_path: Path) -> None:
    dealer = Dealer(tmp_path, "hmac", "episodes", NOW)
    decks = [dealer.deal(3 * FLOWS), dealer.deal(FLOWS)]
    inbounds = [sent(raw) for deck in decks for raw in deck.requests()]
    assert [len(deck.requests()) for deck in decks] == [3 * FLOWS, FLOWS]
    assert {len(one.body) for one in inbounds} == {BODY} == {int(one.headers["content-length"]) for one in inbounds}
    for one in inbounds:
        assert one.headers["x-signature"] == hmac.new(SECRET.encode(), one.body, hashlib.sha256).hexdigest()
    assert len({SOURCE.request_key(one) for one in inbounds}) == len(inbounds)
    drafts = failures(inbounds)
    assert len({draft.run for draft in drafts}) == len(inbounds) == len(drafts)
    assert len({draft.pipeline for draft in drafts}) == FLOWS
    assert [draft.state for draft in drafts[::FLOWS]] == [State.FIRING, State.RESOLVED] * 2
    assert [draft.occurred_at for draft in drafts] == sorted({draft.occurred_at for draft in drafts if draft.occurred_at})
    assert all(draft.occurred_at and draft.occurred_at < NOW for draft in drafts)


def test_a_solo_request_fails_a_flow_that_no_other_is_of(tmp_path: Path) -> None:
    deck = Dealer(tmp_path, "bearer", "episodes", NOW).deal(2 * FLOWS, solo_every=20)
    drafts = failures(sent(raw) for raw in deck.requests())
    alone = [draft for draft in drafts if draft.pipeline and draft.pipeline.startswith("solo-")]
    assert [draft.pipeline for draft in alone] == [solo_flow(number) for number in range(0, 2 * FLOWS, 20)]
    assert {draft.state for draft in alone} == {State.FIRING}


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentiles([number / 1000 for number in range(1, 101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
    assert percentiles([0.004]) == {"p50": 4.0, "p95": 4.0, "p99": 4.0, "max": 4.0}


@pytest.mark.parametrize(("name", "met", "missed"), [("door sqlite: of the empty handler", 0.6, 0.59), ("latency sqlite: ack p95", 3, 3.1)])
def test_a_target_is_met_from_its_own_side(name: str, met: float, missed: float) -> None:
    for value, kept in ((met, True), (missed, False)):
        figure = median(name, [value], "")
        aim = target(figure)
        assert aim is not None
        assert aim.met(figure.value) is kept
