"""The environment variables, `TOCSIN_…`."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

OPENAI: Final = "https://api.openai.com/v1"


class EnvironmentFault(Exception):
    """A variable cannot be used; the message names it and says what it should be."""


class Environment(BaseSettings):
    """Everything that is set outside `tocsin.toml`."""

    model_config = SettingsConfigDict(env_prefix="TOCSIN_", frozen=True, extra="ignore", populate_by_name=True)

    database_url: str = "sqlite:///data/tocsin.db"
    """`sqlite:///path` or `postgresql://user:password@host/name`."""
    database_listen_url: SecretStr | None = None
    """Where `TOCSIN_DATABASE_URL` is a pooler in transaction mode: the database itself, for the one connection that hears of work."""
    listen: str = "127.0.0.1:8080"
    """host:port to serve on."""
    public_url: str = ""
    """The address under which people and senders reach this gateway; default: http:// and `listen`."""
    config: Path | None = None
    """Path of the configuration file; default: `./tocsin.toml` where there is one."""
    secret_key: SecretStr | None = None
    """Encrypts stored signing secrets. Generated beside a SQLite database; required with PostgreSQL."""
    secret_keys_old: SecretStr | None = None
    """Comma-separated keys from before; what was encrypted with them can still be read."""
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Comma-separated networks whose `X-Forwarded-For` is believed."""
    embed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Comma-separated origins, as in `https://portal.acme.test`, whose pages may show the urgent bar and ask the API with a token."""
    allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Comma-separated private networks that may be asked also where an address was not written in `tocsin.toml` or here."""
    heartbeat_url: SecretStr | None = None
    """An outside monitor, as of Healthchecks: asked once a minute while what arrives is worked off and mail leaves."""
    smtp_url: SecretStr | None = None
    """`smtp://`, `smtp+starttls://` or `smtps://` user:password@host:port; unset: mail is kept and readable in the page."""
    mail_from: str = Field(default="Tocsin <tocsin@localhost>")
    """The sender of every mail."""
    event_retention_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """Days that a request that arrived is kept; the key by which a repeated one is known, 30 more."""
    drain_seconds: Annotated[float, Field(ge=0, le=300)] = 0
    """Seconds after SIGTERM in which requests are still taken while `/readyz` says 503, so that a balancer turns elsewhere first."""
    log_format: Literal["text", "json"] = "text"
    """`text` for people, `json` for programs: one line for each record."""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    """From which level on it is logged; `info` has a line for each request, event and mail."""

    oidc_issuer: str = ""
    """The OpenID provider that people may sign in with, as in `https://login.acme.test`; unset: there is none."""
    oidc_client_id: str = ""
    """What the provider calls this gateway."""
    oidc_client_secret: SecretStr | None = None
    """What this gateway proves itself with to the provider; unset: by PKCE alone."""
    oidc_name: str = Field(default="single sign-on", max_length=60)
    """What the provider is called on the button."""
    oidc_domains: Annotated[tuple[str, ...], NoDecode] = ()
    """Comma-separated domains; only people with an address in one of them are let in by the provider."""
    oidc_team: str = ""
    """The slug of the team that whoever is not known yet becomes a member of; unset: only people who are known are let in."""
    oidc_role: Literal["viewer", "member"] = "member"
    """The role of those."""

    summaries: str = Field(default="", validation_alias="AUTO_GENERATE_LLM_FAILURE_SUMMARIES")
    """`true`, `1` or `yes`: a model is asked what went wrong. Otherwise rules alone say it, which costs nothing."""
    llm_model: str = "gpt-4o-mini"
    """Which model is asked."""
    llm_daily_calls: Annotated[int, Field(ge=0, le=1_000_000)] = 500
    """Questions to the model for each team and day; after that the rules alone answer."""
    openai_base_url: str = Field(default=OPENAI, validation_alias="OPENAI_BASE_URL")
    """Any server that speaks OpenAI's protocol."""
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    """The key for it; a local server may want none."""

    @field_validator("trusted_proxies", "allowed_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return (
            tuple(ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        )

    @field_validator("oidc_domains", mode="before")
    @classmethod
    def _domains(cls, value: object) -> object:
        return tuple(part.strip().lower().lstrip("@") for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("embed_origins", mode="before")
    @classmethod
    def _origins(cls, value: object) -> object:
        origins = tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        if isinstance(origins, tuple):
            for one in origins:
                if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?", str(one)):
                    raise ValueError(f"{one!r} must be an origin in small letters, as in https://portal.acme.test")
        return origins

    @field_validator("log_format", "log_level", mode="before")
    @classmethod
    def _in_any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("listen")
    @classmethod
    def _address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be host:port, as in 127.0.0.1:8080")
        return value

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
            raise ValueError("must be a web address, as in https://tocsin.acme.test")
        return value

    @property
    def old_secret_keys(self) -> tuple[str, ...]:
        """The keys from before, the newest first."""
        given = self.secret_keys_old.get_secret_value() if self.secret_keys_old else ""
        return tuple(key.strip() for key in given.split(",") if key.strip())

    @property
    def host(self) -> str:
        """The address to bind."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to bind; 0 lets the system choose."""
        return int(self.listen.rpartition(":")[2])

    @property
    def base_url(self) -> str:
        """The public address without a trailing slash."""
        return (self.public_url or f"http://{self.listen}").rstrip("/")

    @property
    def config_path(self) -> Path | None:
        """The configuration file to read, None where there is none. A named one that is missing is an error later."""
        if self.config is not None:
            return self.config
        default = Path("tocsin.toml")
        return default if default.is_file() else None


def read_environment() -> Environment:
    """The environment as it is now. Raises `EnvironmentFault` that names each wrong variable."""
    try:
        return Environment()
    except ValidationError as error:
        wrong = "; ".join(f"TOCSIN_{'_'.join(str(part) for part in one['loc'][:1]).upper()}: {one['msg']}" for one in error.errors())
        raise EnvironmentFault(wrong) from None
