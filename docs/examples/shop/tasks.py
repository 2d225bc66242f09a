"""A background task: Celery, Django's own tasks, RQ, whatever calls this with the id of the task."""

import traceback
from collections.abc import Callable

from shop.notify import aside, tocsin


def refresh_report(task_id: str, refresh: Callable[[], None]) -> None:
    try:
        refresh()
    except Exception:
        error = traceback.format_exc()
        # The same run is counted once, however often the queue repeats it; the next failing run is counted on the same notification.
        aside(lambda: tocsin().create_job_failure_notification(task_id, error_message=error, pipeline="refresh-report"))
        raise
    aside(lambda: tocsin().resolve_job_failure_notification(task_id, pipeline="refresh-report"))  # skipped where nothing was open
