"""Webhook subscriptions of a dbt platform account, made and kept through its API.

https://docs.getdbt.com/docs/deploy/webhooks#api-for-webhooks
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.upstream.web import Answer, Web

EVENTS: Final = ("job.run.started", "job.run.completed", "job.run.errored")
_PAGE: Final = 100
_MOST_PAGES: Final = 20


class DbtFault(Exception):
    """It could not be done; the message says why, and what to do about it."""


@dataclass(frozen=True)
class Wanted:
    """The subscription there should be."""

    name: str
    """What tells it from others' subscriptions: `Tocsin: acme/dbt-cloud`."""
    url: str
    jobs: tuple[int, ...] = ()
    """None: every job of the account."""

    @property
    def body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "description": "Job runs, for the on-call staff's gateway. Kept by `tocsin connect dbt-cloud`.",
            "event_types": list(EVENTS),
            "client_url": self.url,
            "active": True,
            "job_ids": list(self.jobs),
        }

    def is_like(self, hook: dict[str, Any]) -> bool:
        """Whether a subscription is already as it should be. Jobs come back as texts."""
        same = hook.get("name") == self.name and hook.get("client_url") == self.url and hook.get("active") is True
        return same and set(hook.get("event_types") or ()) == set(EVENTS) and _jobs(hook) == {str(job) for job in self.jobs}


@dataclass(frozen=True)
class Done:
    """What became of one subscription."""

    id: str
    how: str
    """`created`, `updated`, `unchanged` or `deleted`."""
    secret: str = ""
    """What it signs with; the platform shows it once, when the subscription is made."""
    why: str = ""


class DbtAccount:
    """One account, and whoever has the token."""

    def __init__(self, web: Web, address: str, account: str, token: str) -> None:
        self._web, self._address, self._account = web, address, account
        self._headers = {"Authorization": f"Bearer {token}"}

    async def connect(self, wanted: Wanted, *, dry: bool) -> list[Done]:
        """One subscription of ours, as wanted; one made by hand for the same address becomes it. Raises `DbtFault`."""
        hooks = await self._all()
        ours = [hook for hook in hooks if hook.get("name") == wanted.name] or [
            hook for hook in hooks if hook.get("client_url") == wanted.url
        ][:1]
        if not ours:
            return [await self._create(wanted, dry=dry)]
        kept = await self._keep(ours[0], wanted, dry=dry)
        return [kept, *[await self._delete(hook, dry=dry, why="there were several") for hook in ours[1:]]]

    async def undo(self, wanted: Wanted, *, dry: bool) -> list[Done]:
        """Takes our subscriptions away. Raises `DbtFault`."""
        return [await self._delete(hook, dry=dry) for hook in await self._all() if hook.get("name") == wanted.name]

    async def test(self, id_: str) -> tuple[str, str]:
        """Lets the platform call once: the status it was answered, and what went wrong."""
        data = await self._ask("GET", f"webhooks/subscription/{id_}/test")
        return str(data.get("verification_status_code") or ""), str(data.get("verification_error") or "")

    async def may_read_runs(self) -> bool:
        """Whether the token may ask for runs, which artifacts and missed runs need."""
        answer = await self._answer("GET", f"{self._address}/api/v2/accounts/{self._account}/runs/", {"limit": "1"})
        return answer.status == 200

    async def _all(self) -> Sequence[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(_MOST_PAGES):
            hooks = await self._ask("GET", "webhooks/subscriptions", params={"limit": str(_PAGE), "offset": str(page * _PAGE)}, shape=list)
            found += [hook for hook in hooks if isinstance(hook, dict) and hook.get("id") not in {known.get("id") for known in found}]
            if len(hooks) < _PAGE:
                break
        return found

    async def _create(self, wanted: Wanted, *, dry: bool) -> Done:
        if dry:
            return Done("", "created")
        made = await self._ask("POST", "webhooks/subscriptions", body=wanted.body)
        return Done(str(made.get("id")), "created", secret=str(made.get("hmac_secret") or ""))

    async def _keep(self, hook: dict[str, Any], wanted: Wanted, *, dry: bool) -> Done:
        id_ = _id(hook)
        if wanted.is_like(hook):
            return Done(id_, "unchanged")
        if not dry:
            await self._ask("PUT", f"webhooks/subscription/{id_}", body=wanted.body)
        why = "it was switched off: dbt does that after long failure" if hook.get("active") is not True else ""
        return Done(id_, "updated", why=why)

    async def _delete(self, hook: dict[str, Any], *, dry: bool, why: str = "") -> Done:
        if not dry:
            await self._ask("DELETE", f"webhooks/subscription/{_id(hook)}")
        return Done(_id(hook), "deleted", why=why)

    async def _ask(self, method: str, path: str, *, params: dict[str, str] | None = None, body: Any = None, shape: type = dict) -> Any:
        answer = await self._answer(method, f"{self._address}/api/v3/accounts/{self._account}/{path}", params, body)
        try:
            found = answer.json()
        except ValueError:
            found = None
        said = found.get("status") if isinstance(found, dict) else None
        if answer.status >= 300 or not isinstance(found, dict):
            raise DbtFault(self._trouble(answer, said.get("user_message") if isinstance(said, dict) else None))
        data = found.get("data")
        return data if isinstance(data, shape) else shape()

    async def _answer(self, method: str, url: str, params: dict[str, str] | None = None, body: Any = None) -> Answer:
        try:
            return await self._web.ask(method, url, headers=self._headers, params=params, body=body)
        except TimeoutError:
            raise DbtFault(f"{self._address} did not answer in time") from None
        except OSError as error:
            raise DbtFault(f"{self._address} cannot be reached: {error}") from None

    def _trouble(self, answer: Answer, said: object) -> str:
        detail = f" ({said})" if isinstance(said, str) and said else ""
        match answer.status:
            case 401:
                return f"401{detail}: --token is not a token of this account, or of another region: is --host the address you sign in at?"
            case 403:
                return f"403{detail}: the token may not manage webhooks"
            case 404:
                return f"404{detail}: no account {self._account} at {self._address}, no webhooks in its plan, or the token may not see it"
            case 400:
                return f"400{detail}: dbt does not take it; are --jobs ids of this account's jobs?"
            case status if status < 300:
                return f"{self._address} answered something else than dbt's API does: is --host the address you sign in at?"
            case status:
                return f"{self._address} answered {status}{detail}"


def _id(hook: dict[str, Any]) -> str:
    found = str(hook.get("id"))
    if not found.replace("_", "").replace("-", "").isalnum():
        raise DbtFault(f"{found[:40]!r} is no id of a webhook")
    return found


def _jobs(hook: dict[str, Any]) -> set[str]:
    return {str(job) for job in hook.get("job_ids") or ()}
