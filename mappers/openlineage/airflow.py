"""What Airflow's own provider adds: which try it was, whether there will be another, whose it is and where its log is.

https://airflow.apache.org/docs/apache-airflow-providers-openlineage/stable/ (facets `airflow`, `airflowDagRun`, `airflowState`)
"""

from collections.abc import Iterable
from typing import Any, Final

from mappers.openlineage.events import Event
from mappers.openlineage.shapes import number, string, table, words

_FACETS: Final = ("airflow", "airflowDagRun", "airflowState")
_REASONS: Final = {
    "timed_out": "The DAG run took longer than its dagrun_timeout.",
    "all_tasks_deadlocked": "The DAG run is deadlocked: none of its tasks can start.",
}
"""What a DAG run's errorMessage facet says besides `task_failure`."""
_FAILED: Final = frozenset({"failed"})
_NOT_RUN: Final = frozenset({"upstream_failed", "skipped"})
_NO_RETRY: Final = ("AirflowFailException", "AirflowTaskTerminated")
"""What a task raises to fail at once, whatever its retries. https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html"""


def is_airflow(event: Event) -> bool:
    """Whether Airflow's provider wrote it, or the client's own integration before that; the facet jobType came late."""
    written_by = event.producer.upper()[:300].replace("-", "/").split("/")
    return "AIRFLOW" in (event.integration, *written_by) or not event.run_facets.keys().isdisjoint(_FACETS)


def is_task(event: Event) -> bool:
    """Whether it tells of a task rather than of the whole DAG."""
    return event.parent is not None and event.kind != "DAG" and "airflowDagRun" not in event.run_facets


def will_retry(event: Event) -> bool:
    """Whether this failed try of a task will be followed by another: every try that fails is reported as FAIL."""
    task, instance = _part(event, "task"), _part(event, "taskInstance")
    if string(instance.get("state")) == "up_for_retry":
        return True
    tried, retries = number(instance.get("try_number")), number(task.get("retries"))
    if tried is None or retries is None or tried > retries:
        return False
    trace = string(table(event.run_facets.get("errorMessage")).get("stackTrace"))
    last = trace.rstrip().rsplit("\n", 1)[-1]
    return not any(name in last for name in _NO_RETRY)


def attempt(event: Event) -> int | None:
    """Which time this DAG run is run: it counts how often it was cleared."""
    cleared = number(_part(event, "dagRun").get("clear_number"))
    return cleared + 1 if cleared else None


def tried(event: Event) -> str:
    """`2 of 3`, the number of this try."""
    number_of, retries = number(_part(event, "taskInstance").get("try_number")), number(_part(event, "task").get("retries"))
    return f"{number_of} of {max(retries + 1, number_of)}" if number_of and retries else ""


def map_index(event: Event) -> str:
    """`[2]` for one of several instances of a mapped task."""
    index = number(_part(event, "taskInstance").get("map_index"))
    return f"[{index}]" if index is not None and index >= 0 else ""


def run_id(event: Event) -> str:
    """The DAG run's id as people see it (`scheduled__2026-11-22T02:00:00+00:00`)."""
    return string(_part(event, "dagRun").get("run_id"))


def started(event: Event) -> object:
    """When the DAG run began."""
    return _part(event, "dagRun").get("start_date")


def log_url(event: Event) -> str:
    """Where the task's log is."""
    return string(_part(event, "taskInstance").get("log_url"))


def owners(event: Event) -> list[str]:
    """The task's owner, else the DAG's."""
    return words(_part(event, "task").get("owner")) or words(_part(event, "dag").get("owner"))


def tags(event: Event) -> list[str]:
    """The DAG's tags."""
    return words(_part(event, "dag").get("tags"))


def downstream(event: Event) -> list[str]:
    """What could not run because of it: tasks behind a failed task, or all that a failed DAG run did not reach."""
    return words(_part(event, "task").get("downstream_task_ids")) or list(_tasks(event, _NOT_RUN))


def said_of_run(event: Event) -> str:
    """Why a DAG run failed, in words."""
    reason = string(table(event.run_facets.get("errorMessage")).get("message"))
    failed = list(_tasks(event, _FAILED))
    if reason in _REASONS:
        return _REASONS[reason]
    return f"Failed tasks: {', '.join(failed[:20])}." if failed else "" if reason == "task_failure" else reason


def _tasks(event: Event, states: frozenset[str]) -> Iterable[str]:
    found = table(table(event.run_facets.get("airflowState")).get("tasksState"))
    return (task for task, state in list(found.items())[:1000] if isinstance(state, str) and state in states)


def _part(event: Event, name: str) -> dict[str, Any]:
    for facet in ("airflow", "airflowDagRun"):
        if part := table(table(event.run_facets.get(facet)).get(name)):
            return part
    return {}
