"""What can be set for a source of kind `dbt_cloud`."""

from typing import Any

from pydantic import SecretStr, field_validator

from mappers.contract import SourceSettings


class Settings(SourceSettings):
    """What the webhook leaves out, and how the platform's API is asked."""

    host: str | None = None
    """The account's access URL, `https://ab123.us1.dbt.com`: it differs per account and is in no body. Unset: no links."""
    api_token: SecretStr | None = None
    """A service token that may read jobs and runs; stored encrypted. Unset: nothing is asked for, the webhook is all there is."""
    account: str | None = None
    """The account's id. Needed to notice runs whose webhooks never came."""
    jobs: tuple[str, ...] = ()
    """Ids of the jobs the webhook is for, where it is not for all: missed runs of others are nobody's business."""
    job_owners: dict[str, tuple[str, ...]] = {}
    """Who owns a job, by its name or id; also what its artifacts name no owner for."""

    @field_validator("jobs", mode="before")
    @classmethod
    def _as_texts(cls, value: Any) -> Any:
        """Ids may be written as numbers."""
        return tuple(str(one) if type(one) is int else one for one in value) if isinstance(value, list | tuple) else value

    @property
    def address(self) -> str:
        """The access URL as an address; empty where it is not set."""
        host = (self.host or "").strip().rstrip("/").removesuffix("/api")
        return host if not host or "://" in host else f"https://{host}"

    def owners_of(self, job_name: str, job: str) -> tuple[str, ...]:
        """The owners of a job; none where it is not named."""
        return self.job_owners.get(job_name) or self.job_owners.get(job) or ()

    def page(self, account: str, project: str, run: str) -> str:
        """The address of a run's page; empty where something of it is not known."""
        if not self.address or not all(known.isalnum() for known in (account, project, run)):
            return ""
        return f"{self.address}/deploy/{account}/projects/{project}/runs/{run}"


def settings_of(value: Any) -> Settings:
    """The source's settings; the defaults where there are none."""
    return value if isinstance(value, Settings) else _DEFAULTS


_DEFAULTS = Settings()
