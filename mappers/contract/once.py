"""A value that is worked out when it is first asked for."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801 - read as a decorator
    """Like `functools.cached_property`, without the lock that makes it slow before Python 3.12: no `Inbound` is shared by threads."""

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        """`work_out` gives the value for an instance, and says what it is."""
        self._work_out = work_out
        self._name = work_out.__name__
        self.__doc__ = work_out.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        value: T = self._work_out(instance)
        instance.__dict__[self._name] = value  # found there before this descriptor, the next time
        return value
