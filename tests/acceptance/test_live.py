"""Open pages hear of what the working process records, through the real processes."""

import time

import pytest

from tests.acceptance.conftest import Tocsin
from tests.acceptance.streaming import streaming


@pytest.mark.req("R67")
def test_a_webhook_reaches_an_open_page_and_nobody_elses(tocsin: Tocsin) -> None:
    with streaming(tocsin) as ana, streaming(tocsin, "OTHER_TOKEN") as olga:
        began = time.monotonic()
        tocsin.send("prefect", "prefect/webhook-event-tojson-failed")
        said = ana.next(began, "changed")
        assert said["counts"] == {"total": 1, "by_category": {"job_failure": 1}}
        assert said["ids"] == [tocsin.inbox()[0]["id"]]
        assert ana.next(began, "beat", 20) == {"ok": True}
        assert olga.since(began, "changed") == []
        assert tocsin.stop() == 0, "open streams hold nobody up"
    assert ana.ended
    assert "Traceback" not in tocsin.output
