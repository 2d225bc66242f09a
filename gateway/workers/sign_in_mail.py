"""The worker that mails one-time sign-in links, and tells people of a team they were added to.

Nothing it sends is kept, or can be read in the page.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.channels.email.compose import ComposedMail
from gateway.channels.email.failures import PermanentFailure, SendFailure
from gateway.channels.email.sign_in import invitation_mail, sign_in_mail
from gateway.channels.email.smtp import Smtp
from gateway.domain.sign_in_link import GOOD_FOR, INVITED_FOR, LAST_SENT, SignInLinks, address, page_for
from gateway.metrics import DELIVERED
from gateway.storage import refused_addresses, sign_in_requests
from gateway.storage.database import Database, Transaction
from gateway.storage.sign_in_requests import Requested
from gateway.workers.lease import LEASE, Time, held, new_lease
from gateway.workers.loop import Worker
from mappers.contract.signature import digest

BATCH: Final = 10
_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 60.0
_LONGEST_PAUSE_INVITED: Final = 900.0
_log = logging.getLogger("tocsin.sign_in")


class SignInMailWorker(Worker):
    """Looks up who asked, makes their link good, and sends it; a stranger's request ends here, where nobody waits for it."""

    name = "sign-in-mail"

    def __init__(
        self, database: Database, smtp: Smtp | None, clock: Callable[[], datetime], *, mail_from: str, public_url: str, links: SignInLinks,
        time: Time | None = None,
    ) -> None:  # fmt: skip
        """Without `smtp` nothing is asked for. `time` measures leases; default: `clock`."""
        super().__init__(clock)
        self._time: Time = time or (lambda _: clock())
        self._database, self._smtp, self._mail_from, self._public_url, self._links = database, smtp, mail_from, public_url, links

    async def step(self) -> int:
        """Sends what is due; gives how much that was."""
        if self._smtp is None:
            return 0
        lease = new_lease()
        batch = await self._database.write(self._claim, lease)
        if batch:
            async with held(self._database, sign_in_requests.extend, lease, self._time):
                results = await asyncio.gather(*(self._send(self._smtp, one, lease) for one in batch), return_exceptions=True)
            for trouble in (one for one in results if isinstance(one, Exception)):
                raise trouble  # what was not recorded is due again when the lease ends
        return len(batch)

    async def next_due(self) -> datetime | None:
        """When the next mail is due."""
        return await self._database.read(sign_in_requests.next_due) if self._smtp else None

    async def finish(self) -> None:
        """Ends the connection to the mail server."""
        if self._smtp is not None:
            await self._smtp.close()

    def _claim(self, transaction: Transaction, lease: str) -> list[Requested]:
        return sign_in_requests.claim(
            transaction, now=self._time(transaction), lease=lease, lease_for=LEASE, limit=BATCH, good_for=GOOD_FOR,
            digest_of=lambda number, salt: digest(self._links.token(number, salt)),
        )  # fmt: skip

    async def _send(self, smtp: Smtp, one: Requested, lease: str) -> None:
        mail = self._written(one)
        try:
            await smtp.send(self._mail_from, one.email, mail.raw)
        except PermanentFailure as failure:
            _log.warning("a mail with %s to user %s is refused for good: %s", _what(one), one.user_id, failure)
            await self._end(one, lease, "failed")
            if failure.no_such_address:
                await self._database.write(refused_addresses.refuse, user_id=one.user_id, why=failure.answer, now=self.clock())
        except SendFailure as failure:
            await self._again(one, lease, failure)
        else:
            await self._end(one, lease, "sent")

    def _written(self, one: Requested) -> ComposedMail:
        to: dict[str, Any] = {"mail_from": self._mail_from, "to_address": one.email, "to_name": one.name, "number": one.id}
        when: dict[str, Any] = {"public_url": self._public_url, "asked_at": one.asked_at}
        if one.invited_to is not None:
            page = page_for(self._public_url, one.email)
            return invitation_mail(**to, **when, team=one.invited_to, by=one.invited_by, page=page)
        link = address(self._public_url, self._links.token(one.id, one.salt), one.target)
        return sign_in_mail(**to, **when, zone=one.zone, link=link, until=one.asked_at + GOOD_FOR)

    async def _again(self, one: Requested, lease: str, failure: SendFailure) -> None:
        longest, last = (_LONGEST_PAUSE, LAST_SENT) if one.invited_to is None else (_LONGEST_PAUSE_INVITED, INVITED_FOR)
        wait = min(_FIRST_PAUSE * 2.0 ** min(one.attempts - 1, 10), longest)
        due_at = self.clock() + timedelta(seconds=wait * (0.75 + 0.5 * random.random()))  # noqa: S311 - spreads load, guards nothing
        if due_at - one.asked_at > last:
            _log.warning("a mail with %s to user %s did not leave in time: %s", _what(one), one.user_id, failure)
            await self._end(one, lease, "failed")
            return
        DELIVERED.labels(_channel(one), "retry").inc()
        await self._database.write(sign_in_requests.again, number=one.id, lease=lease, due_at=due_at)

    async def _end(self, one: Requested, lease: str, outcome: str) -> None:
        DELIVERED.labels(_channel(one), outcome).inc()
        await self._database.write(sign_in_requests.end, number=one.id, lease=lease)


def _what(one: Requested) -> str:
    return "a sign-in link" if one.invited_to is None else "an invitation"


def _channel(one: Requested) -> str:
    return "sign-in" if one.invited_to is None else "invitation"
