"""The page's vocabulary: what the codes of the data are called in front of people."""

from typing import Final

from gateway.api.notifications import CATEGORIES
from mappers.contract import Category, Level
from mappers.contract.signature import Scheme

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

SCHEMES: Final = {
    Scheme.BEARER.value: "a bearer token in Authorization",
    Scheme.HEADER.value: "a header of its own",
    Scheme.BASIC.value: "HTTP basic, user and password",
    Scheme.TOKEN.value: "the end of the address",
    Scheme.DBT.value: "dbt's signature",
    Scheme.GITHUB.value: "GitHub's signature",
    Scheme.GRAFANA.value: "Grafana's signature",
    Scheme.FIVETRAN.value: "Fivetran's signature",
    Scheme.SLACK.value: "Slack's signature",
    Scheme.STRIPE.value: "Stripe's signature",
    Scheme.STANDARD_WEBHOOKS.value: "the signature of Standard Webhooks",
    Scheme.HMAC.value: "an HMAC in a header",
    Scheme.SNS.value: "Amazon's signature",
}
"""How a sender proves itself: by …"""

CHANGES: Final = {
    "source": "Sources",
    "member": "Members",
    "token": "API tokens",
    "events": "Replays",
    "notifications": "Notifications deleted",
    "mail": "Addresses that took no mail",
    "issuer": "Applications that sign in",
}
"""What changes are of."""
