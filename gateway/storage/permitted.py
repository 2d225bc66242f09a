"""Who may know of a notification at all; asked when telling, reading and sending alike."""

from typing import Any

from sqlalchemy import ColumnElement, exists

from gateway.storage.tables import membership_permissions, notification_permissions, notifications


def holds_permissions(user_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the user in the enclosing query holds every permission of the notification in it."""
    held = (
        exists()
        .where(
            membership_permissions.c.team_id == notifications.c.team_id,
            membership_permissions.c.user_id == user_id,
            membership_permissions.c.permission == notification_permissions.c.permission,
        )
        .correlate_except(membership_permissions)  # by itself it would look no further than the EXISTS around it
    )
    return ~exists().where(notification_permissions.c.notification_id == notifications.c.id, ~held)
