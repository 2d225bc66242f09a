"""Why a request was refused at the door, in words, and what to do: the one table that page, command and documentation show."""

from typing import Final, NamedTuple

from mappers.contract.signature import Refusal


class Explanation(NamedTuple):
    """A reason in front of people."""

    title: str
    advice: str
    """What to do, as sentences."""


REFUSALS: Final = {
    Refusal.NO_SECRET.value: Explanation(
        "No usable secret",
        "The source has no valid secret, so it refuses everything: give it one on its page, or under auth in tocsin.toml.",
    ),
    Refusal.MISSING.value: Explanation(
        "No credential", "The sender sent none of the kind this source expects: check which header it sets, or the end of its address."
    ),
    Refusal.MALFORMED.value: Explanation(
        "Credential not readable",
        "It is not written the way this source expects: compare the sender's scheme with the auth of this source.",
    ),
    Refusal.WRONG.value: Explanation(
        "Wrong credential", "It does not match: compare the secret of the sender with the one configured here, and send again."
    ),
    Refusal.EXPIRED.value: Explanation("Expired credential", "It was right once: give the sender the new one, or extend the old one."),
    Refusal.STALE.value: Explanation(
        "Signed at another time", "The signed timestamp is too far from this server's clock: check both clocks."
    ),
    "body-too-large": Explanation("Body too large", "Raise max_body in the settings of this source, or let the sender send less."),
    "body-too-slow": Explanation(
        "Body too slow", "The sender stopped in the middle of its request: look at it, and at what is between the two."
    ),
    "body-unreadable": Explanation(
        "Body not readable", "It was cut off, or its encoding is not what its headers say: look at what is between the two."
    ),
    "rate-limited-address": Explanation(
        "Too many from one address",
        "Too many of its requests were refused: mend what they were refused for, or block it if it is a stranger's.",
    ),
    "method": Explanation("Wrong method", "The source does not take this method: let the sender POST."),
    "too-many-bodies": Explanation("Too many large requests", "More bytes came at once than are held in memory: let the sender repeat it."),
    "rate-limited-source": Explanation(
        "Too many from one source", "The source sent faster than is allowed: let the sender send less, or raise the limit of this source."
    ),
}


def explanation(reason: str) -> Explanation:
    """What a reason means; one that this version does not know stands for itself."""
    return REFUSALS.get(reason, Explanation(reason, ""))
