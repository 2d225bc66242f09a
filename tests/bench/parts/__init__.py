"""What is measured, one module for each question. `PARTS` is in the order of a whole run."""

from collections.abc import Callable
from typing import Final

from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.parts import backlog, door, fan_out, first_view, latency, mail, mapping, reading, start, storage, visible

PARTS: Final[dict[str, Callable[[Bench], list[Figure]]]] = {
    "start": start.measure,
    "door": door.measure,
    "latency": latency.measure,
    "visible": visible.measure,
    "backlog": backlog.measure,
    "fan-out": fan_out.measure,
    "mapping": mapping.measure,
    "reading": reading.measure,
    "first-view": first_view.measure,
    "mail": mail.measure,
    "storage": storage.measure,
}
