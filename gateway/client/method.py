"""Makes a call of `Calls` a method of a client, so that both clients have the same ones."""

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, get_args, get_type_hints

F = TypeVar("F", bound=Callable[..., Any])


def like(build: Callable[..., Any], wrap: Callable[[Any], Any] = lambda given: given) -> Callable[[F], F]:
    """Gives a method the name, the text and the parameters of what builds its call; `wrap` turns a call's value into what is given."""

    def dress(method: F) -> F:
        update_wrapper(method, build)
        (given,) = get_args(get_type_hints(build)["return"])
        method.__annotations__ = {**build.__annotations__, "return": wrap(given)}
        method.__signature__ = inspect.signature(build).replace(return_annotation=wrap(given))  # type: ignore[attr-defined]
        return method

    return dress
