"""What the documents of databases and of services have in common: that it cannot be reached, and that it can again."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from mappers.contract import Category, Draft, Level, State, duration
from mappers.tocsin.document import Document, Moment, local

Name = Annotated[str, Field(min_length=1, max_length=200)]


class LookedAt(Document):
    """What was looked at, and how it stands."""

    slug: Name
    environment: str = ""
    owners: tuple[str, ...] = ()
    address: str = ""
    """Without credentials."""
    at: Moment
    since: Moment | None = None
    """When the first failure in a row was."""
    failures: Annotated[int, Field(ge=0, le=10**9)] = 0
    trouble: str = ""


STATES: Final = {"down": State.FIRING, "up": State.RESOLVED, "unwatched": State.RESOLVED}


def about(said: LookedAt) -> dict[str, Any]:
    """What every draft about it has."""
    return {
        "environment": said.environment or None,
        "pipeline": said.slug,
        "owners": said.owners,
        "occurred_at": said.at,
    }


def reachability(said: LookedAt, state: str, *, what: str, slug: str) -> Draft:
    """Down, up again, or no longer looked at; `what` it is stands in the title."""
    since = said.since or said.at
    return Draft(
        **about(said),
        slug=slug,
        event_data={"name": said.slug},
        category=Category.INCIDENT,
        level=Level.ERROR if state == "down" else Level.SUCCESS,
        state=STATES[state],
        title={"down": f"{what} is down", "up": f"{what} is up again"}.get(state, f"{what} is not watched any more"),
        occurrence=f"{since.isoformat()} {state}",
        message=_message(said, state, since),
        facts={"Address": said.address, "Down since": local(since, "UTC"), "Tried": _times(said.failures)} if state == "down" else {},
        excerpt=said.trouble if state == "down" else "",
    )


def _message(said: LookedAt, state: str, since: datetime) -> str:
    match state:
        case "down":
            return f"{said.trouble or 'It did not answer.'}"
        case "up":
            return f"It was down for {duration(max(said.at - since, timedelta()))}."
        case _:
            return "It is no longer named in tocsin.toml."


def _times(count: int) -> str:
    return f"{count} times in a row" if count > 1 else "once"
