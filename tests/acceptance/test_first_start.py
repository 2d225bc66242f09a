"""What a newcomer meets: the first start, the printed curl line, the demo, the commands."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from mappers.contract.registry import load
from tests.acceptance.conftest import FIXTURES, Tocsin, call, eventually, free_port

pytestmark = pytest.mark.acceptance


@pytest.fixture
def newcomer(tmp_path: Path) -> Tocsin:
    tocsin = Tocsin(tmp_path, free_port())
    tocsin.start()
    yield tocsin
    if tocsin.process and tocsin.process.poll() is None:
        tocsin.stop()


def token_of(tocsin: Tocsin) -> str:
    """An API token for the admin, by way of the page: the printed link, the session, a new token."""
    link = re.search(r"http://\S+/sign-in/\S+", tocsin.output)
    assert link, tocsin.output
    opener = subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-D", "-", "-X", "POST", "-H", "Sec-Fetch-Site: same-origin", link[0]],
        capture_output=True,
        text=True,
        check=True,
    )
    cookie = re.search(r"tocsin_session=([^;]+)", opener.stdout)
    assert cookie, opener.stdout
    made = call(
        f"{tocsin.url}/api/tokens", method="POST", body=json.dumps({"name": "test", "scopes": ["read", "write", "admin"]}).encode(),
        headers={"Cookie": f"tocsin_session={cookie[1]}", "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"},
    )  # fmt: skip
    assert made.status == 201, made.body
    return str(made.body["token"])


def inbox(tocsin: Tocsin, token: str) -> list[dict[str, object]]:
    return list(call(f"{tocsin.url}/api/notifications/v1", headers={"Authorization": f"Bearer {token}"}).body["items"])


def test_the_printed_curl_line_rings_the_bell(newcomer: Tocsin) -> None:
    for kind in ("Prefect", "dbt platform", "dbt Core", "Healthchecks", "Uptime Kuma", "Alertmanager"):
        assert kind in newcomer.output
    command = re.search(r"curl -X POST .*?\n.*?\n", newcomer.output)
    assert command, newcomer.output
    answered = subprocess.run(shlex.split(command[0].replace("\\\n", " ")), capture_output=True, text=True, check=True)
    assert json.loads(answered.stdout)["status"] == "accepted"
    token = token_of(newcomer)
    (entry,) = eventually(lambda: inbox(newcomer, token))
    assert entry["category"] == "job_failure"


def test_a_second_start_prints_no_credentials(newcomer: Tocsin) -> None:
    assert newcomer.stop() == 0
    newcomer.start()
    assert "/sign-in/" not in newcomer.output
    assert "Bearer" not in newcomer.output
    made = newcomer.run("sign-in-link")
    assert made.returncode == 0
    assert re.fullmatch(rf"{newcomer.url}/sign-in/\S+", made.stdout.strip())


def test_the_demo_shows_the_bar_the_inbox_a_resolved_incident_and_mails(newcomer: Tocsin) -> None:
    played = newcomer.run("demo")
    assert played.returncode == 0, played.stderr
    token = token_of(newcomer)
    found = eventually(lambda: [entry for entry in inbox(newcomer, token) if entry["status"] == "resolved"] and inbox(newcomer, token))
    assert {entry["category"] for entry in found} >= {"incident", "job_failure", "dbt_test_failure"}
    bar = call(f"{newcomer.url}/api/notifications/urgent-bar", headers={"Authorization": f"Bearer {token}"}).body
    assert bar["counts"]["total"] >= 4

    def kept() -> list[dict[str, object]]:
        deliveries = call(f"{newcomer.url}/api/deliveries?limit=100", headers={"Authorization": f"Bearer {token}"}).body["items"]
        return [one for one in deliveries if one["status"] == "kept"]

    assert {one["kind"] for one in eventually(lambda: kept() if any(one["kind"] == "resolved" for one in kept()) else [])} == {
        "failing",
        "resolved",
    }
    assert newcomer.run("demo", "--fast").returncode == 0, "the story can be told again"


def test_the_demo_without_a_gateway_says_what_to_do(tmp_path: Path) -> None:
    alone = Tocsin(tmp_path, free_port())
    told = alone.run("demo")
    assert told.returncode == 1
    assert "tocsin serve" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("fixture", ["prefect/webhook-ui-flowrun-headers-failed", "dbt_core/build-v6", "alertmanager/grouped-firing"])
def test_map_prints_what_a_capture_would_become(tmp_path: Path, fixture: str) -> None:
    tocsin = Tocsin(tmp_path, 1)
    kind, case = fixture.split("/")
    path = FIXTURES / kind / f"{case}.request.json"
    printed = tocsin.run("map", kind, str(path), "--json")
    assert printed.returncode == 0, printed.stderr
    expected = json.loads((FIXTURES / kind / f"{case}.draft.json").read_text(encoding="utf-8"))
    meaning = json.loads(printed.stdout)
    assert set(meaning) == {"drafts", "signals", "follow_ups", "ignored", "unmapped"}
    assert [draft["title"] for draft in meaning["drafts"]] == [draft["title"] for draft in expected["drafts"]]
    bare = tmp_path / "body"
    bare.write_text(json.loads(path.read_text(encoding="utf-8"))["body"], encoding="utf-8")
    assert json.loads(tocsin.run("map", kind, str(bare), "--json").stdout)["drafts"] == meaning["drafts"] or kind == "prefect"
    assert tocsin.run("map", kind, str(path)).stdout.strip()


def test_map_of_an_unknown_kind_names_those_there_are(tmp_path: Path) -> None:
    told = Tocsin(tmp_path, 1).run("map", "nagios", str(FIXTURES / "prefect" / "text-alone.request.json"))
    assert told.returncode == 1
    assert ", ".join(sorted(load())) in " ".join(told.stderr.split())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('[[team]]\nslug = "acme"\ncolour = 1\n', "[[team]] 1 (acme): colour: there is no such key"),
        ('[[team]]\nslug = "acme"\n[[team]]\nslug = "acme"\n', "[[team]] 2: 'acme' is used twice, first in [[team]] 1"),
        (
            '[[user]]\nemail = "a@b.test"\ntoken = "env:NOT_SET_HERE"\n',
            "[[user]] 1 (a@b.test): token: the environment variable NOT_SET_HERE is not set",
        ),
        ("[[team]\n", "not valid TOML"),
    ],
)
def test_a_wrong_configuration_names_the_place_and_starts_nothing(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "tocsin.toml").write_text(content, encoding="utf-8")
    for command in ("serve", "apply"):
        refused = Tocsin(tmp_path, free_port()).run(command)
        assert refused.returncode == 1
        assert told in refused.stderr
        assert "Traceback" not in refused.stderr


def test_looking_makes_nothing(tmp_path: Path) -> None:
    told = Tocsin(tmp_path, 1).run("events", "list")
    assert told.returncode == 1
    assert "there is no database at" in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_commands_find_the_running_gateway_by_themselves(newcomer: Tocsin) -> None:
    elsewhere = Tocsin(newcomer.directory, free_port())
    assert elsewhere.run("sign-in-link").stdout.startswith(newcomer.url)
    assert elsewhere.run("demo", "--fast").returncode == 0


def test_a_port_that_is_taken_wastes_no_first_start(tmp_path: Path, newcomer: Tocsin) -> None:
    (tmp_path / "second").mkdir()
    second = Tocsin(tmp_path / "second", newcomer.port)
    refused = second.run("serve")
    assert refused.returncode == 1
    assert "TOCSIN_LISTEN" in refused.stderr
    second.port = free_port()
    second.start()
    assert "/sign-in/" in second.output
    assert second.stop() == 0


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TOCSIN_DATABASE_URL", "mysql://x/y", "must be sqlite:///path or postgresql://"),
        ("TOCSIN_PUBLIC_URL", "not a url", "must be a web address"),
        ("TOCSIN_SMTP_URL", "http://x", "TOCSIN_SMTP_URL"),
        ("TOCSIN_MAIL_FROM", "nobody", "TOCSIN_MAIL_FROM"),
        ("TOCSIN_SECRET_KEY", "short", "at least 32 characters"),
        ("TOCSIN_CONFIG", "missing.toml", "there is no such file"),
    ],
)
def test_a_wrong_setting_is_told_in_a_line(tmp_path: Path, name: str, value: str, told: str) -> None:
    refused = Tocsin(tmp_path, free_port(), environment={name: value}).run("serve")
    assert refused.returncode == 1
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr
