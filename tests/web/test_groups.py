"""What stands together in a list."""

from datetime import timedelta
from typing import Any

from gateway.api.models import Item
from gateway.web.groups import grouped
from tests.conftest import NOW


def item(number: int, **values: Any) -> Item:
    shape: dict[str, Any] = {
        "id": number, "team": "acme", "slug": "s", "category": "incident", "level": "error", "urgent": False, "status": "open",
        "title": f"t{number}", "message": "", "source": "etl", "pipeline": "p", "run": None, "conversation_id": None, "environment": "prod",
        "links": {}, "tags": [], "members": {"firing": 1, "total": 1}, "occurrences": 1, "reason": "first", "last_at": NOW,
        "snoozed": False, "muted": False, "flapping": False,
    }  # fmt: skip
    absent = dict.fromkeys(name for name, field in Item.model_fields.items() if name not in shape and not field.default_factory)
    return Item.model_validate(absent | shape | values)


def together(*items: Item) -> list[list[int]]:
    return [[group.lead.id, *(one.id for one in group.rest)] for group in grouped(items)]


def test_neighbours_of_one_conversation_or_run_stand_together() -> None:
    assert together(item(1, conversation_id=7), item(2, conversation_id=7), item(3, conversation_id=8)) == [[1, 2], [3]]
    assert together(item(1, run="r"), item(2, run="r"), item(3, run="s")) == [[1, 2], [3]]
    assert together(item(1, conversation_id=7, run="r"), item(2, conversation_id=8, run="r")) == [[1, 2]]


def test_what_is_not_next_to_it_or_another_senders_stays_apart() -> None:
    assert together(item(1, conversation_id=7), item(2, conversation_id=8), item(3, conversation_id=7)) == [[1], [2], [3]]
    assert together(item(1), item(2)) == [[1], [2]]
    assert together(item(1, run="r"), item(2, run="r", source="other"), item(3, run="r", team="other")) == [[1], [2], [3]]


def test_a_line_stands_for_two_or_more() -> None:
    of_one = {"conversation_id": 7}
    pair, three = (grouped([item(number, **of_one) for number in range(count)])[0] for count in (2, 3))
    assert (pair.is_folded, three.is_folded) == (False, True)


def test_the_line_tells_the_worst_of_what_is_open() -> None:
    rest = [
        item(2, conversation_id=7, level="warning"),
        item(3, conversation_id=7, level="error", status="resolved", read_at=NOW + timedelta(seconds=1)),
    ]
    group = grouped([item(1, conversation_id=7), *rest])[0]
    assert (group.worst.id, group.open, group.unread, group.topic) == (2, 1, 1, "p")
    over = grouped([item(1, run="r", pipeline=None), *(item(number, run="r", status="resolved") for number in (2, 3))])[0]
    assert (over.open, over.topic) == (0, "run r")
