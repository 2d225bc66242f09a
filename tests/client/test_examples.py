"""The examples of docs/trigger-notifications.md run, and tell what the page says they tell."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.client import Tocsin
from tests.client.conftest import TOKEN
from tests.client.fake import FakeGateway, Heard, problem

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture(scope="session", autouse=True)
def importable() -> Iterator[None]:
    sys.path.insert(0, str(EXAMPLES))
    yield
    sys.path.remove(str(EXAMPLES))


@pytest.fixture(autouse=True)
def connected(fake: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_URL", fake.url)
    monkeypatch.setenv("TOCSIN_TOKEN", TOKEN)
    monkeypatch.setenv("TOCSIN_TEAM", "acme")


def told(fake: FakeGateway) -> list[tuple[str, str]]:
    """What was said, as (state or method, title or source)."""
    return [_said(heard) for heard in fake.heard]


def _said(heard: Heard) -> tuple[str, str]:
    if heard.method == "DELETE":
        query = dict(heard.query)
        return "deleted", "/".join(query[name] for name in ("source_app", "source_model", "source_id"))
    return heard.body.get("state", heard.body["level"]), heard.body["title"]


@pytest.fixture(scope="session")
def django_is_set_up(importable: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.configure(
        SECRET_KEY="x" * 50, USE_TZ=True, INSTALLED_APPS=["shop"], ROOT_URLCONF="shop.urls", ALLOWED_HOSTS=["testserver"], DEBUG=False,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path_factory.mktemp("shop") / "shop.db"}},
    )  # fmt: skip
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)


@pytest.fixture
def shop(django_is_set_up: None, fake: FakeGateway) -> Iterator[Any]:
    """The Django application, with an empty database and a client of this test."""
    from concurrent.futures import ThreadPoolExecutor

    from shop import models, notify

    notify.tocsin.cache_clear()
    models.Import.objects.all().delete()

    def settle() -> None:
        """Waits until what was told aside was told."""
        notify._aside.shutdown()
        notify._aside = ThreadPoolExecutor(max_workers=2)

    settle()
    fake.heard.clear()
    yield SimpleNamespace(Import=models.Import, settle=settle)
    settle()
    notify.tocsin().close()
    notify.tocsin.cache_clear()


def test_django_model_signal(shop: Any, fake: FakeGateway) -> None:
    from django.db import transaction

    row = shop.Import.objects.create(name="orders", owner_email="ana@acme.test")
    with transaction.atomic():
        row.status, row.error = "failed", "no header"
        row.save()
        assert told(fake) == [], "not before the commit"
    assert told(fake) == [("error", "Import orders failed")]
    assert fake.heard[0].body["links"] == {"Open": f"/imports/{row.pk}"}
    number = row.pk
    row.status = "finished"
    row.save()
    row.delete()
    assert told(fake)[1:] == [("resolved", "Import orders finished"), ("deleted", f"shop/Import/{number}")]
    assert fake.heard[0].body["event_data"] == fake.heard[1].body["event_data"]


def test_django_model_signal_of_what_was_rolled_back_tells_nobody(shop: Any, fake: FakeGateway) -> None:
    from django.db import transaction

    with transaction.atomic():
        shop.Import.objects.create(name="orders", owner_email="ana@acme.test", status="failed")
        transaction.set_rollback(True)
    assert (told(fake), shop.Import.objects.count()) == ([], 0)


def test_django_model_signal_lets_the_request_go_on_where_tocsin_refuses(shop: Any, fake: FakeGateway) -> None:
    fake.answers.append(problem(422, "Not like this."))
    shop.Import.objects.create(name="orders", owner_email="ana@acme.test", status="failed")
    assert (len(fake.heard), shop.Import.objects.count()) == (1, 1)


def test_django_view(shop: Any, fake: FakeGateway) -> None:
    from django.test import Client

    assert Client().post("/exports/2026/", {"email": "ana@acme.test"}).status_code == 202
    shop.settle()
    assert told(fake) == [("success", "Your export of 2026 is ready")]
    assert fake.heard[0].body["users"] == ["ana@acme.test"]
    assert fake.heard[0].body["deduplicate"] == "skip-unread"


def test_django_view_answers_where_tocsin_refuses(shop: Any, fake: FakeGateway, caplog: pytest.LogCaptureFixture) -> None:
    from django.test import Client

    fake.answers.append(problem(403, "Not you."))
    assert Client().post("/exports/2026/", {"email": "ana@acme.test"}).status_code == 202
    shop.settle()
    assert "Tocsin was not told" in caplog.text


def test_django_background_task(shop: Any, fake: FakeGateway) -> None:
    from shop.tasks import refresh_report

    with pytest.raises(ZeroDivisionError):
        refresh_report("task-1", lambda: print(1 / 0))
    shop.settle()
    refresh_report("task-2", lambda: None)
    shop.settle()
    failed, succeeded = fake.heard
    assert told(fake) == [("firing", "refresh-report failed"), ("resolved", "refresh-report recovered")]
    assert failed.body["message"].endswith("ZeroDivisionError: division by zero")
    assert failed.body["event_data"] == succeeded.body["event_data"]
    assert (failed.body["run"], succeeded.body["run"]) == ("task-1", "task-2")


def test_django_scheduled_command(shop: Any, fake: FakeGateway) -> None:
    from datetime import timedelta

    from django.core.management import call_command
    from django.utils.timezone import now

    for name, hours in (("orders", 30), ("stock", 3)):
        shop.Import.objects.create(name=name, owner_email="ana@acme.test", finished_at=now() - timedelta(hours=hours))
    call_command("check_imports")
    assert sorted(told(fake)) == [("firing", "orders is late"), ("resolved", "stock arrived")]


def test_plain_model(fake: FakeGateway) -> None:
    from plain_model import Base, Import, tell_of_imports
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Tocsin() as tocsin, Session(engine) as session:
        tell_of_imports(session, tocsin)
        session.add(Import(id=1, name="orders", status="failed"))
        session.flush()
        session.rollback()
        assert told(fake) == []
        session.add(Import(id=1, name="orders", status="failed"))
        session.flush()
        assert told(fake) == []
        session.commit()
        session.get_one(Import, 1).status = "finished"
        session.commit()
    engine.dispose()
    assert told(fake) == [("error", "Import orders failed"), ("resolved", "Import orders finished")]


async def test_plain_view(fake: FakeGateway, caplog: pytest.LogCaptureFixture) -> None:
    from plain_view import make_app

    async with TestClient(TestServer(make_app())) as asked:
        assert (await asked.post("/exports/2026/", data={"email": "ana@acme.test"})).status == 202
        fake.answers.append(problem(403, "Not you."))
        assert (await asked.post("/exports/2026/", data={"email": "ben@acme.test"})).status == 202
    assert told(fake) == [("info", "Your export of 2026 is ready")] * 2
    assert "Tocsin was not told" in caplog.text


def test_plain_background_task(fake: FakeGateway, caplog: pytest.LogCaptureFixture) -> None:
    from plain_task import watched

    with Tocsin() as tocsin:

        @watched(tocsin, "nightly")
        def divide(by: int) -> float:
            return 1 / by

        with pytest.raises(ZeroDivisionError):
            divide(0)
        fake.answers.append(problem(403, "Not you."))
        assert divide(2) == 0.5
    assert told(fake) == [("firing", "nightly failed"), ("resolved", "nightly recovered")]
    assert "Tocsin was not told" in caplog.text


async def test_plain_scheduled_script(fake: FakeGateway) -> None:
    def run(limit: str) -> int:
        command = [sys.executable, str(EXAMPLES / "plain_script.py"), "/", limit]
        return subprocess.run(command, env={**os.environ, "PYTHONPATH": str(EXAMPLES.parents[1])}, check=False).returncode

    assert await asyncio.to_thread(run, "-1") == 0
    assert await asyncio.to_thread(run, "100") == 0
    fake.answers.append(problem(401, "Who?"))
    assert await asyncio.to_thread(run, "100") != 0
    assert [state for state, _ in told(fake)] == ["error", "resolved", "resolved"]
    assert fake.heard[0].body["event_data"] == fake.heard[1].body["event_data"]


def test_the_page_shows_every_example_as_it_is_run() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in EXAMPLES.parent.glob("*.md"))
    for path in EXAMPLES.rglob("*.py"):
        places = [path, *(folder for folder in path.parents if EXAMPLES in folder.parents)]
        links = [f"](examples/{place.relative_to(EXAMPLES).as_posix()}" for place in places]
        assert path.name == "__init__.py" or any(f"{link})" in pages or f"{link}/)" in pages for link in links), path.name
