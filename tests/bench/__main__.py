"""`make bench`: speed as ratios measured in one run. Loopback only, bounded; results also in bench-results.json."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.acceptance.conftest import free_port
from tests.mappers.test_contract import CASES, KINDS, request_of

ROOT = Path(__file__).parent.parent.parent
SECONDS = 8
TOKEN = "bench-token-0123456789"
CONFIGURATION = """
[[team]]
slug = "acme"
[[source]]
team = "acme"
slug = "prefect"
kind = "prefect"
auth = { bearer = ["env:BENCH_TOKEN"] }
"""
USER = '[[user]]\nemail = "user{0}@acme.test"\ntoken = "{1}-{0:04}"\nteams = {{ acme = {{ role = "admin" }} }}\n'
EMPTY = """
import sys
from aiohttp import web
import uvloop
async def handle(request):
    await request.read()
    return web.json_response({"status": "accepted"}, status=202)
app = web.Application()
app.router.add_post("/{tail:.*}", handle)
async def main():
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1]), backlog=1024).start()
    import asyncio
    await asyncio.Event().wait()
uvloop.run(main())
"""
LUA = """
local body = [==[BODY]==]
local serial, thread = 0, 0
function setup(one) one:set("number", thread); thread = thread + 1 end
function request()
  serial = serial + 1
  local id = string.format("%08x-%04x-4000-8000-%012x", serial, number or 0, SEED)
  local moment = string.format("2026-11-21T%02d:%02d:%02d.%06d", serial / 3600 % 24, serial / 60 % 60, serial % 60, serial)
  return wrk.format("POST", nil, nil, (body:gsub("EVENT%-ID", id):gsub("RUN%-ID", id):gsub("orders%-etl", "flow-" .. serial % 50)
    :gsub("2026%-11%-21T23:58:35.168520", moment)))
end
"""


def main() -> None:
    if shutil.which("wrk") is None:
        sys.exit("make bench needs wrk (Debian: apt-get install wrk)")
    results: dict[str, Any] = {"mapping_per_second": mapping(), "start_to_first_202_seconds": 0.0}
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as directory:
        results |= door(Path(directory))
    results["door_of_empty_handler"] = round(results["door_requests_per_second"] / results["empty_requests_per_second"], 3)
    print(json.dumps(results, indent=2))
    (ROOT / "bench-results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def mapping() -> dict[str, int]:
    """Payloads of each kind mapped in a second of processor time, over all fixtures of at most 8 KB."""
    found: dict[str, int] = {}
    for kind in KINDS.values():
        requests = [one for one in map(request_of, (path for path in CASES if path.parent.name == kind.kind)) if len(one.body) <= 8192]
        done, started = 0, time.process_time()
        while time.process_time() - started < 1.0:
            for request in requests:
                _quietly(
                    lambda request=request, kind=kind: kind.map(
                        type(request)(**{name: getattr(request, name) for name in request.__dataclass_fields__})
                    )
                )
                done += 1
        found[kind.kind] = int(done / (time.process_time() - started))
    return found


def _quietly(call: Callable[[], Any]) -> None:
    import contextlib

    with contextlib.suppress(Exception):
        call()


def door(directory: Path) -> dict[str, Any]:
    """The empty handler and the door under the same load, then how fast the backlog is worked off."""
    script = directory / "load.lua"
    fixture = json.loads((ROOT / "tests/fixtures/prefect/webhook-event-tojson-failed.request.json").read_text(encoding="utf-8"))["body"]
    event = json.loads(fixture)
    body = fixture.replace(event["id"], "EVENT-ID").replace("c44ce9ad-d076-400a-830c-48f8a3306f67", "RUN-ID")
    (directory / "empty.py").write_text(EMPTY, encoding="utf-8")
    people = "".join(USER.format(number, TOKEN) for number in range(10))
    (directory / "tocsin.toml").write_text(CONFIGURATION + people, encoding="utf-8")

    def load(port: int, seed: int) -> float:
        script.write_text(LUA.replace("BODY", body).replace("SEED", str(seed)), encoding="utf-8")
        command = [
            "wrk",
            "-t1",
            "-c64",
            f"-d{SECONDS}s",
            "-s",
            str(script),
            "-H",
            f"Authorization: Bearer {TOKEN}",
            "-H",
            "Content-Type: application/json",
        ]
        printed = subprocess.run(
            [*command, f"http://127.0.0.1:{port}/webhooks/acme/prefect"], capture_output=True, text=True, check=True
        ).stdout
        if "Non-2xx" in printed:
            sys.exit(printed)
        return float(printed.split("Requests/sec:")[1].split()[0])

    port = free_port()
    empty = subprocess.Popen([sys.executable, "empty.py", str(port)], cwd=directory)
    _wait(port)
    empty_rate = load(port, 1)
    empty.terminate()
    empty.wait()

    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TOCSIN_LISTEN": f"127.0.0.1:{port}", "BENCH_TOKEN": TOKEN}
    subprocess.run([sys.executable, "-m", "gateway", "migrate"], cwd=directory, env=environment, check=True, stdout=subprocess.DEVNULL)
    started = time.monotonic()
    tocsin = subprocess.Popen([sys.executable, "-m", "gateway", "serve"], cwd=directory, env=environment, stdout=subprocess.DEVNULL)
    _wait(port)
    _post(port)
    first = time.monotonic() - started
    rss = _rss(tocsin.pid)
    door_rate = load(port, 2)
    before, moment = _waiting(port), time.monotonic()
    time.sleep(5)
    after = _waiting(port)
    rate = (before - after) / (time.monotonic() - moment)
    tocsin.send_signal(signal.SIGTERM)
    tocsin.wait(60)
    return {
        "empty_requests_per_second": round(empty_rate),
        "door_requests_per_second": round(door_rate),
        "start_to_first_202_seconds": round(first, 2),
        "idle_rss_mb": rss,
        "backlog_worked_off_per_second": round(rate),
    }


def _wait(port: int) -> None:
    import socket

    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    sys.exit("the server did not start")


def _post(port: int) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/webhooks/acme/prefect", data=b"{}", method="POST", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 202


def _waiting(port: int) -> int:
    """How many accepted events are not processed yet, by the gateway's own metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
        lines = response.read().decode().splitlines()

    def total(name: str, *, only: str = "") -> float:
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name}_total") and only in line)

    return int(total("tocsin_events_accepted", only='answer="accepted"') - total("tocsin_events_processed"))


def _rss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


if __name__ == "__main__":
    main()
