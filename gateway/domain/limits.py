"""How much of anything a team or a person can make: one list, so that nobody fills the house, by mistake or on purpose."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limit:
    """The most there can be of one thing."""

    what: str
    """As people call it, in the plural."""
    most: int
    of: str
    """Of what: a team, a person, a source."""
    advice: str
    """What to do about it, as a sentence."""

    def refuses(self, number: int) -> bool:
        """Whether this many leave no room for one more."""
        return number >= self.most

    @property
    def said(self) -> str:
        """The same to whoever met it."""
        return f"{self.of.capitalize()} can have {self.most:,} {self.what}, and has them. {self.advice}"


SOURCES: Final = Limit("sources", 500, "a team", "A disabled one counts too: enable and change one, or delete it.")
SECRETS: Final = Limit("secrets that are still valid", 10, "a source", "End one that no sender uses any more.")
MEMBERS: Final = Limit("members made here", 10_000, "a team", "End a membership, or name people in tocsin.toml.")
INVITATIONS: Final = Limit(
    "mails to new members in a day", 100, "a team", "Whoever was added is a member all the same: tell them yourself."
)
TOKENS: Final = Limit("API tokens that are still valid", 50, "a person", "End one that nothing uses any more.")
SCHEDULED: Final = Limit("notifications that are scheduled", 10_000, "a team", "Cancel some, or wait until some are made.")
MUTED: Final = Limit("notifications that are muted", 1_000, "a person", "Unmute some, or switch their category off.")
MONITORS: Final = Limit("monitors", 1_000, "a team", "Remove one that nobody needs.")

LIMITS: Final = (SOURCES, SECRETS, MEMBERS, INVITATIONS, TOKENS, SCHEDULED, MUTED, MONITORS)
"""Every one of them. What tocsin.toml names is the operator's own and is never refused."""
