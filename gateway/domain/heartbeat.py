"""Whether an outside monitor may be told that all is well: that the work goes on, not merely that a process lives."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from gateway.domain.self_watch import MAIL_REFUSED, Figures
from mappers.contract import duration

STALLED: Final = timedelta(minutes=5)
"""How long a loop may be in one step, or fail at it."""
EVENTS_LATE: Final = timedelta(minutes=15)
MAIL_LATE: Final = timedelta(minutes=10)


def why_not(idle: Mapping[str, timedelta], figures: Iterable[Figures]) -> str | None:
    """What is in the way of saying that all is well; None where nothing is. `idle`: loop → since it last came round."""
    for name, span in idle.items():
        if span > STALLED:
            return f"the {name} loop has not come round for {duration(span)}"
    for team in figures:
        if team.oldest_event is not None and team.oldest_event > EVENTS_LATE:
            return f"an event has waited for {duration(team.oldest_event)}"
        if team.oldest_mail is not None and team.oldest_mail > MAIL_LATE:
            return f"a mail has been due for {duration(team.oldest_mail)}"
        refused = team.put_off_for is not None and team.put_off_for > MAIL_REFUSED
        if refused and (team.since_last_sent is None or team.since_last_sent > MAIL_REFUSED):
            return "the mail server takes nothing"
    return None
