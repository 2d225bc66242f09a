"""The JSON objects Prefect sends, each read into one message. The first dialect that recognises an object reads it.

The payload of an automation is a Jinja template, so any of these may come as an object or as a string that holds one.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from mappers.prefect.message import (
    InfrastructureMessage,
    Message,
    Nothing,
    RunMessage,
    count,
    enum_name,
    is_bookkeeping,
    mapping,
    name,
    plain,
    text,
    time,
    words,
)

Json = Mapping[str, Any]
STATUS_OBJECTS: Final = ("work_pool", "work_queue", "deployment")
TEST: Final = "tocsin.connect.test"
BOOKKEEPING: Final = (
    *("prefect.asset.", "prefect.automation.", "prefect.block.", "prefect.concurrency-limit.", "prefect.log.", "prefect.variable."),
    *("prefect.worker.", "prefect-cloud."),
)
"""What Prefect says of itself: sent by an automation that forwards everything. A failed asset is told by its flow run."""


def read_object(document: Json) -> Message | None:
    """What this object says; None where no dialect knows it."""
    for dialect in DIALECTS:
        if message := dialect(document):
            return message
    return None


def event_with_objects(document: Json) -> Message | None:
    """The recommended payload: `event`, and beside it `flow`, `flow_run` and `deployment`.

    The event decides what happened: the objects are read when the template is rendered, by which time a run that was
    Retrying has Failed already (`flow_run.state_name`).
    """
    event = mapping(document.get("event"))
    return _event(event, document) if event and "resource" in event else None


def event(document: Json) -> Message | None:
    """`{{ event|tojson }}` alone. https://docs.prefect.io/v3/concepts/events"""
    return _event(document, {}) if isinstance(document.get("event"), str) and "resource" in document else None


def interface_custom(document: Json) -> Message | None:
    """What the web interface proposes for a custom trigger: the event's id, resource and related resources."""
    if "event_resource" not in document:
        return None
    return _event(
        {"id": document.get("event_id"), "resource": document["event_resource"], "related": document.get("event_related")}, document
    )


def interface_run(document: Json) -> Message | None:
    """What the web interface proposes for a flow run's state, and what Prefect 2 offers its templates: flat names."""
    run, state = name(document.get("flow_run_id")), name(document.get("flow_run_state_name")) or name(document.get("state_name"))
    kind = enum_name(document.get("flow_run_state_type") or document.get("state_type"))
    state = state or enum_name(document.get("state")) or kind
    if not (run and state):
        return None
    return RunMessage(
        run=run,
        state=state,
        type=kind,
        run_name=name(document.get("flow_run_name")),
        flow=name(document.get("flow_name")),
        deployment=name(document.get("deployment_name")),
        text=text(document.get("flow_run_state_message")) or text(document.get("message")),
        at=time(document.get("flow_run_state_timestamp"), document.get("timestamp")),
        attempt=count(document.get("flow_run_run_count")),
        url=name(document.get("flow_run_url")),
        tags=words(document.get("tags")),
        expected_at=time(document.get("expected_start_time")),
    )


def interface_status(document: Json) -> Message | None:
    """What the web interface proposes for the status of a deployment, work pool or work queue."""
    for thing, within in (("deployment", "flow_name"), ("work_queue", "work_pool_name"), ("work_pool", "")):
        status, called = enum_name(document.get(f"{thing}_status")), name(document.get(f"{thing}_name"))
        if status and called:
            return InfrastructureMessage(
                thing=thing.replace("_", "-"),
                name=called,
                status=plain(status),
                within=name(document.get(within)),
                url=name(document.get(f"{thing}_url")),
            )
    return None


def status_objects(document: Json) -> Message | None:
    """Objects of a deployment, work pool or work queue, as `{{ work_pool|tojson }}` gives them: the innermost one is meant."""
    if document.keys().isdisjoint(STATUS_OBJECTS):
        return None
    pool, queue, deployment = (mapping(document.get(thing)) for thing in ("work_pool", "work_queue", "deployment"))
    happened = name(document.get("event"))
    for thing, found, within in (
        ("deployment", deployment, name(mapping(document.get("flow")).get("name"))),
        ("work-queue", queue, name(queue.get("work_pool_name")) or name(pool.get("name"))),
        ("work-pool", pool, ""),
    ):
        status, called = enum_name(found.get("status")), name(found.get("name"))
        told = happened.removeprefix(f"prefect.{thing}.") if happened.startswith(f"prefect.{thing}.") else ""
        if told and is_bookkeeping(told):
            return Nothing(f"{happened} alerts nobody")
        if called and (told or (status and not happened)):
            return InfrastructureMessage(thing=thing, name=called, status=plain(told or status), within=within, id=name(found.get("id")))
    return None


def run_object(document: Json) -> Message | None:
    """A flow run as Prefect's API gives it, alone or as `flow_run`, beside its flow and deployment.

    So it comes from a template, and so the gateway enters what Prefect's API said: with `"tocsin": "flow_run"`.
    """
    run = mapping(document.get("flow_run")) or document
    state = mapping(run.get("state")) or mapping(document.get("state"))
    kind = enum_name(state.get("type") or run.get("state_type"))
    identifier = name(run.get("flow_run_id")) or name(run.get("id"))
    called = name(state.get("name")) or name(run.get("state_name")) or kind
    if not (identifier and (called or "state_details" in state) and ("name" in state or "state_name" in run or "state_type" in run)):
        return None
    return RunMessage(
        run=identifier,
        state=called,
        type=kind,
        run_name=name(run.get("name")),
        text=text(state.get("message")),
        at=time(state.get("timestamp")),
        **_about_run(run, document),
        flow=name(mapping(document.get("flow")).get("name")) or name(document.get("flow_name")),
        deployment=name(mapping(document.get("deployment")).get("name")) or name(document.get("deployment_name")),
        is_looked_up=document.get("tocsin") == "flow_run",
    )


DIALECTS: Final[tuple[Callable[[Json], Message | None], ...]] = (
    event_with_objects,
    event,
    interface_custom,
    interface_run,
    interface_status,
    status_objects,
    run_object,
)


def _event(event: Json, objects: Json) -> Message | None:
    resource = mapping(event.get("resource"))
    thing, _, identifier = name(resource.get("prefect.resource.id")).removeprefix("prefect.").partition(".")
    happened = name(event.get("event"))
    if happened == TEST:
        return Nothing("a test of `tocsin connect prefect`: Prefect reaches this source")
    if thing == "task-run" or happened.startswith("prefect.task-run."):
        return Nothing("the state of a task run: its flow run tells how it ended")
    if happened and not happened.startswith(f"prefect.{thing}."):
        return Nothing(f"{happened} alerts nobody") if happened.startswith(BOOKKEEPING) else None
    word = happened.removeprefix(f"prefect.{thing}.")
    if is_bookkeeping(word):
        return Nothing(f"{happened} alerts nobody")
    if thing == "flow-run":
        return _flow_run_event(event, objects, resource, identifier, word)
    if thing in ("deployment", "work-pool", "work-queue") and word:
        related, _ = _related(event)
        return InfrastructureMessage(
            thing=thing,
            name=name(resource.get("prefect.resource.name")) or identifier,
            status=plain(word),
            within=related.get("flow" if thing == "deployment" else "work-pool", ""),
            id=identifier,
            at=time(event.get("occurred")),
            event_id=name(event.get("id")),
        )
    return None


def _flow_run_event(event: Json, objects: Json, resource: Json, run: str, word: str) -> Message | None:
    payload = mapping(event.get("payload"))
    state = mapping(payload.get("validated_state"))
    called = name(resource.get("prefect.state-name")) or name(state.get("name")) or word
    if not (run and called):
        return None
    related, tags = _related(event)
    about = _about_run(mapping(objects.get("flow_run")), objects)
    return RunMessage(
        run=run,
        state=called,
        type=enum_name(resource.get("prefect.state-type") or state.get("type")),
        run_name=name(resource.get("prefect.resource.name")),
        flow=related.get("flow") or name(mapping(objects.get("flow")).get("name")),
        deployment=related.get("deployment") or name(mapping(objects.get("deployment")).get("name")),
        previous=name(mapping(payload.get("initial_state")).get("name")),
        text=text(resource.get("prefect.state-message")) or text(state.get("message")),
        at=time(resource.get("prefect.state-timestamp"), event.get("occurred")),
        event_id=name(event.get("id")),
        **about | {"attempt": count(resource.get("prefect.run-count")) or about["attempt"], "tags": tags or about["tags"]},
    )


def _about_run(run: Json, document: Json) -> dict[str, Any]:
    """What is true of a run whichever state it is in."""
    return {
        "attempt": count(run.get("run_count")),
        "url": name(document.get("flow_run_url")),
        "tags": words(run.get("tags")),
        "expected_at": time(run.get("expected_start_time")),
        "started_at": time(run.get("start_time")),
    }


def _related(event: Json) -> tuple[dict[str, str], tuple[str, ...]]:
    """role → name of the related resources, and the tags among them. Prefect sends at most 500 of them."""
    related = event.get("related")
    names: dict[str, str] = {}
    tags: list[str] = []
    for resource in related[:500] if isinstance(related, list) else ():
        if not isinstance(resource, dict):
            continue
        role = resource.get("prefect.resource.role")
        if role == "tag":
            tags.append(name(resource.get("prefect.resource.id")).removeprefix("prefect.tag."))
        elif isinstance(role, str):
            names.setdefault(role, name(resource.get("prefect.resource.name")))
    return names, tuple(tags)
