"""A scheduled command, run by cron each hour: `manage.py check_imports`. Says what is late, and what came after all."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Max
from django.utils.timezone import now

from shop.models import Import
from shop.notify import tocsin


class Command(BaseCommand):
    help = "Tells Tocsin which imports did not come for a day."

    def handle(self, *args: Any, **options: Any) -> None:
        # Nobody waits here, and cron mails what is raised: no error is caught.
        for row in Import.objects.values("name").annotate(last=Max("finished_at")):
            expected = row["last"] + timedelta(days=1) if row["last"] else now()
            if expected <= now():
                tocsin().create_late_run_notification(row["name"], expected_at=expected)  # again and again: it stays one notification
            else:
                tocsin().resolve_late_run_notification(row["name"])
