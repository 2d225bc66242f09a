"""Bodies made for other receivers, said in our words. What is not of such a form is left as it is.

PagerDuty's events need little here: their fields are among those that are known by several names.
"""

from collections.abc import Mapping
from typing import Any, Final

from mappers.generic.words import state_word

_ACTIONS: Final = {"create": "open", "close": "closed", "acknowledge": "acknowledged"}
_OF_THE_ALERT: Final = frozenset({"alertId", "alias", "message", "description", "tinyId", "createdAt", "updatedAt"})
"""Said in other words, or of the alert and not of what happened to it now."""
_APPRISE: Final = {"failure": "failed", "warning": "warning", "success": "success", "info": "info"}


def reshaped(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same message by our field names."""
    if str(document.get("type"))[:20] in _APPRISE and "version" in document and "title" in document:
        return _apprise(document)
    if isinstance(alert := document.get("alert"), dict) and "alertId" in alert:
        return {"status": _action(document.get("action")), **_opsgenie(alert)}
    if "event_action" in document and not document.get("dedup_key"):
        return {**document, "closes": True}
    if "alias" in document and "message" in document and document.keys().isdisjoint(("status", "action")):
        return {"status": "open", **_opsgenie(document)}
    return document


def _apprise(document: Mapping[str, Any]) -> dict[str, Any]:
    """Its thread is its title, so that nothing but the same title can resolve it.

    https://github.com/caronc/apprise/wiki/Notify_Custom_JSON
    """
    said = {name: value for name, value in document.items() if name not in ("version", "type", "attachments")}
    title = said.get("title") or str(said.get("message") or "").strip().partition("\n")[0]
    return {**said, "title": title, "status": _APPRISE[document["type"]], "closes": True}


def _opsgenie(alert: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.opsgenie.com/docs/alert-api#create-alert; its webhook: https://docs.opsgenie.com/docs/opsgenie-edge-connector-alert-action-data"""
    said = {name: value for name, value in alert.items() if name not in _OF_THE_ALERT}
    return {
        **said,
        "key": alert.get("alias") or alert.get("alertId"),
        "title": alert.get("message"),
        "message": alert.get("description"),
    }


def _action(action: Any) -> str:
    """What Opsgenie did; a note, a tag or an escalation changes nothing."""
    said = str(action)[:50].lower()
    return _ACTIONS.get(said) or (said if state_word(said) else "acknowledged")
