"""What a `unique_id` says by itself: `model.shop.orders`, `test.shop.unique_orders_id.beb6e97f2f`, `source.shop.raw.orders`."""

import re
from collections.abc import Iterable
from typing import Final

from mappers.contract.text import one_line
from mappers.dbt_core.shapes import name

TESTS: Final = ("test.", "unit_test.")
_PLAIN: Final = ("model.", *TESTS)
_HOOK: Final = re.compile(r"operation\.[^.]{1,200}\.(.{1,200})-(on-run-(?:start|end))-([0-9]{1,6})")


def package(unique_id: str) -> str:
    """`shop` in `model.shop.orders`."""
    parts = unique_id[:300].split(".", 2)
    return name(parts[1]) if len(parts) > 2 else ""


def hook_of(unique_id: str) -> str:
    """`on-run-start` or `on-run-end` for `operation.shop.shop-on-run-end-0`; empty for what is no hook of a project."""
    found = _HOOK.fullmatch(unique_id[:500])
    return found[2] if found else ""


def label(unique_id: str) -> str:
    """What people call a node: `orders`, `raw.orders`, `unique_orders_id` (without the hash dbt appends), `shop.on-run-end.0`."""
    if hook := _HOOK.fullmatch(unique_id[:500]):
        return one_line(".".join(hook.groups()), 200)  # as dbt's own log has it
    kind, _, rest = unique_id[:1000].partition(".")
    parts = rest.split(".")[1:]
    if kind == "test" and len(parts) > 1:
        parts = parts[:-1]
    return one_line(".".join(parts[-1:] if kind == "unit_test" else parts) or unique_id[:1000], 200)


def labels(unique_ids: Iterable[str]) -> tuple[str, ...]:
    """Nodes as a reader's list: tests last, and whatever is neither model nor test says what it is."""
    ordered = sorted(unique_ids, key=lambda unique_id: unique_id.startswith(TESTS))
    return tuple(label(known) if known.startswith(_PLAIN) else f"{label(known)} ({_kind(known)})" for known in ordered)


def _kind(unique_id: str) -> str:
    return "hook" if hook_of(unique_id) else unique_id[:100].partition(".")[0]
