"""A dbt platform on loopback that behaves as its API is documented to, and misbehaves on request.

https://docs.getdbt.com/dbt-cloud/api-v2 (runs, artifacts) · https://docs.getdbt.com/docs/deploy/webhooks#api-for-webhooks
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

TOKEN = "dbtu_invented"
ACCOUNT = 4711


@dataclass
class FakeDbt:
    """What is in the account, what was asked, and how to go wrong next."""

    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    artifacts: dict[tuple[int, int | None, str], bytes] = field(default_factory=dict)
    """(run, step, file) → body; step None: what the last step left."""
    webhooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: set[int] = field(default_factory=lambda: {123, 321})
    asked: list[str] = field(default_factory=list)
    faults: list[Callable[[web.Request], web.StreamResponse | None]] = field(default_factory=list)
    """Each is used up by one request that it answers."""
    content_type: str = "application/octet-stream"
    delay: float = 0.0
    may_write: bool = True
    url: str = ""
    webhook_test: tuple[str | None, str] = (None, "200")

    def run(self, number: int, status: int = 20, **given: Any) -> dict[str, Any]:
        """Adds a run as the API tells of it."""
        at = given.pop("finished_at", "2026-11-22 02:10:06.123456+00:00")
        run = {
            "id": number, "trigger_id": 1, "account_id": ACCOUNT, "environment_id": 1234, "project_id": 167194, "job_definition_id": 123,
            "status": status, "dbt_version": "versionless", "status_message": None, "artifacts_saved": True,
            "created_at": at, "updated_at": at, "started_at": "2026-11-22 02:09:56.000001+00:00", "finished_at": at,
            "trigger": {"cause": "scheduled"}, "job": {"id": 123, "name": "Nightly"}, "environment": {"id": 1234, "name": "Production"},
            "run_steps": [], "status_humanized": {1: "Queued", 3: "Running", 10: "Success", 20: "Error", 30: "Cancelled"}[status],
            "in_progress": status < 10, "is_complete": status >= 10, "is_success": status == 10, "is_error": status == 20,
            "is_cancelled": status == 30, "href": f"https://cloud.dbt.test/deploy/{ACCOUNT}/projects/167194/runs/{number}/",
        }  # fmt: skip
        self.runs[number] = {**run, **given}
        return self.runs[number]

    def step(self, run: int, command: str, status: int = 10, logs: str = "done\n", **given: Any) -> int:
        """Adds a step to a run; its index."""
        steps = self.runs[run]["run_steps"]
        name = f"Invoke dbt with `{command}`" if command.startswith("dbt ") else command
        said = {"logs": logs, "debug_logs": "", "truncated_debug_logs": "", "status_humanized": "Success" if status == 10 else "Error"}
        steps.append(
            {"id": run * 100 + len(steps), "run_id": run, "index": len(steps) + 1, "status": status, "name": name, **said, **given}
        )
        return len(steps)

    def artifact(self, run: int, step: int | None, name: str, body: Any) -> None:
        self.artifacts[run, step, name] = body if isinstance(body, bytes) else json.dumps(body).encode()

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._door])
        account = f"/api/v2/accounts/{ACCOUNT}"
        hooks = f"/api/v3/accounts/{ACCOUNT}/webhooks"
        application.add_routes([
            web.get(f"{account}/runs/", self._list),
            web.get(account + "/runs/{run}/", self._run),
            web.get(account + "/runs/{run}/artifacts/{name}", self._artifact),
            web.get(f"{hooks}/subscriptions", self._hooks),
            web.post(f"{hooks}/subscriptions", self._create),
            web.get(hooks + "/subscription/{id}", self._hook),
            web.put(hooks + "/subscription/{id}", self._update),
            web.delete(hooks + "/subscription/{id}", self._delete),
            web.get(hooks + "/subscription/{id}/test", self._test),
        ])  # fmt: skip
        return application

    @web.middleware
    async def _door(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        await asyncio.sleep(self.delay)
        for fault in list(self.faults):
            if (answer := fault(request)) is not None:
                self.faults.remove(fault)
                return answer
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme not in ("Token", "Bearer") or token != TOKEN:
            return refused(401, "Invalid token")
        try:
            answer: web.StreamResponse = await handler(request)
        except web.HTTPNotFound:
            return refused(404, "The requested resource was not found")
        return answer

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        limit, offset = min(int(query.get("limit", 100)), 100), int(query.get("offset", 0))
        runs = [run for run in self.runs.values() if run["status"] in json.loads(query.get("status__in", "[1,2,3,10,20,30]"))]
        if "finished_at__range" in query:
            low, high = (datetime.fromisoformat(moment) for moment in json.loads(query["finished_at__range"]))
            runs = [run for run in runs if run["finished_at"] and low <= datetime.fromisoformat(run["finished_at"]) <= high]
        order = query.get("order_by", "id")
        runs.sort(key=lambda run: (run[order.lstrip("-")] or "", run["id"]), reverse=order.startswith("-"))
        page = [related(run, query.get("include_related", "[]")) for run in runs[offset : offset + limit]]
        extra = {"filters": {"limit": limit, "offset": offset}, "pagination": {"count": len(page), "total_count": len(runs)}}
        return enveloped(page, extra=extra)

    async def _run(self, request: web.Request) -> web.Response:
        run = self.runs.get(int(request.match_info["run"]))
        if run is None:
            return refused(404, "The requested resource was not found, or you lack proper permissions")
        return enveloped(related(run, request.query.get("include_related", "[]")))

    async def _artifact(self, request: web.Request) -> web.Response:
        run, step = int(request.match_info["run"]), request.query.get("step")
        body = self.artifacts.get((run, int(step) if step else None, request.match_info["name"]))
        if body is None:
            return refused(404, "The requested artifact was not found")
        return web.Response(body=body, content_type=self.content_type)

    async def _hooks(self, request: web.Request) -> web.Response:
        limit, offset = min(int(request.query.get("limit", 10)), 100), int(request.query.get("offset", 0))
        page = [shown(hook) for hook in list(self.webhooks.values())[offset : offset + limit]]
        extra = {"pagination": {"total_count": len(self.webhooks), "count": len(page)}, "filters": {"offset": offset, "limit": limit}}
        return enveloped(page, extra=extra)

    async def _create(self, request: web.Request) -> web.Response:
        if not self.may_write:
            return refused(403, "You do not have permission to perform this action")
        asked = await request.json()
        if not {"event_types", "name", "client_url", "active"} <= set(asked) or not set(asked.get("job_ids", [])) <= self.jobs:
            return refused(400, "Invalid webhook subscription")
        number = f"wsu_{len(self.webhooks) + 1:05d}"
        self.webhooks[number] = {
            **asked, "id": number, "account_id": str(ACCOUNT), "account_identifier": "act_12345", "http_status_code": "0",
            "job_ids": [str(job) for job in asked.get("job_ids", [])], "hmac_secret": f"secret-of-{number}",
        }  # fmt: skip
        return enveloped(self.webhooks[number], 201)

    async def _hook(self, request: web.Request) -> web.Response:
        return enveloped(shown(self._known(request)))

    async def _update(self, request: web.Request) -> web.Response:
        hook, asked = self._known(request), await request.json()
        hook.update({**asked, "job_ids": [str(job) for job in asked.get("job_ids", [])]})
        return enveloped(shown(hook))

    async def _delete(self, request: web.Request) -> web.Response:
        hook = self._known(request)
        del self.webhooks[hook["id"]]
        return enveloped({"id": hook["id"]})

    async def _test(self, request: web.Request) -> web.Response:
        self._known(request)
        error, status = self.webhook_test
        return enveloped({"verification_error": error, "verification_status_code": status})

    def _known(self, request: web.Request) -> dict[str, Any]:
        hook = self.webhooks.get(request.match_info["id"])
        if hook is None:
            raise web.HTTPNotFound
        return hook


def related(run: dict[str, Any], asked: str) -> dict[str, Any]:
    """A run with what is related left out unless it was asked for."""
    left_out = {"job": None, "environment": None, "trigger": None, "run_steps": []}
    return {**run, **{key: nothing for key, nothing in left_out.items() if key not in json.loads(asked)}}


def shown(hook: dict[str, Any]) -> dict[str, Any]:
    """A webhook without its secret: it is told when it is made, and never again."""
    return {key: value for key, value in hook.items() if key != "hmac_secret"}


def enveloped(data: Any, status: int = 200, **more: Any) -> web.Response:
    return web.json_response(
        {"status": {"code": status, "is_success": True, "user_message": "Success!", "developer_message": ""}, "data": data, **more},
        status=status,
    )


def refused(status: int, message: str, **headers: str) -> web.Response:
    said = {"code": status, "is_success": False, "user_message": message, "developer_message": None}
    return web.json_response({"status": said, "data": None}, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


@asynccontextmanager
async def serving(fake: FakeDbt) -> AsyncIterator[FakeDbt]:
    """The platform on a free port of this machine."""
    runner = web.AppRunner(fake.application(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    fake.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    try:
        yield fake
    finally:
        await runner.cleanup()
