"""What any of Airflow's callbacks said, by our names."""

from dataclasses import dataclass, field
from datetime import datetime

from mappers.contract import Phase


@dataclass(frozen=True, slots=True)
class Message:
    """One task or DAG run in one state. `task` is empty where it is the DAG run."""

    dag: str
    phase: Phase
    state: str
    task: str = ""
    map_index: int | None = None
    run: str = ""
    at: datetime | None = None
    logical_date: datetime | None = None
    started_at: datetime | None = None
    try_number: int | None = None
    max_tries: int | None = None
    clear_number: int | None = None
    error: str = ""
    trace: str = ""
    reason: str = ""
    log_url: str = ""
    dag_url: str = ""
    operator: str = ""
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    downstream: tuple[str, ...] = ()
    missed: tuple[tuple[str, datetime | None], ...] = field(default=())
    """Tasks that missed their SLA, with the logical date of each."""
    deadline: datetime | None = None

    @property
    def part(self) -> str:
        """The task with the index of a mapped one: `each[1]`."""
        return f"{self.task}[{self.map_index}]" if self.map_index is not None and self.map_index >= 0 else self.task
