"""The webhook block and the automations that make a Prefect 3 server send its news: made, kept up to date, taken away.

https://docs.prefect.io/v3/concepts/automations
"""

import asyncio
import base64
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from gateway.upstream.web import Answer, Web

MARK: Final = "Made by `tocsin connect prefect`"
"""Stands in the description of every automation of ours: nothing without it is touched."""
TEST_EVENT: Final = "tocsin.connect.test"
PAYLOAD: Final = """{
  "event": {{ event|tojson }},
  "flow": {{ flow|tojson }},
  "flow_run": {{ flow_run|tojson }},
  "deployment": {{ deployment|tojson }},
  "flow_run_url": "{{ flow_run|ui_url }}"
}"""
"""With `tojson` and without quotes, so that nothing in an error message can break it."""
EVENT_PAYLOAD: Final = "{{ event|tojson }}"
POOLS: Final = ("work-pool", "work-queue")
"""Whose health is told. Not every deployment's: one worker that dies would be told once for each deployment of its pool."""
_PAGE: Final = 200
_BUSY: Final = (429, 503)
"""Nothing was done: on SQLite a server says 503 where its database is locked, and Prefect's own clients ask again as well."""
_AGAIN_AFTER: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds after which a busy server is asked again."""


class PrefectFault(Exception):
    """What is in the way at Prefect, and how to get round it."""


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done, or would be: `created`, `updated`, `unchanged`, `deleted`, `left`."""

    what: str
    how: str
    why: str = ""


@dataclass(frozen=True)
class Wanted:
    """What is to stand at Prefect for one source."""

    source: str
    """`team/slug`, as in the names of the automations."""
    url: str
    headers: Mapping[str, str]
    deployments: bool = False
    """Whether each deployment that is not ready is told as well: those that are served without a pool have nothing else."""

    @property
    def block(self) -> str:
        """The name of the block: small letters, digits and dashes is all that Prefect takes."""
        return f"tocsin-{self.source.replace('/', '-')}"

    def automations(self, block_id: str) -> list[dict[str, Any]]:
        """Every state of a run but Scheduled (each run that is planned has one), and the health of what runs them."""
        things = (*POOLS, "deployment") if self.deployments else POOLS
        health = [f"prefect.{thing}.{status}" for thing in things for status in ("ready", "not-ready")]
        run = _trigger(["prefect.flow-run.*"], {"prefect.resource.id": "prefect.flow-run.*", "prefect.state-name": "!Scheduled"})
        return [
            _automation(f"tocsin {self.source}: flow runs", self.source, run, block_id, PAYLOAD),
            _automation(f"tocsin {self.source}: infrastructure", self.source, _trigger(health, {}), block_id, EVENT_PAYLOAD),
        ]


class Prefect:
    """A Prefect 3 server's API, or a Cloud workspace's, as far as it takes to be connected."""

    def __init__(self, web: Web, api_url: str, headers: Mapping[str, str]) -> None:
        """`headers` let one in: see `authorization`."""
        self._web, self._api, self._headers = web, api_url.rstrip("/"), headers

    async def version(self) -> str:
        """The server's version; empty for Prefect Cloud. Raises `PrefectFault` where this is no API of Prefect 3."""
        if "api.prefect.cloud" in self._api:
            await self._ask("POST", "block_types/filter", {"limit": 1})
            return ""
        answer = await self._answer("GET", "admin/version")
        found = _json(answer)
        if answer.status != 200 or not isinstance(found, str):
            raise PrefectFault(await self._what_instead())
        if found.split(".")[0].isdigit() and int(found.split(".")[0]) < 3:
            raise PrefectFault(f"the server is Prefect {found}; this needs 3.0 or newer. By hand: docs/connect-prefect.md")
        return found

    async def connect(self, wanted: Wanted, *, dry: bool = False) -> list[Done]:
        """Makes what is missing, updates what differs, leaves the rest."""
        kind = await self._block_type()
        data = {"method": "POST", "url": wanted.url, "headers": dict(wanted.headers)}
        block = await self._block(wanted.block)
        done: list[Done] = []
        if block is None:
            done.append(Done(f"block {wanted.block}", "created"))
            if not dry:
                made = {"name": wanted.block, "data": data, "block_type_id": kind, "block_schema_id": await self._block_schema(kind)}
                block = await self._ask("POST", "block_documents/", made)
        elif any((block.get("data") or {}).get(key) != value for key, value in data.items()):
            done.append(Done(f"block {wanted.block}", "updated"))
            if not dry:
                await self._ask("PATCH", f"block_documents/{block['id']}", {"data": data, "merge_existing_data": True})
        else:
            done.append(Done(f"block {wanted.block}", "unchanged"))
        for automation in wanted.automations(block["id"] if block else str(uuid.UUID(int=0))):
            done += await self._keep(automation, dry=dry)
        return done

    async def undo(self, wanted: Wanted, *, dry: bool = False) -> list[Done]:
        """Takes away what `connect` made, and nothing else."""
        done = []
        ours = {one["name"] for one in wanted.automations("")}
        for one in await self._automations():
            if _is_ours(one, wanted.source) and (one["name"] in ours or one["name"].startswith(f"tocsin {wanted.source}: ")):
                done.append(Done(f"automation {one['name']!r}", "deleted"))
                if not dry:
                    await self._ask("DELETE", f"automations/{one['id']}")
        block = await self._block(wanted.block)
        if block is not None:
            users = [one["name"] for one in await self._automations() if block["id"] in str(one) and not _is_ours(one, wanted.source)]
            done.append(
                Done(f"block {wanted.block}", "left", f"{users[0]!r} uses it") if users else Done(f"block {wanted.block}", "deleted")
            )
            if not users and not dry:
                await self._ask("DELETE", f"block_documents/{block['id']}")
        return done

    async def test(self, wanted: Wanted, *, within: float = 30.0) -> str:
        """What the gateway answered to an event of our own, as Prefect tells it: sent by an automation that is gone afterwards."""
        block = await self._block(wanted.block)
        if block is None:
            raise PrefectFault("there is nothing to test yet: connect first")
        mark = f"tocsin.connect.{uuid.uuid4()}"
        trigger = _trigger([TEST_EVENT], {"prefect.resource.id": mark})
        made = await self._ask(
            "POST", "automations/", _automation(f"tocsin {wanted.source}: test", wanted.source, trigger, block["id"], EVENT_PAYLOAD)
        )
        try:
            ends = time.monotonic() + within
            while time.monotonic() < ends:
                await self._emit(mark)
                await asyncio.sleep(2)
                if answer := await self._what_came_of(made["id"]):
                    return answer
        finally:
            await self._ask("DELETE", f"automations/{made['id']}")
        raise PrefectFault(f"Prefect did not call within {within:.0f} s: do its triggers run (PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED)?")

    async def _emit(self, mark: str) -> None:
        event = {
            "id": str(uuid.uuid4()), "event": TEST_EVENT, "occurred": datetime.now(UTC).isoformat(),
            "resource": {"prefect.resource.id": mark, "prefect.resource.name": "a test of tocsin connect"}, "related": [], "payload": {},
        }  # fmt: skip
        await self._ask("POST", "events", [event])

    async def _what_came_of(self, automation_id: str) -> str:
        """`202` and the like, or why the call failed; empty where nothing is known yet."""
        wanted = {
            "event": {"name": ["prefect.automation.action.executed", "prefect.automation.action.failed"]},
            "resource": {"id": [f"prefect.automation.{automation_id}"]},
        }
        found = await self._ask("POST", "events/filter", {"filter": wanted, "limit": 10})
        for event in (found or {}).get("events", []):
            payload = event.get("payload") or {}
            if event.get("event") == "prefect.automation.action.executed" and payload.get("status_code"):
                return str(payload["status_code"])
            if reason := payload.get("reason"):
                raise PrefectFault(f"Prefect could not call {reason}")
        return ""

    async def _keep(self, wanted: dict[str, Any], *, dry: bool) -> list[Done]:
        named = [one for one in await self._automations() if one.get("name") == wanted["name"]]
        called = f"automation {wanted['name']!r}"
        if foreign := [one for one in named if not str(one.get("description", "")).startswith(MARK)]:
            raise PrefectFault(f"there is an {called} that was not made here ({foreign[0]['id']}): rename it, then try again")
        if not named:
            if not dry:
                await self._ask("POST", "automations/", wanted)
            return [Done(called, "created")]
        first, *rest = named
        done = []
        for one in rest:
            done.append(Done(called, "deleted", "it was there twice"))
            if not dry:
                await self._ask("DELETE", f"automations/{one['id']}")
        if _holds(first, {key: value for key, value in wanted.items() if key != "enabled"}):
            return [*done, Done(called, "unchanged", "" if first.get("enabled") else "it is switched off at Prefect, and stays so")]
        if not dry:
            await self._ask("PUT", f"automations/{first['id']}", {**wanted, "enabled": first.get("enabled", True)})
        return [*done, Done(called, "updated")]

    async def _automations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = await self._ask("POST", "automations/filter", {"limit": _PAGE, "offset": len(found)})
            found += [one for one in page or [] if isinstance(one, dict)]
            if not page or len(page) < _PAGE:
                return found

    async def _block(self, name: str) -> dict[str, Any] | None:
        found = await self._ask("GET", f"block_types/slug/webhook/block_documents/name/{name}?include_secrets=true", may_lack=True)
        return found if isinstance(found, dict) else None

    async def _block_type(self) -> str:
        """The Webhook block's type: on a new server it is registered as the page does when it is first opened."""
        found = await self._ask("GET", "block_types/slug/webhook", may_lack=True)
        if found is None:
            await self._ask("POST", "block_types/install_system_block_types")
            found = await self._ask("GET", "block_types/slug/webhook", may_lack=True)
        if not isinstance(found, dict):
            raise PrefectFault("Prefect has no Webhook block: run `prefect block register -m prefect.blocks.webhook` once, then try again")
        return str(found["id"])

    async def _block_schema(self, kind: str) -> str:
        found = await self._ask("POST", "block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind]}}, "limit": 1})
        if not found:
            raise PrefectFault("Prefect's Webhook block has no schema: run `prefect block register -m prefect.blocks.webhook` once")
        return str(found[0]["id"])

    async def _what_instead(self) -> str:
        """What stands at an address where no API is."""
        below = await self._web.ask("GET", f"{self._api}/api/admin/version", headers=self._headers)
        if below.status == 200 and isinstance(_json(below), str):
            return f"{self._api} is Prefect's page; its API is at {self._api}/api"
        return f"{self._api} is not the API of a Prefect server: as PREFECT_API_URL has it, such as http://prefect:4200/api"

    async def _ask(self, method: str, path: str, body: Any = None, *, may_lack: bool = False) -> Any:
        answer = await self._answer(method, path, body)
        if answer.status == 404 and may_lack:
            return None
        if answer.status >= 300:
            said = answer.body[:300].decode("utf-8", "replace")
            raise PrefectFault(f"Prefect answered {answer.status} to {method} {path.partition('?')[0]}: {said}")
        return _json(answer) if answer.body else None

    async def _answer(self, method: str, path: str, body: Any = None) -> Answer:
        try:
            answer = await self._once_free(method, path, body)
        except TimeoutError:
            raise PrefectFault(f"{self._api} does not answer") from None
        except OSError as error:
            raise PrefectFault(f"{self._api} cannot be reached: {error}") from None
        if answer.status in (401, 403):
            raise PrefectFault(
                f"Prefect answered {answer.status}: give --api-key (Cloud), or --auth-string (its PREFECT_SERVER_API_AUTH_STRING)"
            )
        return answer

    async def _once_free(self, method: str, path: str, body: Any) -> Answer:
        for pause in _AGAIN_AFTER:
            answer = await self._web.ask(method, f"{self._api}/{path}", headers=self._headers, body=body)
            if answer.status not in _BUSY:
                return answer
            await asyncio.sleep(pause)
        return await self._web.ask(method, f"{self._api}/{path}", headers=self._headers, body=body)


def authorization(api_key: str | None, auth_string: str | None) -> dict[str, str]:
    """The headers that let one in."""
    if api_key:
        return {"Authorization": f"Bearer {api_key}"}
    return {"Authorization": f"Basic {base64.b64encode(auth_string.encode()).decode()}"} if auth_string else {}


def _trigger(expect: Sequence[str], match: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "event", "posture": "Reactive", "match": dict(match), "expect": list(expect),
        "for_each": ["prefect.resource.id"], "threshold": 1, "within": 0,
    }  # fmt: skip


def _automation(name: str, source: str, trigger: dict[str, Any], block_id: str, payload: str) -> dict[str, Any]:
    action = {"type": "call-webhook", "block_document_id": block_id, "payload": payload}
    return {"name": name, "description": f"{MARK} for {source}.", "enabled": True, "trigger": trigger, "actions": [action]}


def _is_ours(automation: Mapping[str, Any], source: str) -> bool:
    return str(automation.get("description", "")).startswith(f"{MARK} for {source}.")


def _holds(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted stands there; what Prefect adds of itself does not matter."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_holds(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and sorted(map(str, found)) == sorted(map(str, wanted)) if _plain(wanted) else _pairs(found, wanted)
    return bool(found == wanted)


def _plain(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _pairs(found: Any, wanted: list[Any]) -> bool:
    return isinstance(found, list) and len(found) == len(wanted) and all(map(_holds, found, wanted))


def _json(answer: Answer) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
