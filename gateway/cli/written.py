"""`tocsin.toml` as it is written: what a command may know of it without the secrets it names."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gateway.config.environment import Environment
    from mappers.contract import SourceKind

_ENV: Final = "env:"


@dataclass(frozen=True, slots=True)
class WrittenSource:
    """One `[[source]]`, unchecked but for its names; `env:` values that are not set stay as they are written."""

    team: str
    slug: str
    kind: str
    environment: str
    auth: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As people write it: `acme/prefect-prod`."""
        return f"{self.team}/{self.slug}"


@dataclass(frozen=True, slots=True)
class Written:
    """The file, or nothing where there is none."""

    path: Path | None
    mappers: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    sources: tuple[WrittenSource, ...] = ()

    def kinds(self) -> "Mapping[str, SourceKind]":
        """Every source kind, with the third-party ones that the file allows. Raises `RegistryError`."""
        from gateway.engine.mapping import kinds

        return kinds(self.mappers)


def read_written(environment: "Environment") -> Written:
    """The configuration file of this environment. Raises `ConfigurationError` where it cannot be read."""
    from gateway.config.document import ConfigurationError

    path = environment.config_path
    if path is None:
        return Written(None)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError([f"{path}: there is no such file (TOCSIN_CONFIG names it)"]) from None
    except (OSError, ValueError) as error:
        raise ConfigurationError([f"{path}: cannot be read: {error}"]) from None
    return Written(
        path,
        mappers=tuple(name for name in _list(document.get("mappers")) if isinstance(name, str)),
        teams=tuple(_text(table.get("slug")) for table in _tables(document.get("team"))),
        sources=tuple(_source(table) for table in _tables(document.get("source"))),
    )


def _source(table: Mapping[str, Any]) -> WrittenSource:
    auth, settings = table.get("auth"), table.get("settings")
    return WrittenSource(
        team=_text(table.get("team")),
        slug=_text(table.get("slug")),
        kind=_text(table.get("kind")),
        environment=_text(_known(table.get("environment"))),
        auth=auth if isinstance(auth, dict) else {},
        settings=_known(settings) if isinstance(settings, dict) else {},
    )


def _known(value: Any) -> Any:
    """`value` with the variables that are set; a setting may need none of the others."""
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    return os.environ.get(value[len(_ENV) :], value) if isinstance(value, str) and value.startswith(_ENV) else value


def _tables(value: object) -> list[dict[str, Any]]:
    return [table for table in _list(value) if isinstance(table, dict)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
