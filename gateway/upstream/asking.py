"""What is asked of a sender's own API, what comes back, and how it can go wrong."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.upstream.guard import NotReached
from gateway.upstream.web import AT_MOST, PATIENCE, Answer, Web
from mappers.contract import SourceSettings


class NotYet(Exception):
    """What was asked for does not exist yet, and will: ask again later."""


class Refused(Exception):
    """Asking again is of no use; the message says why, and what to do about it."""


class Unavailable(Exception):
    """The other side is gone, slow, overloaded or makes no sense; it may be asked again."""

    def __init__(self, said: str, retry_after: timedelta | None = None) -> None:
        """`retry_after`: what the other side wishes."""
        super().__init__(said)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Asked:
    """One question to a sender's API."""

    web: Web
    settings: SourceSettings
    """The source's, its secrets open."""
    ids: Mapping[str, str]
    """As the mapper gave them: a stranger's, so each must be checked before it becomes part of an address."""


@dataclass(frozen=True)
class Document:
    """What was asked for, as it enters the journal."""

    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended, as the sender's API tells of it."""

    run: str
    """Its id, as in the run signals of its webhooks."""
    phase: str
    """How it ended, as in those signals: `succeeded`, `failed` or `cancelled`."""
    ended_at: datetime
    body: bytes
    """What enters the journal where no webhook told of it."""


Operation = Callable[[Asked], Awaitable[Document | None]]
"""Gives None where there is nothing to enter. Raises `NotYet`, `Refused` or `Unavailable`, nothing else."""

EndedRuns = Callable[[Asked, datetime, datetime], AsyncIterator[Sequence[EndedRun]]]
"""Runs that ended within (since, until], oldest first, page by page; each page asks once. Raises as an `Operation` does."""


@dataclass(frozen=True)
class Upstream:
    """What can be asked of one kind of sender."""

    operations: Mapping[str, Operation] = field(default_factory=dict)
    """By the name that follow-ups and log pointers use."""
    ended_runs: EndedRuns | None = None
    is_reachable: Callable[[SourceSettings], bool] = lambda _: True
    """Whether the source's settings say where the API is, and how to be let in."""
    addresses: Callable[[SourceSettings], Mapping[str, str]] = lambda _: {}
    """The settings that say where it is asked, by their name; empty where nothing is set."""


async def ask(
    web: Web,
    method: str,
    url: str,
    *,
    whose: str,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    body: Any = None,
    at_most: int = AT_MOST,
    within: float = PATIENCE,
) -> Answer:
    """An answer with status 2xx or 404; `whose` API it is stands in every message. Raises `Refused` or `Unavailable`."""
    try:
        answer = await web.ask(method, url, headers=headers, params=params, body=body, at_most=at_most, within=within)
    except TimeoutError:
        raise Unavailable(f"{whose} did not answer within {within:.0f} s") from None
    except NotReached as refusal:
        raise Refused(f"{whose} is not asked: {refusal.strerror}") from None
    except OSError as error:
        raise Unavailable(f"{whose} cannot be reached: {error}") from None
    if answer.status < 300 or answer.status == 404:
        return answer
    if answer.status in (401, 403):
        raise Refused(f"{whose} answered {answer.status}: check the key in the source's settings, and what it may read")
    if answer.status in (408, 425, 429) or answer.status >= 500:
        raise Unavailable(f"{whose} answered {answer.status}", answer.retry_after)
    raise Refused(f"{whose} answered {answer.status}: {answer.body[:200].decode('utf-8', 'replace')}")


async def ask_json(web: Web, method: str, url: str, *, whose: str, **how: Any) -> Any:
    """The JSON of an answer with status 2xx; None for a 404. Raises `Refused` or `Unavailable`."""
    answer = await ask(web, method, url, whose=whose, **how)
    if answer.status == 404:
        return None
    if answer.cut:
        raise Refused(f"{whose} answered more than {len(answer.body)} bytes")
    try:
        return answer.json()
    except ValueError:
        raise Unavailable(f"{whose} answered no JSON: is this its API's address?") from None
