"""Keeps what opens a door out of what readers are shown: names and passwords in addresses, tokens in their queries.

Whoever checks a service by its address sends that address along, and people put credentials into it.
"""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from mappers.contract.draft import Draft, Member
from mappers.contract.inbound import Inbound
from mappers.contract.mapped import Mapped, RunSignal

_USER: Final = re.compile(
    r"(?:(?<=http://)|(?<=https://))[^\s/?#\"'<>]{0,500}@|(?<=://)[^\s/?#\"'<>:]{0,200}:[^\s/?#\"'<>]{0,300}@", re.IGNORECASE
)
"""Of other schemes a name alone may stay: `ssh://git@host`."""
_USER_ENCODED: Final = re.compile(r"(?<=%3a%2f%2f)(?:(?!%2f|%3f|%23)[^\s&\"'<>]){0,500}%40", re.IGNORECASE)
_USER_CUT: Final = re.compile(r"(?<=://)[^\s/?#\"'<>]{0,500}…\Z")
"""An address that was cut before its host may begin with a password."""
_NAMES: Final = (
    r"(?:[a-z0-9]{1,20}[._-]){0,3}(?:(?:access|auth|api|private|secret|subscription|account|session|client|user|bot)?"
    r"(?:token|secret|passw(?:or)?d|passphrase|pwd|pass|pw|signature|sig|auth|apikey|credentials?|jwt)|(?:api|access|private|secret)[._-]?key)s?"
)
_PARAMETER: Final = re.compile(rf"([?&;#]){_NAMES}=[^\s&;#\"'<>)\]]*(&?)|([?&;])(?:key|code)=[\w.~%+/=-]{{20,}}(&?)", re.IGNORECASE)
_PARAMETER_ENCODED: Final = re.compile(rf"(%3f|%26){_NAMES}%3d(?:(?!%26|%23)[^\s&;#\"'<>)\]])*", re.IGNORECASE)
"""The same in an address that is part of another's query."""
_TEXTS: Final = ("title", "message", "excerpt", "pipeline", "run", "occurrence", "source_id")
_LISTS: Final = ("impact", "owners", "tags")
_TABLES: Final = ("event_data", "facts", "links")


def without_secrets(map_: Callable[[Inbound], Mapped]) -> Callable[[Inbound], Mapped]:
    """A mapper whose drafts and signals carry no credentials of the addresses that its sender talks of."""

    @wraps(map_)
    def spared(inbound: Inbound) -> Mapped:
        mapped = map_(inbound)
        drafts, signals = tuple(map(_draft, mapped.drafts)), tuple(map(_signal, mapped.signals))
        is_clean = all(new is old for new, old in zip((*drafts, *signals), (*mapped.drafts, *mapped.signals), strict=True))
        return mapped if is_clean else mapped.model_copy(update={"drafts": drafts, "signals": signals})

    return spared


def spare(text: str) -> str:
    """`text` without names, passwords and tokens in the addresses it holds; never longer than before."""
    if "://" not in text and "%3" not in text:
        return text
    for pattern in (_USER, _USER_ENCODED):
        text = pattern.sub("", text)
    text = _USER_CUT.sub("…", text)
    return _PARAMETER_ENCODED.sub(_rest_of_encoded, _PARAMETER.sub(_rest, text))


def _rest(match: re.Match[str]) -> str:
    """`?token=x&a=1` leaves `?`, the last parameter nothing."""
    return (match[1] or match[3]) if match[2] or match[4] else ""


def _rest_of_encoded(match: re.Match[str]) -> str:
    return match[1] if match[1].lower() == "%3f" else ""


def _draft(draft: Draft) -> Draft:
    changed = _changed(draft, (*_TEXTS, *_LISTS, *_TABLES))
    if draft.member and (label := _changed(draft.member, ("key", "label"))):
        changed["member"] = Member(**{"key": draft.member.key, "label": draft.member.label, **label})
    return draft.model_copy(update=changed) if changed else draft


def _signal(signal: RunSignal) -> RunSignal:
    changed = _changed(signal, ("pipeline", "run", "name", "url"))
    return signal.model_copy(update=changed) if changed else signal


def _changed(part: Draft | Member | RunSignal, names: tuple[str, ...]) -> dict[str, Any]:
    """The fields that held a credential, without it."""
    return {name: new for name in names if (new := _spared(old := getattr(part, name))) != old}


def _spared(value: Any) -> Any:
    if isinstance(value, str):
        return spare(value)
    if isinstance(value, tuple):
        return tuple(map(_spared, value))
    if isinstance(value, dict):
        return {_spared(key): _spared(item) for key, item in value.items()}
    return value
