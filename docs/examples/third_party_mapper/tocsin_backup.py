"""A source kind of our own: what our backup program posts when it has finished."""

from mappers.contract import BadBody, Category, Draft, Example, Inbound, Level, Mapped, SourceKind, State, Unmapped
from mappers.contract.signature import Scheme


def map_backup(inbound: Inbound) -> Mapped:
    try:
        body = inbound.json
    except BadBody as error:
        raise Unmapped(str(error)) from None
    if not isinstance(body, dict) or not isinstance(body.get("job"), str):
        raise Unmapped("names no job")
    failed = body.get("ok") is not True
    draft = Draft(
        slug="backup-job",
        event_data={"job": body["job"]},
        category=Category.JOB_FAILURE,
        level=Level.ERROR if failed else Level.SUCCESS,
        state=State.FIRING if failed else State.RESOLVED,
        title=f"Backup {body['job']} failed",
        message=str(body.get("error") or ""),
        pipeline=body["job"],
        run=str(body.get("run") or "") or None,
    )
    return Mapped(drafts=(draft,))


SOURCE = SourceKind(
    kind="backup",
    title="Backup",
    auth=(Scheme.BEARER, Scheme.TOKEN),
    event_types=("finished",),
    map=map_backup,
    example=Example(body=b'{"job": "nightly", "ok": false, "run": "7"}', headers={"Content-Type": "application/json"}),
)
