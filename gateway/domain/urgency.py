"""What belongs on the urgent bar when nobody said so explicitly."""

from typing import Final

from mappers.contract import Category, Level

URGENT_CATEGORIES: Final = frozenset({Category.INCIDENT, Category.JOB_FAILURE, Category.DBT_TEST_FAILURE})


def is_urgent(stated: bool | None, category: Category, level: Level) -> bool:
    """What the mapper or creator said, else: an error in a category where someone must act."""
    return stated if stated is not None else level is Level.ERROR and category in URGENT_CATEGORIES
