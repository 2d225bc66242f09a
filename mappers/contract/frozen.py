"""What a mapper gives back: immutable, checked, and quickly made where there is nothing to put in order.

Nearly every value a mapper hands over is in order already: the right type, a plain line of text. Then the model is made as
it is. Whatever is not goes through pydantic, which puts it in order or refuses it: the same rules, said once, as `Tidy`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Union, get_args, get_origin

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, model_validator

from mappers.contract.text import clean, clip, is_plain, one_line

Check = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Tidy:
    """Marks a field whose values are put in order before they are validated."""

    rule: Callable[[object], object]
    is_tidy: Check | int
    """Whether the rule, and validation, would leave a value as it is; False where that takes long to say. A length: of a plain line."""


def line(limit: int) -> Tidy:
    """Makes a text one clean line of at most `limit` characters."""
    return Tidy(lambda value: one_line(value, limit) if isinstance(value, str) else value, limit)


def long_text(limit: int) -> Tidy:
    """Cleans a text and cuts it to `limit` characters; its line breaks stay."""
    return Tidy(
        lambda value: clip(clean(value), limit).strip("\n") if isinstance(value, str) else value,
        lambda value: type(value) is str and len(value) <= limit and value.isascii() and clean(value).strip("\n") == value,
    )


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo is UTC else value.astimezone(UTC)


Utc = Annotated[AwareDatetime, AfterValidator(_utc)]


class Frozen(BaseModel):
    """Base of everything a mapper gives back: immutable, and a misspelt field is an error at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: ClassVar[Mapping[str, Callable[[object], object]]] = {}
    lines: ClassVar[Mapping[str, int]] = {}
    """The fields that are one line, and how long it may be."""
    checks: ClassVar[Mapping[str, Check]] = {}
    """The others, and how to say quickly that a value is in order as it is."""
    blank: ClassVar[Mapping[str, Any]] = {}
    """Every field with its default, in order; None for those that must be given."""
    required: ClassVar[frozenset[str]] = frozenset()
    optional: ClassVar[frozenset[str]] = frozenset()
    """Those that may be None."""
    tables: ClassVar[tuple[str, ...]] = ()
    """The fields whose values can be changed by whoever made them, and so are copied."""

    if not TYPE_CHECKING:  # for a checker of types the fields are the arguments

        def __init__(self, /, **given: Any) -> None:
            """Takes what is in order as it is, and the rest through pydantic."""
            if self.required <= given.keys() and self._are_in_order(given):
                self._take({**self.blank, **given}, set(given))
            else:
                super().__init__(**given)

        __init__.__pydantic_base_init__ = True  # it does what BaseModel's own does, so that validation need not call it

    @classmethod
    def _are_in_order(cls, given: Mapping[str, Any]) -> bool:
        checks, lines = cls.checks, cls.lines
        for name, value in given.items():
            longest = lines.get(name)
            if longest is None:
                check = checks.get(name)
                if check is None or not check(value):
                    return False
            elif type(value) is not str:
                if value is not None or name not in cls.optional:
                    return False
            elif not (value and len(value) <= longest and is_plain(value)):
                return False
        return True

    def _take(self, fields: dict[str, Any], given: set[str]) -> None:
        for name in self.tables:
            fields[name] = fields[name].copy()
        object.__setattr__(self, "__dict__", fields)
        object.__setattr__(self, "__pydantic_fields_set__", given)
        object.__setattr__(self, "__pydantic_extra__", None)
        object.__setattr__(self, "__pydantic_private__", None)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Collects rules and checks, once for each model."""
        fields = cls.model_fields
        marks = {name: mark for name, field in fields.items() for mark in field.metadata if isinstance(mark, Tidy)}
        cls.rules = {name: mark.rule for name, mark in marks.items()}
        found = {name: _check(field.annotation, field.metadata, marks.get(name)) for name, field in fields.items()}
        cls.lines = {name: check for name, check in found.items() if isinstance(check, int)}
        cls.checks = {name: check for name, check in found.items() if not isinstance(check, int)}
        cls.blank = {name: None if field.is_required() else field.default for name, field in fields.items()}
        cls.optional = frozenset(name for name, field in fields.items() if NoneType in get_args(field.annotation))
        cls.required = frozenset(name for name, field in fields.items() if field.is_required())
        cls.tables = tuple(name for name, field in fields.items() if get_origin(field.annotation) is dict)

    @model_validator(mode="before")
    @classmethod
    def _tidy(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {**given, **{name: rule(given[name]) for name, rule in cls.rules.items() if name in given}}


def _check(annotation: Any, metadata: Sequence[Any], mark: Tidy | None) -> Check | int:
    choices = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    check = mark.is_tidy if mark else _by_type([choice for choice in choices if choice is not NoneType], metadata)
    if isinstance(check, int):
        return check
    if NoneType in choices:
        return lambda value: value is None or check(value)
    return check


def _by_type(choices: Sequence[Any], metadata: Sequence[Any]) -> Check:
    choice = choices[0] if len(choices) == 1 else None
    if choice == Utc:
        return lambda value: type(value) is datetime and value.tzinfo is UTC
    if get_origin(choice) is tuple and isinstance(item := get_args(choice)[0], type):
        return lambda value: type(value) is tuple and all(type(one) is item for one in value)
    if choice == dict[str, str]:
        return lambda value: type(value) is dict and all(map(_is_ascii, value)) and all(map(_is_ascii, value.values()))
    if choice is str:
        return _by_pattern(metadata) if metadata else _is_ascii
    if isinstance(choice, type) and (choice in EXACT or issubclass(choice, Enum | Frozen)):
        return lambda value: type(value) is choice
    return lambda _: False  # left to pydantic


def _by_pattern(metadata: Sequence[Any]) -> Check:
    said = {name: getattr(one, name) for one in metadata for name in ("pattern", "max_length") if getattr(one, name, None)}
    if set(said) != {"pattern", "max_length"}:
        return lambda _: False
    fits, longest = re.compile(said["pattern"].removesuffix("$")).fullmatch, said["max_length"]
    return lambda value: type(value) is str and len(value) <= longest and fits(value) is not None


def _is_ascii(value: Any) -> bool:
    return type(value) is str and value.isascii()


EXACT: Final = (int, bool, timedelta)
"""Types of which every value is in order."""
