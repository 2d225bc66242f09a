"""A Prefect 3 server on loopback that answers as the real one was seen to (3.8.8), and misbehaves on request.

https://docs.prefect.io/v3/api-ref/rest-api
"""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

FLOW, DEPLOYMENT, WEBHOOK, SCHEMA = (str(uuid.UUID(int=number)) for number in (1, 2, 3, 4))


@dataclass
class FakePrefect:
    """What is on the server, what was asked, and how to go wrong next."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    states: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    logs: list[dict[str, Any]] = field(default_factory=list)
    task_runs: list[dict[str, Any]] = field(default_factory=list)
    blocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    automations: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    faults: list[Callable[[], web.Response]] = field(default_factory=list)
    """Each is used up by one request that it answers."""
    version: str = "3.8.8"
    credential: str = ""
    has_webhook_type: bool = True
    answered: str = "202"
    """What the gateway would answer to a call."""
    url: str = ""

    def run(self, number: int, name: str = "Failed", kind: str = "FAILED", at: datetime | None = None, flow: str | None = FLOW) -> str:
        """Adds a run that ended in this state; its id."""
        identifier = str(uuid.UUID(int=1000 + number))
        when = (at or datetime(2026, 11, 22, 2, 10, tzinfo=UTC) + timedelta(seconds=number)).isoformat()
        state = {"id": str(uuid.uuid4()), "type": kind, "name": name, "timestamp": when, "message": "boom", "data": {"secret": "x"}}
        self.states.setdefault(identifier, []).append(state)
        self.runs[identifier] = {
            "id": identifier, "name": f"run-{number}", "flow_id": flow, "deployment_id": DEPLOYMENT, "tags": ["prod"], "run_count": 1,
            "parameters": {"password": "hunter2"}, "job_variables": {"env": {"KEY": "hunter2"}}, "expected_start_time": when,
            "start_time": when, "end_time": when, "state_type": kind, "state_name": name, "state": state,
        }  # fmt: skip
        return identifier

    def automation(self, **given: Any) -> str:
        """Adds somebody's automation; its id."""
        identifier = str(uuid.uuid4())
        self.automations[identifier] = {"id": identifier, "description": "", "enabled": True, "trigger": {}, "actions": [], **given}
        return identifier


@asynccontextmanager
async def serving(fake: FakePrefect) -> AsyncIterator[FakePrefect]:
    """Answers at `fake.url` while it is open."""
    app = web.Application(middlewares=[_door(fake)])
    api = _Api(fake)
    app.add_routes(
        [
            web.get("/api/admin/version", api.version), web.get("/api/flow_runs/{id}", api.flow_run),
            web.get("/api/flow_run_states/", api.flow_run_states), web.post("/api/flow_runs/filter", api.filter_runs),
            web.get("/api/{what:flows|deployments}/{id}", api.thing), web.post("/api/{what:flows|deployments}/filter", api.things),
            web.post("/api/task_runs/filter", api.filter_task_runs), web.post("/api/logs/filter", api.filter_logs),
            web.get("/api/block_types/slug/webhook", api.block_type), web.post("/api/block_types/install_system_block_types", api.install),
            web.post("/api/block_schemas/filter", api.block_schemas), web.post("/api/block_documents/", api.create_block),
            web.get("/api/block_types/slug/webhook/block_documents/name/{name}", api.block),
            web.patch("/api/block_documents/{id}", api.update_block), web.delete("/api/block_documents/{id}", api.delete_block),
            web.post("/api/automations/filter", api.filter_automations), web.post("/api/automations/", api.create_automation),
            web.put("/api/automations/{id}", api.update_automation), web.delete("/api/automations/{id}", api.delete_automation),
            web.post("/api/events", api.emit), web.post("/api/events/filter", api.filter_events),
            web.get("/", api.page), web.get("/admin/version", api.page),
        ]
    )  # fmt: skip
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api"
    try:
        yield fake
    finally:
        await runner.cleanup()


def _door(fake: FakePrefect) -> Any:
    @web.middleware
    async def door(request: web.Request, handler: Any) -> web.StreamResponse:
        fake.asked.append(f"{request.method} {request.path}")
        if fake.credential and request.headers.get("Authorization") != fake.credential:
            return web.json_response({"exception_message": "Unauthorized"}, status=401)
        if fake.faults:
            return fake.faults.pop(0)()
        answer: web.StreamResponse = await handler(request)
        return answer

    return door


class _Api:
    def __init__(self, fake: FakePrefect) -> None:
        self._fake = fake

    async def version(self, _: web.Request) -> web.Response:
        return web.json_response(self._fake.version)

    async def page(self, _: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>Prefect</title>", content_type="text/html")

    async def flow_run(self, request: web.Request) -> web.Response:
        return _found(self._fake.runs.get(request.match_info["id"]))

    async def flow_run_states(self, request: web.Request) -> web.Response:
        return web.json_response(self._fake.states.get(request.query["flow_run_id"], []))

    async def filter_runs(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        ended = body["flow_runs"]["end_time"]
        found = [run for run in self._fake.runs.values() if ended["after_"] <= run["end_time"] <= ended["before_"]]
        found = [run for run in found if run["state_type"] in body["flow_runs"]["state"]["type"]["any_"]]
        return web.json_response(sorted(found, key=lambda run: str(run["end_time"]), reverse=True)[: body["limit"]])

    async def thing(self, request: web.Request) -> web.Response:
        return _found(_THINGS.get(request.match_info["id"]))

    async def things(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        return web.json_response([_THINGS[one] for one in body[request.match_info["what"]]["id"]["any_"] if one in _THINGS])

    async def filter_task_runs(self, request: web.Request) -> web.Response:
        await self._body(request)
        return web.json_response(self._fake.task_runs)

    async def filter_logs(self, request: web.Request) -> web.Response:
        wanted = (await self._body(request))["logs"]
        found = self._fake.logs
        if "task_run_id" in wanted:
            found = [log for log in found if log["task_run_id"] in wanted["task_run_id"]["any_"]]
        if "level" in wanted:
            found = [log for log in found if log["level"] >= wanted["level"]["ge_"]]
        return web.json_response(list(reversed(found))[:200])

    async def block_type(self, _: web.Request) -> web.Response:
        return _found({"id": WEBHOOK, "slug": "webhook"} if self._fake.has_webhook_type else None)

    async def install(self, _: web.Request) -> web.Response:
        self._fake.has_webhook_type = True
        return web.json_response(None)

    async def block_schemas(self, _: web.Request) -> web.Response:
        return web.json_response([{"id": SCHEMA}])

    async def block(self, request: web.Request) -> web.Response:
        return _found(next((one for one in self._fake.blocks.values() if one["name"] == request.match_info["name"]), None))

    async def create_block(self, request: web.Request) -> web.Response:
        made = {"id": str(uuid.uuid4()), **await self._body(request)}
        self._fake.blocks[made["id"]] = made
        return web.json_response(made, status=201)

    async def update_block(self, request: web.Request) -> web.Response:
        self._fake.blocks[request.match_info["id"]]["data"].update((await self._body(request))["data"])
        return web.Response(status=204)

    async def delete_block(self, request: web.Request) -> web.Response:
        del self._fake.blocks[request.match_info["id"]]
        return web.Response(status=204)

    async def filter_automations(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        return web.json_response(list(self._fake.automations.values())[body["offset"] :][: body["limit"]])

    async def create_automation(self, request: web.Request) -> web.Response:
        made = await self._body(request)
        made["trigger"] = {"id": str(uuid.uuid4()), "after": [], "match_related": {}, **made["trigger"]}  # what the real one adds
        identifier = self._fake.automation(**made)
        return web.json_response(self._fake.automations[identifier], status=201)

    async def update_automation(self, request: web.Request) -> web.Response:
        self._fake.automations[request.match_info["id"]].update(await self._body(request))
        return web.Response(status=204)

    async def delete_automation(self, request: web.Request) -> web.Response:
        del self._fake.automations[request.match_info["id"]]
        return web.Response(status=204)

    async def emit(self, request: web.Request) -> web.Response:
        for event in await self._body(request):
            for automation in self._fake.automations.values():
                trigger = automation["trigger"]
                if event["event"] in trigger.get("expect", []) and trigger["match"] == {
                    "prefect.resource.id": event["resource"]["prefect.resource.id"]
                }:
                    ended = {"status_code": int(self._fake.answered)} if self._fake.answered.isdigit() else {"reason": self._fake.answered}
                    word = "executed" if "status_code" in ended else "failed"
                    self._fake.events.append(
                        {"event": f"prefect.automation.action.{word}", "of": f"prefect.automation.{automation['id']}", "payload": ended}
                    )
        return web.Response(status=204)

    async def filter_events(self, request: web.Request) -> web.Response:
        wanted = (await self._body(request))["filter"]
        found = [
            event for event in self._fake.events if event["of"] in wanted["resource"]["id"] and event["event"] in wanted["event"]["name"]
        ]
        return web.json_response({"events": found, "total": len(found), "next_page": None})

    async def _body(self, request: web.Request) -> Any:
        body = await request.json()
        self._fake.bodies.append(body)
        return body


_THINGS = {FLOW: {"id": FLOW, "name": "orders", "tags": []}, DEPLOYMENT: {"id": DEPLOYMENT, "name": "nightly", "tags": []}}


def _found(one: Any) -> web.Response:
    return web.json_response(one) if one is not None else web.json_response({"detail": "Not Found"}, status=404)
