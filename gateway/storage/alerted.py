"""What people were alerted of lately, whoever heard of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, or_, select

from gateway.domain.judge import ALERTS, Alert, Reason
from gateway.storage.tables import notifications, occurrences

LOOKED_AT: Final = 10_000
"""Occurrences of all teams, newest first; what lies behind them is not looked for."""
MOST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Lately:
    """Alerts, newest first, and since when they are all of them."""

    alerts: Sequence[Any]
    """Rows: notification_id, episode, reason, at, team_id, conversation_id, category, level, urgent, title."""
    since: datetime


def lately(connection: Connection, *, team_ids: Sequence[int], since: datetime) -> Lately:
    """What was recorded in these teams since then, of what people are alerted of."""
    oldest = connection.scalar(_OLDEST)
    if oldest is not None and oldest > since:
        since = oldest
    alerts = connection.execute(_ALERTS.where(_recent.c.at >= since, notifications.c.team_id.in_(team_ids)).limit(MOST)).all()
    return Lately(alerts, alerts[-1].at if len(alerts) == MOST else since)


_recent: Final = (
    select(
        occurrences.c.id, occurrences.c.notification_id, occurrences.c.episode, occurrences.c.reason, occurrences.c.recorded_at.label("at")
    )
    .order_by(occurrences.c.id.desc())
    .limit(LOOKED_AT)
    .subquery("recent")
)  # fmt: skip
_OLDEST: Final = select(func.min(_recent.c.at)).having(func.count() == LOOKED_AT)
_TOLD: Final = sorted(reason.value for reason, alert in ALERTS.items() if alert in (Alert.AUDIENCE, Alert.TOLD))
_WAS_SHOWN: Final = and_(
    _recent.c.reason == Reason.HELD.value, notifications.c.status != "unseen", notifications.c.told_at >= _recent.c.at
)  # fmt: skip
"""Whether what was held lasted, and so was told in the end."""
_ALERTS: Final = (
    select(
        _recent.c.notification_id, _recent.c.episode, _recent.c.reason, _recent.c.at, notifications.c.team_id,
        notifications.c.conversation_id, notifications.c.category, notifications.c.level, notifications.c.urgent, notifications.c.title,
    )
    .join(notifications, notifications.c.id == _recent.c.notification_id)
    .where(or_(_recent.c.reason.in_(_TOLD), _WAS_SHOWN))
    .order_by(_recent.c.id.desc())
)  # fmt: skip
