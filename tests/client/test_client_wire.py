"""Both clients over a real connection: what is sent, what is tried again, what ends, and what never shows."""

import inspect
import logging
import socket
import traceback
from typing import Any

import pytest

from gateway.client import (
    AsyncTocsin,
    Created,
    Invalid,
    NotSignedIn,
    Page,
    Tocsin,
    TocsinError,
    Unavailable,
    Unreachable,
    Unreadable,
    UnreadCount,
    retry,
    wire,
)
from tests.client.conftest import TOKEN, Ask
from tests.client.fake import FakeGateway, answer, problem

UNREAD = {"total": 0, "by_category": {}}


def item(number: int) -> dict[str, Any]:
    return {
        "id": number, "team": "acme", "slug": "disk", "category": "incident", "level": "error", "urgent": True, "status": "open",
        "title": f"Disk {number}", "message": "", "source": "api", "links": {}, "last_at": "2026-03-02T09:00:00Z",
        "a_field_of_next_year": 1, "members": {"firing": 1, "total": 1}, "read_at": None,
    }  # fmt: skip


def keys(fake: FakeGateway) -> list[str | None]:
    return [heard.headers.get("Idempotency-Key") for heard in fake.heard]


def test_a_creation_arrives_whole(fake: FakeGateway, ask: Ask) -> None:
    assert ask("create_notification", "Disk füll", level="error", team="acme") == Created(1, "first")
    (heard,) = fake.heard
    assert (heard.method, heard.path) == ("POST", "/api/notifications/")
    assert heard.headers["Authorization"] == f"Bearer {TOKEN}"
    assert heard.headers["Content-Type"] == "application/json"
    assert heard.body == {"title": "Disk füll", "message": "", "level": "error", "team": "acme"}


def test_what_was_skipped_is_none(fake: FakeGateway, ask: Ask) -> None:
    fake.answers.append(answer(200, {"id": None, "skipped": "unread"}))
    assert ask("notify_user", "ana@acme.test", "Report ready") is None


@pytest.mark.parametrize("trouble", ["hang_up", "lost", 429, 502, 503, 504])
def test_what_passes_is_tried_again_under_the_same_key(fake: FakeGateway, ask: Ask, trouble: Any) -> None:
    fake.answers.extend([problem(trouble, Retry_After="0") if isinstance(trouble, int) else trouble] * 2)
    assert ask("create_notification", "Disk full") == Created(1, "first")
    assert len(fake.heard) == 3
    assert len(set(keys(fake))) == 1
    assert keys(fake)[0]
    assert len({str(heard.body) for heard in fake.heard}) == 1
    assert len(fake.kept) == 1, "told once, however often it was sent"


def test_a_page_of_a_proxy_that_may_pass_is_tried_again(fake: FakeGateway, ask: Ask) -> None:
    fake.answers.append(answer(502, text="<html>Bad gateway</html>", content_type="text/html"))
    assert ask("delete_by_source", "shop") == 3
    assert len(set(keys(fake))) == 1


def test_two_calls_have_two_keys_and_the_callers_own_is_used(fake: FakeGateway, ask: Ask) -> None:
    ask("create_notification", "a")
    ask("create_notification", "a")
    ask("create_notification", "b", idempotency_key="task-7")
    ask("get_unread_count")
    first, second, third, none = keys(fake)
    assert first != second
    assert (third, none) == ("task-7", None)
    with pytest.raises(Invalid, match="Another body under this key"):
        ask("create_notification", "c", idempotency_key="task-7")


@pytest.mark.parametrize(("status", "kind"), [(401, NotSignedIn), (422, Invalid), (500, Unavailable)])
def test_what_does_not_pass_is_not_tried_again(fake: FakeGateway, ask: Ask, status: int, kind: type[TocsinError]) -> None:
    fake.answers.append(problem(status, "Because."))
    with pytest.raises(kind, match=f"{status}: Because."):
        ask("create_notification", "Disk full")
    assert len(fake.heard) == 1


def test_where_it_should_wait_longer_than_there_is_time_it_ends_at_once(fake: FakeGateway, ask: Ask) -> None:
    fake.answers.append(problem(503, "Later.", Retry_After="60"))
    with pytest.raises(Unavailable, match="Later") as raised:
        ask("create_notification", "Disk full")
    assert (raised.value.status, raised.value.retry_after) == (503, 60.0)
    assert len(fake.heard) == 1


def test_what_stays_unavailable_ends_with_its_own_reason(fake: FakeGateway, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_BACKOFF", lambda state: 0.0 if state.attempt_number < 3 else 60.0)
    fake.answers.extend([problem(503, "Overloaded.")] * 5)
    with pytest.raises(Unavailable, match="503: Overloaded"):
        ask("create_notification", "Disk full")
    assert len(fake.heard) == 3


@pytest.mark.parametrize("trouble", ["silent", "dripping", "endless"])
def test_a_gateway_that_never_ends_its_answer_is_left(fake: FakeGateway, ask: Ask, trouble: str) -> None:
    fake.answers.extend([trouble] * 8)
    with pytest.raises(Unreachable, match="no answer from"):
        ask("create_notification", "Disk full", timeout=0.3)


def test_nobody_there_is_unreachable(ask: Ask) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="no answer from http://127") as raised:
            ask("create_notification", "Disk full", url=f"http://127.0.0.1:{closed.getsockname()[1]}", timeout=0.1)
    assert raised.value.status is None


def test_an_answer_without_end_is_not_kept(fake: FakeGateway, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_ANSWER", 1000)
    fake.answers.append(answer(200, text="x" * 1001))
    with pytest.raises(Unreadable, match="more than 1000 bytes"):
        ask("get_unread_count")


def test_a_redirect_is_not_followed_and_takes_the_token_nowhere(fake: FakeGateway, ask: Ask) -> None:
    fake.answers.append(answer(307, text=" ", content_type="text/html", Location="http://elsewhere.example/"))
    with pytest.raises(Unreadable, match=r"redirected to http://elsewhere\.example/"):
        ask("create_notification", "Disk full")


def test_pages_follow_each_other(fake: FakeGateway, ask: Ask) -> None:
    fake.answers.extend(
        [answer(200, {"items": [item(3), item(2)], "next": "c1"}), answer(200, {"items": [], "next": "c2"}),
         answer(200, {"items": [item(1)], "next": None})]
    )  # fmt: skip
    found = ask("iterate_notifications", category="incident", limit=2)
    assert [one.id for one in found] == [3, 2, 1]
    assert found[0].last_at.isoformat() == "2026-03-02T09:00:00+00:00"
    queries = [dict(heard.query) for heard in fake.heard]
    assert [query.get("cursor") for query in queries] == [None, "c1", "c2"]
    assert all(query["category"] == "incident" for query in queries)


def test_what_is_read_has_types(fake: FakeGateway, ask: Ask) -> None:
    row = {**item(7), "subject": "[acme] disk: incident", "since": "2026-03-02T08:00:00Z", "items": [item(7)]}
    fake.answers.append(answer(200, {"items": [row], "next": None, "counts": {"total": 1, "unacknowledged": 1}}))
    (conversation,) = ask("get_urgent_notifications_for_user")
    assert (conversation.since.hour, conversation.items[0].title) == (8, "Disk 7")
    assert ask("get_unread_count") == UnreadCount(2, {"system": 2})
    assert ask("get_filtered_notifications") == Page((), None)
    assert ask("get_user_notification_preferences") == {"enabled": True}
    assert ask("mark_read", 7) == (7,)
    assert ask("mark_read", [7, 8], read=False) == (7, 8)
    assert fake.heard[-1].body == {"ids": [7, 8], "read": False}
    assert ask("resolve_notification", 7) is None
    assert ask("cancel_scheduled", 7) is None
    assert [(heard.method, heard.path) for heard in fake.heard[-2:]] == [
        ("POST", "/api/notifications/7/resolve"),
        ("DELETE", "/api/notifications/7"),
    ]


def test_the_environment_says_where_and_who(fake: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_URL", f" {fake.url}/ ")
    monkeypatch.setenv("TOCSIN_TOKEN", f"{TOKEN}\n")
    monkeypatch.setenv("TOCSIN_TEAM", "acme")
    with Tocsin() as tocsin:
        tocsin.create_notification("Disk full")
        tocsin.get_unread_count("other")
    assert fake.heard[0].body["team"] == "acme"
    assert fake.heard[0].path == "/api/notifications/"
    assert fake.heard[1].query == [("team", "other")]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "TOCSIN_URL"), ({"url": "tocsin.example"}, "web address"), ({"url": "ftp://tocsin.example"}, "web address"),
        ({"url": "https://tocsin.example?x=1"}, "without query"), ({"url": "https://ana:secret@tocsin.example"}, "user or password"),
        ({"url": "https://tocsin.example"}, "TOCSIN_TOKEN"), ({"url": "https://tocsin.example", "token": "a b"}, "no API token"),
        ({"url": "https://tocsin.example", "token": "a\r\nX-Evil: 1"}, "no API token"),
        ({"url": "https://tocsin.example", "token": "x", "timeout": 0}, "more than 0"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("client", [Tocsin, AsyncTocsin])
def test_wrong_settings_say_what_is_wrong(client: Any, given: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOCSIN_URL", "TOCSIN_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=said) as raised:
        client(**given)
    assert not any(word in str(raised.value) for word in ("secret", "Evil"))


@pytest.mark.req("R98")
def test_the_token_shows_nowhere(fake: FakeGateway, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake.answers.extend(["hang_up", problem(503), problem(401)])
    with pytest.raises(NotSignedIn) as raised:
        ask("create_notification", "Disk full")
    with Tocsin(url=fake.url, token=TOKEN) as tocsin:
        seen = [repr(tocsin), str(tocsin), repr(tocsin._settings), repr(vars(tocsin)), repr(AsyncTocsin(url=fake.url, token=TOKEN))]
    traced = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    frames = [frame for frame in traced.stack if "gateway/client" in frame.filename]
    assert frames
    seen += [repr(raised.value), caplog.text, *(str(frame.locals) for frame in frames)]
    assert "try 1" in caplog.text
    assert not [text for text in seen if TOKEN in text]


def test_both_clients_have_the_same_calls() -> None:
    def public(client: type) -> dict[str, list[inspect.Parameter]]:
        return {
            name: list(inspect.signature(value).parameters.values())
            for name, value in vars(client).items()
            if inspect.isfunction(value) and not name.startswith("_") and name not in ("run", "close", "aclose")
        }

    assert public(Tocsin) == public(AsyncTocsin)
    for client in (Tocsin, AsyncTocsin):
        assert all(getattr(client, name).__doc__ for name in public(client))
        assert list(inspect.signature(client.create_notification).parameters)[1:9] == [
            "title", "message", "level", "team", "slug", "event_data", "permissions", "links",
        ]  # fmt: skip
        assert list(inspect.signature(client.notify_user).parameters)[1:11] == [
            "user", "title", "message", "level", "url", "source_app", "source_model", "source_id", "deduplicate", "expires_at",
        ]  # fmt: skip
        assert list(inspect.signature(client.create_job_failure_notification).parameters)[1:4] == ["flow_run_id", "org", "error_message"]
        assert list(inspect.signature(client.create_dbt_test_failure_notification).parameters)[1:4] == ["test_name", "org", "error_details"]
