"""The page's vocabulary: what the codes of the data are called in front of people."""

from typing import Final

from gateway.api.notifications import CATEGORIES
from mappers.contract import Category, Level
from mappers.contract.signature import Refusal

CATEGORY_LABELS: Final = {one.value.value: one.label for one in CATEGORIES}
CATEGORY_DESCRIPTIONS: Final = {one.value.value: one.description for one in CATEGORIES}
CATEGORY_PLURALS: Final = {
    Category.INCIDENT.value: "incidents",
    Category.SCHEMA_CHANGE.value: "schema changes",
    Category.JOB_FAILURE.value: "job failures",
    Category.LATE_RUN.value: "late runs",
    Category.DBT_TEST_FAILURE.value: "dbt test failures",
    Category.SYSTEM.value: "system notices",
}
CATEGORY_NAMES: Final = tuple(category.value for category in Category)

LEVEL_LABELS: Final = {level.value: level.value.capitalize() for level in Level}
PERIODS: Final = {
    "1h": "for an hour",
    "8h": "for 8 hours",
    "1d": "for a day",
    "1w": "for a week",
    "1m": "for a month",
    "until-resolved": "until resolved",
    "forever": "for ever",
}
"""For how long something is put aside."""
MIN_LEVELS: Final = ("info", "warning", "error")

REASONS: Final = {
    "first": "Began",
    "reopened": "Began again",
    "escalated": "Got worse",
    "grew": "More is failing",
    "repeat": "Happened again",
    "resolved": "Recovered",
    "shrank": "Part of it recovered",
    "flapping": "Keeps failing and recovering",
    "passed": "Failed and recovered since",
    "held": "Held back",
    "same-occurrence": "Details added",
}
"""The judge's words, on a timeline."""

BECAUSE: Final = {
    "first": "nothing was open: a new episode begins",
    "reopened": "it had recovered before: a new episode begins",
    "escalated": "the level rose, so everybody hears again",
    "grew": "something more began to fail, so everybody hears again",
    "repeat": "the same is failing still; only those who had read it hear again",
    "resolved": "nothing of it is failing any more; those who heard of the failure hear of this",
    "flapping": "it opened and closed again and again; everybody hears of that once, then of nothing until it is stable",
    "shrank": "something recovered while the rest is failing still; nobody is disturbed",
    "passed": "we heard of the failure after its recovery; nobody is woken",
    "held": "it may pass by itself; shown only if it lasts",
    "same-occurrence": "this was known already",
}

EVENT_STATUSES: Final = {
    "waiting": "Waiting to be mapped",
    "mapped": "Mapped",
    "ignored": "Ignored on purpose",
    "unmapped": "Not understood",
    "quarantined": "Quarantined: it could not be recorded",
}

FOLLOW_UPS: Final = {"waiting": "Still to come", "done": "Fetched", "failed": "Not to be had"}

DELIVERY_STATUSES: Final = {
    "waiting": "Waiting",
    "sent": "Sent",
    "kept": "Kept here",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
ATTEMPTS: Final = {**DELIVERY_STATUSES, "retry": "Tried again later"}
DELIVERY_KINDS: Final = {"failing": "Failure", "reminder": "Reminder", "resolved": "Recovery", "digest": "Digest"}

REJECTIONS: Final = {
    Refusal.NO_SECRET.value: ("No usable secret", "The source refuses everything until a secret is set in its configuration."),
    Refusal.MISSING.value: (
        "No credential",
        "The sender sent none of the kind this source expects: check which header, or the end of the address.",
    ),
    Refusal.MALFORMED.value: ("Credential not readable", "It is not written the way this source expects."),
    Refusal.WRONG.value: ("Wrong credential", "It does not match: compare the secret of the sender with the one configured here."),
    Refusal.EXPIRED.value: ("Expired credential", "It matched once: give the sender the new one, or extend the old one."),
    "body-too-large": ("Body too large", "Raise `max_body` of this source, or send less."),
    "body-too-slow": ("Body too slow", "The sender stopped in the middle of its request."),
    "body-unreadable": ("Body not readable", "It was cut off, or its encoding is not what its headers say."),
    Refusal.STALE.value: ("Signed at another time", "The signed timestamp is too far from this server's clock: check both clocks."),
}
