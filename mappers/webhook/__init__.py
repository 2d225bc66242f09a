"""Any sender at all: which of its fields is the title, the state, the identity is said in the source's settings.

docs/connect-webhook.md tells how; `mappers.webhook.language` is the language of its texts.
"""

import json
from typing import Final

from mappers.contract import Draft, Example, Inbound, Mapped, Phase, RunSignal, SourceKind, State, Unmapped
from mappers.contract.signature import Scheme
from mappers.webhook.drafts import draft, instead, signal
from mappers.webhook.language import choice, path, text
from mappers.webhook.message import Item, Message, says, words
from mappers.webhook.settings import Condition, Reading, WebhookSettings
from mappers.webhook.words import Outcome, outcome, pick

_MOST_ITEMS: Final = 1000
_KEYS: Final = ("webhook-id", "svix-id", "idempotency-key", "x-github-delivery")
_NO_DRAFT: Final = {
    Outcome.RUNNING: "it is under way",
    Outcome.RETRYING: "it will be tried again",
    Outcome.IGNORED: "`states` say that it is to be ignored",
}
GUESSED: Final = Reading(
    state="{status | state | data.status | data.state | type | event}",
    level="{level | severity | data.level | data.severity}",
    pipeline="{name | job | data.name | data.job}",
    title="{title | data.title}",
    message="{message | data.message | error | data.error | description | data.description}",
    run="{run_id | data.run_id}",
    occurred_at="{timestamp | time | data.timestamp}",
    links={"Open": "{url | data.url}"},
)
"""What is read where the source has no mapping yet."""


def _map(inbound: Inbound) -> Mapped:
    settings, message = _settings(inbound), Message(inbound)
    if not says(message.body) and not inbound.query_values:
        raise Unmapped("the request is empty, or holds JSON that is broken throughout")
    if (reason := _not_wanted(settings, message)) is not None:
        return Mapped(ignored=reason)
    try:
        return _mapped(settings, _reading(settings, message), message, inbound)
    except Unmapped as unmapped:
        if settings.is_mapped:
            raise
        raise Unmapped(f"this source has no mapping yet, and guessing was not enough: {unmapped.reason}") from None


def _mapped(settings: WebhookSettings, reading: Reading, message: Message, inbound: Inbound) -> Mapped:
    drafts: list[Draft] = []
    signals: list[RunSignal] = []
    silent: list[str] = []
    for item in _items(reading, message):
        meant = _outcome(settings, reading, message, item)
        if (told := signal(reading, message, item, meant)) is not None:
            signals.append(told)
        if meant in _NO_DRAFT:
            silent.append(_NO_DRAFT[meant])
        else:
            drafts.append(draft(settings, reading, message, item, meant, inbound))
    reasons = "; ".join(dict.fromkeys(silent)) or "the list is empty"
    return Mapped(drafts=_settled(drafts), signals=_of_whole_runs(signals), ignored=None if drafts else reasons)


def _settings(inbound: Inbound) -> WebhookSettings:
    return inbound.settings if isinstance(inbound.settings, WebhookSettings) else WebhookSettings()


def _not_wanted(settings: WebhookSettings, message: Message) -> str | None:
    if settings.when is not None and (failing := _unlike(settings.when, message)):
        return f"not what `when` asks for: {failing}"
    for number, condition in enumerate(settings.ignore, 1):
        if not _unlike(condition, message):
            return f"`ignore` {number} says so: {', '.join(condition)}"
    return None


def _unlike(condition: Condition, message: Message) -> str:
    """The first part of the condition that is not true; empty where all is."""
    for written, wanted in condition.items():
        said = words(message.value(choice(written), message.whole))
        if not (pick(dict.fromkeys(wanted, True), said) if said else "" in wanted):
            return f"{written} is {said[:60]!r}"
    return ""


def _reading(settings: WebhookSettings, message: Message) -> Reading:
    """What is to be read of this type of message."""
    if not settings.is_mapped:
        return GUESSED
    if settings.event is None:
        return settings
    said = message.say(text(settings.event), message.whole)
    chosen = pick({name: name for name in settings.events}, said)
    if chosen is None:
        raise Unmapped(f"event {said[:80]!r} is none of `events`; name it there, or add a condition to `ignore`")
    return settings.of(chosen)


def _items(reading: Reading, message: Message) -> list[Item]:
    if reading.each is None:
        return [message.whole]
    found = message.items(path(reading.each))
    if found is None:
        there = message.names(path(reading.each), message.whole)
        hint = f" ({reading.each}[*] goes through its values)" if isinstance(message.find(path(reading.each), message.whole), dict) else ""
        raise Unmapped(f"each: there is no list at {reading.each}{there}{hint}")
    if len(found) > _MOST_ITEMS:
        raise Unmapped(f"each: the list at {reading.each} holds {len(found)} items; at most {_MOST_ITEMS} are read")
    return found


def _outcome(settings: WebhookSettings, reading: Reading, message: Message, item: Item) -> Outcome:
    told = reading.told("state")
    if told is None:
        return Outcome.NOTE
    said = message.say(told, item)
    meant = outcome(settings.states, said)
    if meant is None and not said:
        raise Unmapped(f"state: nothing is said at {reading.state}{instead(reading.state, message, item)}")
    if meant is None:
        raise Unmapped(f'state: {said[:80]!r} is not known; name it in `states`, as in states = {{ {json.dumps(said[:80])} = "firing" }}')
    return meant


def _of_whole_runs(signals: list[RunSignal]) -> tuple[RunSignal, ...]:
    """A run of which one item failed has failed."""
    failed = {(one.pipeline, one.run) for one in signals if one.phase is Phase.FAILED}
    return tuple(dict.fromkeys(one for one in signals if one.phase is not Phase.SUCCEEDED or (one.pipeline, one.run) not in failed))


def _settled(drafts: list[Draft]) -> tuple[Draft, ...]:
    """Of several items with one identity the failing ones are told, and the first gives all of a thread their title."""
    firing = {_part(one) for one in drafts if one.state is State.FIRING}
    titles: dict[str, str] = {}
    kept: list[Draft] = []
    for one in drafts:
        if one.state is State.RESOLVED and _part(one) in firing:
            continue
        title = titles.setdefault(_thread(one), one.title)
        kept.append(one if title == one.title else one.model_copy(update={"title": title}))
    return tuple(kept)


def _thread(one: Draft) -> str:
    return repr((one.slug, sorted(one.event_data.items()), one.environment))


def _part(one: Draft) -> tuple[str, str]:
    return _thread(one), one.member.key if one.member else ""


def _request_key(inbound: Inbound) -> str | None:
    settings = _settings(inbound)
    if settings.request_key is not None:
        message = Message(inbound)
        return message.say(text(settings.request_key), message.whole) or None
    return next((inbound.headers[name] for name in _KEYS if inbound.headers.get(name)), None)


_EXAMPLE: Final = (
    b'{"type": "sync.failed", "timestamp": "2026-11-22T02:10:00Z", "data": {"name": "orders to CRM", "run_id": "8812",'
    b' "message": "403 Forbidden: the token has expired", "url": "https://app.example.org/syncs/12/runs/8812"}}'
)

SOURCE: Final = SourceKind(
    kind="webhook",
    title="Any webhook",
    auth=(
        Scheme.BEARER,
        Scheme.TOKEN,
        Scheme.STANDARD_WEBHOOKS,
        Scheme.HMAC,
        Scheme.GITHUB,
        Scheme.SLACK,
        Scheme.STRIPE,
        Scheme.HEADER,
        Scheme.BASIC,
    ),
    event_types=tuple(Outcome),
    map=_map,
    request_key=_request_key,
    methods=("GET", "POST", "PUT"),
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json"}),
    settings=WebhookSettings,
    steps=(
        "Let the sender post its webhooks to {url}",
        "If it signs them, put its secret into the source's auth; if it can send a header, Authorization: Bearer {token}.",
        "Let it send one, and save what arrived: tocsin events, tocsin events show ID --raw",
        "Write the mapping into the source's settings (docs/connect-webhook.md).",
        "See what it makes of the body, without a server: tocsin map webhook FILE --source TEAM/SOURCE",
    ),
)
