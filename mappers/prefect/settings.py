"""What can be set for a Prefect source."""

from datetime import timedelta
from typing import Any, Literal

from pydantic import SecretStr

from mappers.contract import SourceSettings
from mappers.contract.source import Span


class PrefectSettings(SourceSettings):
    """Settings of a source of kind `prefect`. `hold`, where it is set, takes the place of both holds below."""

    late_hold: Span = timedelta(minutes=5)
    """A run that is Late alerts only if it has not started after this long. Prefect says Late after 15 s by default."""
    infrastructure_hold: Span = timedelta(minutes=1)
    """A work pool, queue or deployment that is not ready alerts only if it is still so after this long."""
    group_by: Literal["flow", "deployment"] = "flow"
    """What a thread stands for. `flow`: works with every payload, deployments are its members. `deployment`: one thread
    and one pipeline per deployment, for flows shared by many; every automation must then send the recommended payload."""
    api_url: str | None = None
    """Prefect's API, such as `http://prefect:4200/api`: runs that a message names without their flow, logs, and runs whose
    webhook never came are asked for there."""
    api_key: SecretStr | None = None
    """A key of Prefect Cloud for that API; stored encrypted."""
    api_auth_string: SecretStr | None = None
    """`user:password`, where a server of one's own has PREFECT_SERVER_API_AUTH_STRING; stored encrypted."""
    ui_url: str | None = None
    """Where people open Prefect, such as `https://prefect.acme.test`: links are built on it where the body has none."""

    def link(self, path: str) -> str:
        """`path` in Prefect's web interface; empty where it is not known where that is."""
        if self.ui_url:
            return f"{self.ui_url.rstrip('/')}/{path}"
        if self.api_url and self.api_url.rstrip("/").endswith("/api"):  # a self-hosted server serves both from one address
            return f"{self.api_url.rstrip('/').removesuffix('/api')}/{path}"
        return ""


def settings_of(value: Any) -> PrefectSettings:
    """The source's settings; the defaults where there are none."""
    return value if isinstance(value, PrefectSettings) else _DEFAULTS


_DEFAULTS = PrefectSettings()
