"""What answers mean."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client import (
    Conflict,
    Created,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Refused,
    TocsinError,
    Unavailable,
    Unreadable,
)  # fmt: skip
from gateway.client.answer import read, retry_after
from gateway.client.reading import Calls

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CREATE = Calls("acme").create_notification("x")
JSON = {"content-type": "application/json; charset=utf-8"}
PROBLEM = {"content-type": "application/problem+json"}


def answered(status: int, body: Any, headers: dict[str, str] = JSON) -> Any:
    return read(CREATE, status, headers, body if isinstance(body, bytes) else json.dumps(body).encode(), NOW)


def test_what_was_told_has_an_id_and_a_reason_and_what_was_skipped_is_none() -> None:
    assert answered(201, {"id": 7, "reason": "first"}) == Created(7, "first")
    assert answered(200, {"id": None, "skipped": "unread"}) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused), (401, NotSignedIn), (403, NotAllowed), (404, NotFound), (409, Conflict), (413, Refused), (422, Invalid),
        (429, Unavailable), (500, Unavailable), (503, Unavailable),
    ],
)  # fmt: skip
def test_a_refusal_says_why(status: int, kind: type[TocsinError]) -> None:
    errors = [{"place": "body.category", "message": "must be one of incident, system"}]
    with pytest.raises(kind, match=f"{status}: Nothing came of it; body.category: must be one of incident, system") as raised:
        answered(status, {"title": "T", "status": status, "detail": "Nothing came of it", "errors": errors}, PROBLEM)
    assert type(raised.value) is kind
    assert raised.value.status == status
    assert [(error.place, error.message) for error in raised.value.errors] == [("body.category", "must be one of incident, system")]


@pytest.mark.parametrize("status", [200, 201, 404, 403])
def test_a_page_of_something_in_between_is_named_as_that(status: int) -> None:
    with pytest.raises(Unreadable, match=r"Please sign in.*TOCSIN_URL leads elsewhere"):
        answered(status, b"<html><h1>Please <b>sign in</b></h1></html>", {"content-type": "text/html"})


def test_a_page_of_a_proxy_that_may_pass_is_tried_again() -> None:
    with pytest.raises(Unavailable, match="502 Bad Gateway") as raised:
        answered(502, b"<html>bad gateway</html>", {"content-type": "text/html", "retry-after": "7"})
    assert (raised.value.status, raised.value.retry_after) == (502, 7.0)


def test_a_redirect_says_where_to() -> None:
    with pytest.raises(Unreadable, match=r"redirected to https://tocsin\.example/api"):
        answered(302, b"", {"location": "https://tocsin.example/api"})


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": 7}, [1], "x", b"{", b"", b"\xff", b"[" * 100_000])
def test_json_that_is_not_tocsins_is_an_error_of_its_own(body: Any) -> None:
    with pytest.raises(Unreadable):
        answered(201, body)


@given(
    status=st.integers(100, 999),
    content_type=st.sampled_from(["", "application/json", "application/problem+json", "text/html", "application/json;x"]),
    body=st.one_of(
        st.binary(max_size=300),
        st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(
            ["id", "reason", "skipped", "detail", "title", "errors", "place", "message"]), inner), max_leaves=10,
        ).map(lambda value: json.dumps(value).encode()),
    ),
    wanted=st.sampled_from(["", "0", "-1", "9" * 40, "Mon, 02 Mar 2026 09:00:30 GMT", "soon", "\xb2"]),
)  # fmt: skip
def test_no_answer_raises_anything_else(status: int, content_type: str, body: bytes, wanted: str) -> None:
    value: Any = None
    with suppress(TocsinError):
        value = read(CREATE, status, {"content-type": content_type, "retry-after": wanted}, body, NOW)
    assert value is None or (isinstance(value, Created) and 200 <= status < 300)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("", None), ("soon", None), ("-3", None), ("0", 0.0), (" 12 ", 12.0), ("Mon, 02 Mar 2026 09:00:30 GMT", 30.0),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0.0), ("Mon, 02 Mar 2026 09:01:00 -0000", 60.0), ("Mon, 99 Mar 2026 09:01:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_a_count_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds
