"""`tocsin send`: what is uploaded, what is left out, and how it ends."""

import gzip
import hashlib
import hmac
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli import gathering, main
from gateway.cli.gathering import MEMORY, bodies, gather
from gateway.cli.upload import seconds_for
from mappers.contract import Inbound, State
from mappers.dbt_core import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "dbt_core"
CAPTURED = {"run_results.json": "build-v6", "manifest.json": "manifest-v12", "catalog.json": "catalog-first", "sources.json": "sources-v3"}


def artifact(case: str) -> str:
    return str(json.loads((FIXTURES / f"{case}.request.json").read_text())["body"])


@dataclass
class Door:
    """A gateway's door that keeps what came."""

    url: str = ""
    answers: list[tuple[int, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        found = [gzip.decompress(raw) if heads.get("content-encoding") == "gzip" else raw for heads, raw in self.came]
        return [json.loads(body) for body in found]


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            door.came.append(({name.lower(): value for name, value in self.headers.items()}, raw))
            status, said, heads = door.answers.pop(0) if door.answers else (202, {"id": len(door.came), "status": "accepted"}, {})
            body = json.dumps(said).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **heads}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    door.url = f"http://127.0.0.1:{server.server_address[1]}/webhooks/acme/dbt"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield door
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def project(tmp_path: Path, door: Door, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dbt project in which a build has just failed."""
    for name in [name for name in os.environ if name.startswith(("TOCSIN_", "GITHUB_", "DBT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOCSIN_HOOK_URL", door.url)
    monkeypatch.setenv("TOCSIN_HOOK_TOKEN", "invented")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dbt_project.yml").write_text("name: 'shop'\nversion: 1\n")
    (tmp_path / "target").mkdir()
    for name, case in CAPTURED.items():
        (tmp_path / "target" / name).write_text(artifact(case))
    return tmp_path


def send(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["send", *arguments])


@pytest.mark.req("R10")
def test_everything_goes_as_one_bundle_that_means_what_the_artifacts_mean(project: Path, door: Door):
    result = send("--pipeline", "nightly", "--run", "7", "--run-url", "https://ci.test/7", "--owner", "@data")
    assert result.exit_code == 0, result.output
    (body,) = door.bodies
    assert set(body) == {"run_results", "sources", "catalog", "manifest", "pipeline", "run", "url", "owners", "project"}
    drafts = SOURCE.map(Inbound(body=json.dumps(body).encode())).drafts
    alone = SOURCE.map(Inbound(body=artifact("build-v6").encode())).drafts
    assert {(draft.slug, draft.member, draft.state) for draft in alone} <= {(draft.slug, draft.member, draft.state) for draft in drafts}
    assert {(draft.pipeline, draft.run) for draft in drafts} == {("nightly", "7")}
    heads, _ = door.came[0]
    assert heads["authorization"] == "Bearer invented"
    assert "sent run_results.json (dbt build: " in result.output
    assert "accepted as event 1" in result.output


def test_what_was_sent_is_not_sent_again_and_a_manifest_says_nothing_by_itself(project: Path, door: Door):
    send()
    again = send()
    assert len(door.came) == 1
    assert "was sent before" in again.output
    assert "nothing new" in again.output
    newer = json.loads(artifact("build-v6"))
    newer["metadata"]["invocation_id"] = "another"
    (project / "target" / "run_results.json").write_text(json.dumps(newer))
    send()
    assert set(door.bodies[1]) == {"run_results", "manifest", "project"}


def test_another_gateway_has_heard_nothing_yet(project: Path, door: Door):
    send()
    send("--url", f"{door.url}-staging")
    assert [set(body) for body in door.bodies] == [set(door.bodies[0])] * 2


def test_what_was_not_taken_is_sent_the_next_time(project: Path, door: Door):
    door.answers = [(413, {"title": "Too large", "detail": "The body is too large."}, {"Content-Type": "application/problem+json"})]
    first = send()
    assert first.exit_code == 0, "a gateway that says no never fails the job"
    assert "413: The body is too large." in first.output
    assert "accepted" in send().output
    assert len(door.came) == 2


def test_what_is_older_than_the_run_is_left_out(project: Path, door: Door):
    result = send("--since", "2026-11-23T00:00")
    assert not door.came
    assert "left over from 2026-11-21 23:59 UTC" in result.output


@pytest.mark.parametrize(("exit_code", "strict", "ends"), [(None, False, 0), (None, True, 75), (1, False, 1), (1, True, 1), (0, True, 75)])
def test_a_gateway_that_is_down_fails_nothing_unless_strict(project: Path, exit_code: int | None, strict: bool, ends: int):
    arguments = [*(["--exit-code-of", str(exit_code)] if exit_code is not None else []), *(["--strict"] if strict else [])]
    result = send("--url", "http://127.0.0.1:1/webhooks/acme/dbt", "--timeout", "0.3", *arguments)
    assert result.exit_code == ends
    assert "was not sent: no answer from http://127.0.0.1:1/webhooks/acme/dbt" in result.output


@pytest.fixture
def closed() -> str:
    """An address where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/webhooks/acme/dbt"


@contextmanager
def listening(says: bytes = b"") -> Iterator[str]:
    """A port that takes connections and answers each with `says`, over and over and slowly; without it nothing."""
    over = threading.Event()

    def drip(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            while not over.wait(0.05):
                peer.sendall(says)

    def accept() -> None:
        with suppress(OSError):
            while True:
                peers.append(threading.Thread(target=drip, args=(listener.accept()[0],)))
                peers[-1].start()

    peers: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taker = threading.Thread(target=accept)
        taker.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/webhooks/acme/dbt"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (taker, *peers):
                thread.join()


def test_a_closed_port_is_tried_again_with_a_word_about_it_until_the_time_is_up(project: Path, closed: str):
    result = send("--url", closed, "--timeout", "1", "--strict")
    assert result.exit_code == 75
    assert "Connection refused; trying again in 0." in result.stderr
    assert "trying again" not in result.stdout
    assert result.stderr.count("was not sent") == 1
    assert "trying again" not in send("--url", closed, "--timeout", "1", "-q").output


@pytest.mark.parametrize("says", [b"", b"x", b"HTTP/1.1 202 Accepted\r\nA: b\r\n"], ids=["nothing", "no HTTP", "headers for ever"])
def test_a_port_that_accepts_and_never_answers_does_not_hold_up_the_job(project: Path, says: bytes):
    with listening(says) as url:
        begun = time.monotonic()
        assert send("--url", url, "--timeout", "0.6", "--strict").exit_code == 75
        assert send("--url", url, "--timeout", "0.6", "--exit-code-of", "0").exit_code == 0
        assert time.monotonic() - begun < 30, "two uploads of 0.6 s, and by far not the minute of once"


def test_a_busy_gateway_is_waited_for_as_it_asks_and_no_longer_than_there_is_time(project: Path, door: Door):
    door.answers = [(503, {"title": "Unavailable"}, {"Retry-After": "1"})]
    waited = send("--strict", "--timeout", "10")
    assert (waited.exit_code, len(door.came)) == (0, 2)
    assert "; trying again in 1.0 s" in waited.stderr
    door.answers = [(503, {"title": "Unavailable"}, {"Retry-After": "120"})] * 2
    given_up = send("--url", f"{door.url}-two", "--strict")
    assert (given_up.exit_code, len(door.came)) == (75, 3), "two minutes are more than there is time for"
    assert "trying again" not in given_up.stderr


def test_without_a_word_about_time_a_job_is_held_up_for_seconds_and_a_large_body_for_longer():
    assert seconds_for(0) == 10
    assert seconds_for(16 * 1024 * 1024) == 26


def test_what_passes_is_tried_again_with_the_same_bytes(project: Path, door: Door):
    door.answers = [(503, {"title": "Unavailable"}, {"Retry-After": "0"}), (429, {"title": "Slow"}, {"Retry-After": "0"})]
    assert send("--strict").exit_code == 0
    assert len({raw for _, raw in door.came}) == 1
    assert len(door.came) == 3


def test_a_refusal_is_not_tried_again_and_said(project: Path, door: Door):
    door.answers = [(401, {"title": "Unauthorized", "detail": "The token is wrong."}, {"Content-Type": "application/problem+json"})]
    result = send("--strict")
    assert (result.exit_code, len(door.came)) == (1, 1)
    assert "401: The token is wrong." in result.output
    assert "invented" not in result.output


def test_a_signature_is_over_the_bytes_that_are_sent(project: Path, door: Door):
    send("--token", "", "--hmac", "a-secret")
    heads, raw = door.came[0]
    assert heads["x-signature"] == hmac.new(b"a-secret", raw, hashlib.sha256).hexdigest()
    assert heads["content-encoding"] == "gzip"


@pytest.mark.parametrize("url", ["", "tocsin.test/webhooks/acme/dbt", "https://tocsin.test/", "ftp://tocsin.test/webhooks/a/b"])
def test_without_an_address_the_command_is_wrong(project: Path, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TOCSIN_HOOK_URL")
    result = send(*(["--url", url] if url else []))
    assert result.exit_code == 2
    assert "TOCSIN_HOOK_URL" in result.output


@pytest.mark.parametrize("raw", [b"", b"{", b"<html>", b'{"results": []}', b"[]", b"\xff\xfe"])
def test_a_broken_artifact_is_named_and_holds_up_no_other(project: Path, door: Door, raw: bytes):
    (project / "target" / "run_results.json").write_bytes(raw)
    result = send()
    assert "run_results.json is left out: " in result.output
    assert "sources" in door.bodies[0]
    assert send("--strict").exit_code == 1


def test_without_artifacts_there_is_nothing_to_send(project: Path, door: Door):
    result = send("--target-dir", str(project / "elsewhere"))
    assert result.exit_code == 0
    assert "nothing new" in result.output
    assert not door.came


@pytest.mark.req("R10")
def test_a_command_that_wrote_nothing_is_told_by_its_exit_code_once_and_with_its_error(project: Path, door: Door):
    send("--exit-code-of", "1")
    (project / "logs").mkdir()
    log = project / "logs" / "dbt.log"
    log.write_text(
        "====================== 10:00:00.1 | one ======================\n10:00:00.1 [error] [MainThread]: Encountered an error:\nEarlier\n"
        "\x1b[0m====================== 11:00:00.1 | two ======================\n"
        "\x1b[0m11:00:00.1 [error] [MainThread]: Encountered an error:\nParsing Error\n  in schema.yml\n"
        "\x1b[0m11:00:00.2 [debug] [MainThread]: Flushing usage events\n"
    )
    later = (project / "target" / MEMORY).stat().st_mtime + 10
    os.utime(log, (later, later))
    result = send("--exit-code-of", "2")
    assert result.exit_code == 2
    command = door.bodies[1]["command"]
    assert (command["exit_code"], command["error"]) == (2, "Parsing Error\n  in schema.yml")
    (draft,) = SOURCE.map(Inbound(body=json.dumps(door.bodies[1]).encode())).drafts
    assert (draft.slug, draft.state, draft.event_data) == ("dbt-command-errors", State.FIRING, {"project": "shop"})
    before = (project / "target" / MEMORY).stat().st_mtime - 10
    os.utime(log, (before, before))
    send("--exit-code-of", "2")
    assert len(door.came) == 2, "nothing ran in between: it is not told again"


@pytest.mark.req("R10")
def test_a_failed_operation_is_told_with_the_error_that_only_the_log_has(project: Path, door: Door):
    (project / "target" / "run_results.json").write_text(artifact("operation-failed"))
    (project / "logs").mkdir()
    (project / "logs" / "dbt.log").write_text(
        "10:00:00.1 [error] [MainThread]: Encountered an error while running operation: Runtime Error\n  no table named nowhere\n"
    )
    assert send("--exit-code-of", "1").exit_code == 1
    drafts = SOURCE.map(Inbound(body=json.dumps(door.bodies[0]).encode())).drafts
    (failing,) = [draft for draft in drafts if draft.slug == "dbt-operation-errors"]
    assert (failing.state, failing.message) == (State.FIRING, "no table named nowhere")


def test_a_log_is_read_for_its_last_command(project: Path, door: Door):
    lines = artifact("log-run-ok") + artifact("log-freshness-v1.11")
    (project / "dbt.jsonl").write_text("not json\n" + lines)
    send("--log", "dbt.jsonl")
    log = door.bodies[0]["log"]
    assert "raw_missing" in log
    assert "orders_ok" not in log
    assert len(log) < len(artifact("log-freshness-v1.11"))


def test_json_says_what_happened(project: Path, door: Door):
    said = json.loads(send("--json").stdout)
    assert [(one["id"], one["status"]) for one in said["sent"]] == [("1", "accepted")]
    assert said["problems"] == []


def test_a_dry_run_sends_nothing_and_forgets_it(project: Path, door: Door):
    assert "would send run_results.json" in send("--dry-run").output
    assert not door.came
    assert not (project / "target" / MEMORY).exists()


def test_several_folders_are_one_bundle(project: Path, door: Door):
    (project / "second").mkdir()
    other = json.loads(artifact("run-recovers-v6"))
    (project / "second" / "run_results.json").write_text(json.dumps(other))
    send("--target-dir", "target", "--target-dir", "second")
    assert len(door.bodies[0]["run_results"]) == 2


def test_the_page_of_a_ci_job_is_found(project: Path, door: Door, monkeypatch: pytest.MonkeyPatch):
    for name, value in {"SERVER_URL": "https://github.test", "REPOSITORY": "acme/shop", "RUN_ID": "9"}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    send()
    assert door.bodies[0]["url"] == "https://github.test/acme/shop/actions/runs/9"


def test_a_large_manifest_is_cut_down_and_one_that_stays_large_goes_first(project: Path, monkeypatch: pytest.MonkeyPatch):
    manifest = json.loads(artifact("manifest-v12"))
    manifest["macros"] = {f"macro.m{number}": {"macro_sql": "x" * 1000} for number in range(3000)}
    (project / "target" / "manifest.json").write_text(json.dumps(manifest))
    gathered = gather(project / "target", {}, None, lambda _path, _size: None)
    said: list[str] = []
    (body,) = bodies(gathered.found, {}, said.append)
    assert len(body) < 100_000
    monkeypatch.setattr(gathering, "LARGEST", len(body) - 1000)
    assert [set(json.loads(one)) for one in bodies(gathered.found, {"command": {"exit_code": 0}}, said.append)] == [
        {"manifest"}, {"catalog"}, {"run_results", "sources", "command"},
    ]  # fmt: skip
    monkeypatch.setattr(gathering, "LARGEST", 5000)
    assert [set(json.loads(one)) for one in bodies(gathered.found, {}, said.append)] == [{"catalog"}, {"run_results", "sources"}]
    assert said[0].startswith("manifest.json is left out: it has ")
