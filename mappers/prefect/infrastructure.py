"""From a message about a deployment, work pool or work queue to a draft."""

from typing import Final
from urllib.parse import quote

from mappers.contract import Category, Draft, Level, Mapped, Member, State, Unmapped
from mappers.contract.draft import Scalar
from mappers.prefect.message import InfrastructureMessage
from mappers.prefect.settings import PrefectSettings

LABELS: Final = {"deployment": "Deployment", "work-pool": "Work pool", "work-queue": "Work queue"}
WITHIN: Final = {"deployment": "Flow", "work-queue": "Work pool"}
MEANING: Final = {
    "notready": (State.FIRING, Level.WARNING, "is not ready: nothing polls it for work."),
    "ready": (State.RESOLVED, Level.SUCCESS, "is ready."),
    "paused": (State.NOTE, Level.INFO, "is paused: somebody stopped it on purpose."),
}


def map_infrastructure(message: InfrastructureMessage, settings: PrefectSettings) -> Mapped:
    """One draft by the status. Raises `Unmapped` for a status Prefect did not have when this was written."""
    if message.status not in MEANING:
        raise Unmapped(f"the {message.thing} status {message.status!r} is not known")
    state, level, said = MEANING[message.status]
    label, event_data, pipeline, member = LABELS[message.thing], *_identity(message)
    hold = settings.infrastructure_hold if settings.hold is None else settings.hold
    link = message.url or _link(message, settings)
    draft = Draft(
        slug=f"prefect-{message.thing}-paused" if state is State.NOTE else f"prefect-{message.thing}-not-ready",
        event_data=event_data,
        category=Category.INCIDENT,
        level=level,
        title=f"{label} {_full_name(message)} is {'paused' if state is State.NOTE else 'not ready'}",
        state=state,
        member=member,
        pipeline=pipeline,
        occurrence=message.at.isoformat() if message.at else None,
        occurred_at=message.at,
        message=f"{label} {message.name} {said}",
        links={f"Open {label.lower()}": link} if link else {},
        facts={WITHIN[message.thing]: message.within} if message.within and message.thing in WITHIN else {},
        owners=settings.owners,
        hold=(hold or None) if state is State.FIRING else None,
    )
    return Mapped(drafts=(draft,))


def _identity(message: InfrastructureMessage) -> tuple[dict[str, Scalar], str, Member | None]:
    """event_data, pipeline and member.

    Not every dialect names a queue's pool, so the pool is a member of the queue's thread, as a deployment is of a flow's.
    """
    if message.thing == "deployment":
        flow: dict[str, Scalar] = {"flow": message.within} if message.within else {}
        return flow | {"deployment": message.name}, message.within or message.name, None
    member = Member(key=message.within, label=message.within) if message.within else None
    return {message.thing.replace("-", "_"): message.name}, message.name, member


def _full_name(message: InfrastructureMessage) -> str:
    return f"{message.within}/{message.name}" if message.thing == "deployment" and message.within else message.name


def _link(message: InfrastructureMessage, settings: PrefectSettings) -> str:
    """https://docs.prefect.io/v3/api-ref: pools are addressed by name, deployments and queues by id."""
    target = message.name if message.thing == "work-pool" else message.id
    return settings.link(f"{message.thing}s/{message.thing}/{quote(target, safe='')}") if target else ""
