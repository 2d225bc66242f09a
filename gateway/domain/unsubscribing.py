"""Links that end mail without signing in: signed, for one person, team and category, and only for a while.

https://www.rfc-editor.org/rfc/rfc8058
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.domain.signed import Signed
from mappers.contract import Category

VALID_FOR: Final = timedelta(days=60)
PATH: Final = "/unsubscribe"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a link is about."""

    user_id: int
    team_id: int
    category: Category | None
    """None: all that the person hears from the team by mail."""
    expires_at: datetime


class Unsubscribing:
    """Makes and reads the links, with a key of the installation's for this purpose alone."""

    def __init__(self, key: bytes, *old: bytes) -> None:
        """Links that were made with an `old` key are read too."""
        self._signed = Signed(key)
        self._readers = (self._signed, *(Signed(one) for one in old))

    def link(self, public_url: str, *, user_id: int, team_id: int, category: Category | None, made_at: datetime) -> str:
        """The address for mail that was queued at `made_at`: the same whenever it is asked for."""
        expires = int((made_at + VALID_FOR).timestamp())
        said = f"{user_id}.{team_id}.{category or ''}.{expires}"
        return f"{public_url}{PATH}/{self._signed.token(said)}"

    def read(self, token: str) -> Subscription | None:
        """What the token says; None where it was not made here. Whether it has expired is for the reader to ask."""
        said = next((said for reader in self._readers if (said := reader.read(token)) is not None), None)
        if said is None:
            return None
        user_id, team_id, category, expires = said.split(".")
        return Subscription(int(user_id), int(team_id), Category(category) if category else None, datetime.fromtimestamp(int(expires), UTC))
