"""What may run beside a `serve`, and what may not."""

import json
import re
from collections.abc import Callable

import pytest

from tests.acceptance.conftest import TOKENS, call, eventually
from tests.faults.running import Gateway

pytestmark = pytest.mark.faults
FAILED = "prefect/webhook-event-tojson-failed"


@pytest.mark.req("R93")
def test_a_second_serve_of_a_file_is_refused_and_told_of_the_first(on_sqlite: Gateway, another: Callable[..., Gateway]) -> None:
    on_sqlite.start()
    assert on_sqlite.process
    second = another(on_sqlite)
    process = second.launch()
    assert process.wait(20) == 1
    assert f"is served already, by process {on_sqlite.process.pid} on http://127.0.0.1:{on_sqlite.port}" in second.log
    assert "Traceback" not in second.log
    assert on_sqlite.send("prefect", FAILED).status == 202
    assert on_sqlite.stop() == 0
    second.start()  # as soon as the first has ended
    eventually(lambda: [one["title"] for one in second.inbox()] == ["orders-etl failed"])


@pytest.mark.req("R22")
def test_commands_run_beside_a_serve(gateway: Gateway) -> None:
    gateway.start()
    assert gateway.send("prefect", FAILED).status == 202
    eventually(gateway.settled)

    listed = gateway.run("events", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert [json.loads(line)["status"] for line in listed.stdout.splitlines()] == ["mapped"]

    replayed = gateway.run("events", "replay", "1", "--yes")
    assert replayed.returncode == 0, replayed.stderr
    eventually(gateway.settled)
    (entry,) = gateway.inbox()
    assert entry["occurrences"] == 1

    link = re.search(r"http://\S+", gateway.run("sign-in-link").stdout)
    assert link
    assert link[0].startswith(gateway.url)
    assert call(link[0]).status == 200

    configured = gateway.directory / "tocsin.toml"
    configured.write_text(
        configured.read_text(encoding="utf-8").replace('auth = { bearer = ["env:HOOK"] }', 'auth = { bearer = ["env:OTHER_TOKEN"] }'),
        encoding="utf-8",
    )
    applied = gateway.run("apply")
    assert applied.returncode == 0, applied.stderr
    eventually(lambda: gateway.send("prefect", FAILED).status == 401, 5)
    address, other = f"{gateway.url}/webhooks/acme/prefect", {"Authorization": f"Bearer {TOKENS['OTHER_TOKEN']}"}
    assert call(address, method="POST", body=b"{}", headers=other).status == 202
