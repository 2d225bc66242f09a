"""What is taken as it is would come out of pydantic just so: the quick way to a draft keeps every rule of the long one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mappers.contract import Category, Draft, FollowUp, Level, LogPointer, Mapped, Member, Phase, RunSignal, State
from mappers.contract.draft import Frozen

TEXTS = st.sampled_from(
    [
        *("", " ", "orders", " orders", "orders ", "two  spaces", "a\nb", "\n", "tab\tbed", "é", "\x1b[31mred\x1b[0m", "\ud800", "\u202e"),
        *("x" * 61, "x" * 201, "x" * 9000, "http://prefect.test/x", "javascript:alert(1)", "/path", "//host", "orders-failed", "a-b\n"),
    ]
)
TIMES = st.sampled_from(
    [None, datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=timezone(timedelta(hours=1))), datetime(2026, 11, 22), "x"]  # noqa: DTZ001
)
NUMBERS = st.sampled_from([None, 0, 1, True, 1.5, "2"])
TABLES = st.dictionaries(TEXTS, TEXTS | NUMBERS, max_size=3) | st.none()
WORDS = st.lists(TEXTS, max_size=3).flatmap(lambda found: st.sampled_from([found, tuple(found)]))
ODD = st.none() | st.just([]) | st.just({}) | st.just(7)
MEMBERS = st.sampled_from([None, Member(key="a", label="a"), {"key": " a ", "label": "a"}, 7])
DRAFTS = st.fixed_dictionaries(
    {
        "slug": st.just("orders-failed") | TEXTS,
        "event_data": st.just({"flow": "orders"}) | TABLES,
        "category": st.just(Category.INCIDENT) | TEXTS,
        "level": st.sampled_from([*Level, "danger", "error", "bad"]),
        "title": st.just("orders failed") | TEXTS,
    },
    optional={
        **dict.fromkeys(("pipeline", "run", "message", "occurrence", "environment", "excerpt"), TEXTS | ODD),
        **dict.fromkeys(("links", "facts"), TABLES),
        **dict.fromkeys(("owners", "tags"), WORDS | ODD),
        **dict.fromkeys(("attempt", "urgent", "closes_itself"), NUMBERS),
        "state": st.sampled_from([*State, "firing", "gone"]),
        "member": MEMBERS,
        "occurred_at": TIMES,
        "hold": st.sampled_from([None, timedelta(seconds=5), 5, "x"]),
        "logs": st.sampled_from([None, LogPointer(kind="a", operation="b", ids={"c": "d"})]),
        "misspelt": TEXTS,
    },
)
SIGNALS = st.fixed_dictionaries(
    {"pipeline": TEXTS, "run": TEXTS, "phase": st.sampled_from([*Phase, "failed", "gone"])},
    optional={"at": TIMES, "attempt": NUMBERS, "state": TEXTS, "name": TEXTS | ODD, "url": TEXTS, "environment": TEXTS | ODD},
)


def made_or_refused(make: Callable[[dict[str, Any]], Frozen], given_: dict[str, Any]) -> Frozen | int:
    """What is made, or how many faults are found."""
    try:
        return make(given_)
    except ValidationError as error:
        return error.error_count()


def both(model: type[Frozen], given_: dict[str, Any]) -> None:
    """Made by its own constructor, and by pydantic alone."""
    wanted = made_or_refused(model.model_validate, given_)
    if isinstance(wanted, int):
        assert made_or_refused(lambda values: model(**values), given_) == wanted
        return
    made = model(**given_)
    assert made == wanted
    assert list(made.__dict__) == list(wanted.__dict__)
    assert made.model_fields_set == wanted.model_fields_set
    assert made.model_dump(mode="json", exclude_defaults=True) == wanted.model_dump(mode="json", exclude_defaults=True)
    assert made.model_copy(update={}) == wanted


@settings(max_examples=500, deadline=None)
@given(given_=DRAFTS)
def test_a_draft_is_the_same_either_way(given_: dict[str, Any]) -> None:
    both(Draft, given_)


@settings(max_examples=300, deadline=None)
@given(given_=SIGNALS)
def test_a_signal_is_the_same_either_way(given_: dict[str, Any]) -> None:
    both(RunSignal, given_)


@given(given_=st.fixed_dictionaries({"kind": TEXTS, "operation": TEXTS, "ids": TABLES}))
def test_a_follow_up_is_the_same_either_way(given_: dict[str, Any]) -> None:
    both(FollowUp, given_)


def test_what_is_missing_or_misspelt_is_an_error_at_once() -> None:
    with pytest.raises(ValidationError, match="title"):
        Draft(slug="a", event_data={}, category=Category.SYSTEM, level=Level.INFO)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="labl"):
        Member(key="a", labl="a")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://etl:hunter2@shop.test/health", "https://shop.test/health"),
        ("http://token-only@shop.test:8080", "http://shop.test:8080"),
        ("https://etl:hun@ter2@shop.test/?by=ana@acme.test", "https://shop.test/?by=ana@acme.test"),
        ("https://shop.test/users/ana@acme.test", "https://shop.test/users/ana@acme.test"),
    ],
)
def test_a_link_carries_nobodys_password(given: str, kept: str) -> None:
    draft = Draft(slug="a", event_data={}, category=Category.SYSTEM, level=Level.INFO, title="a", links={"Open target": given})
    assert draft.links == {"Open target": kept}


def test_what_was_made_is_nobody_elses_to_change() -> None:
    identity, links = {"flow": "orders"}, {"Open run": "http://prefect.test/x"}
    draft = Draft(slug="a", event_data=identity, category=Category.SYSTEM, level=Level.INFO, title="a", links=links)
    identity["flow"], links["Open run"] = "customers", "javascript:alert(1)"
    assert (draft.event_data, draft.links) == ({"flow": "orders"}, {"Open run": "http://prefect.test/x"})
    assert draft.facts is not Draft(slug="a", event_data={}, category=Category.SYSTEM, level=Level.INFO, title="a").facts
    with pytest.raises(ValidationError):
        draft.title = "b"
    with pytest.raises(ValidationError):
        Mapped(drafts=(7,))  # type: ignore[arg-type]
