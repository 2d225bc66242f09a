"""Which kinds there are: every module in `mappers/`, plus allow-listed entry points of `tocsin.mappers`."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

import mappers
from mappers.contract.source import SourceKind


class RegistryError(Exception):
    """The set of mappers makes no sense; the message says which and what to do."""


@cache
def load(allowed: Sequence[str] = ()) -> Mapping[str, SourceKind]:
    """kind → `SourceKind`. `allowed` names the entry points that may be loaded. Raises `RegistryError`."""
    kinds: dict[str, SourceKind] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(mappers.__path__) if info.name != "contract"):
        _add(kinds, importlib.import_module(f"mappers.{module}").SOURCE, f"mappers/{module}")
    installed = {entry.name: entry for entry in entry_points(group="tocsin.mappers")}
    for name in allowed:
        if name not in installed:
            raise RegistryError(f"mapper {name!r} is allowed in the configuration but no installed package offers it")
        _add(kinds, installed[name].load(), f"entry point {name!r}")
    return MappingProxyType(kinds)


def _add(kinds: dict[str, SourceKind], source: object, origin: str) -> None:
    if not isinstance(source, SourceKind):
        raise RegistryError(f"{origin} does not offer a SourceKind named SOURCE")
    if source.kind in kinds:
        raise RegistryError(f"{origin} offers the kind {source.kind!r}, which is already taken")
    kinds[source.kind] = source
