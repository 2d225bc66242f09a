"""The very first start without a configuration: a team, an admin, one source of each kind, and what to try."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway import proofs
from gateway.api.sign_in import SIGN_IN_LINK
from gateway.config.document import Auth
from gateway.storage import credentials, people, sources
from gateway.storage.database import Transaction
from gateway.vault import Vault
from mappers.contract import SourceKind
from mappers.contract.signature import Scheme, digest

TEAM: Final = "home"
ADMIN: Final = "admin@localhost"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A source and what its sender needs; the only moment at which the credential exists in clear."""

    team: str
    slug: str
    kind: str
    title: str
    scheme: Scheme
    secret: str

    def url(self, base: str) -> str:
        """The webhook address, with the token where that is how the source is authenticated."""
        address = f"{base}/webhooks/{self.team}/{self.slug}"
        return f"{address}/{self.secret}" if self.scheme is Scheme.TOKEN else address

    @property
    def instruction(self) -> str:
        """How the sender proves itself, in words; empty where the address says it all."""
        match self.scheme:
            case Scheme.TOKEN:
                return ""
            case Scheme.DBT:
                return f"signed with the secret {self.secret} (dbt shows its own when you create the webhook: put that in tocsin.toml)"
            case _:
                return f"header Authorization: Bearer {self.secret}"


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What was set up."""

    sources: tuple[Credentials, ...]


def is_first(transaction: Transaction) -> bool:
    """Whether nothing was ever set up here."""
    return not people.team_ids(transaction)


def set_up(transaction: Transaction, kinds: Mapping[str, SourceKind], vault: Vault, now: datetime) -> FirstStart:
    """Makes the team, its admin and one source per kind."""
    team_id = people.put_team(transaction, slug=TEAM, name="Home", base_url=None, now=now)
    admin = people.put_user(transaction, email=ADMIN, name="Admin", now=now)
    people.put_membership(transaction, team_id=team_id, user_id=admin, role="admin", permissions=())
    made = tuple(
        create_source(transaction, kind, TEAM, team_id, kind.kind.replace("_", "-"), "prod", vault, now)
        for kind in kinds.values()
        if not kind.is_own
    )
    return FirstStart(made)


def create_source(
    transaction: Transaction, kind: SourceKind, team: str, team_id: int, slug: str, environment: str, vault: Vault, now: datetime
) -> Credentials:
    """A source with a fresh credential, of the simplest scheme its sender can use."""
    scheme = Scheme.TOKEN if Scheme.TOKEN in kind.auth else kind.auth[0]
    secret = secrets.token_urlsafe(24)
    auth = proofs.stored(Auth.model_validate({scheme.value: [secret]}), vault)
    sources.put(
        transaction, team_id=team_id, slug=slug, kind=kind.kind, environment=environment, auth=auth, settings={}, managed=False, now=now
    )
    return Credentials(team, slug, kind.kind, kind.title, scheme, secret)


def sign_in_link(transaction: Transaction, user_id: int, base: str, now: datetime) -> str:
    """A link that signs this user in, once, within a day."""
    token = secrets.token_urlsafe(32)
    credentials.put(
        transaction, user_id=user_id, kind="sign-in", digest=digest(token), name="sign-in link", now=now, expires_at=now + SIGN_IN_LINK
    )
    return f"{base}/sign-in/{token}"
