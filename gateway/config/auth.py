"""The `auth` of a source: which proofs its sender may give, each checked when the configuration is read."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mappers.contract.signature import (
    BODY_ALONE,
    GRAFANA_WITH_TIMESTAMP,
    PRESETS,
    TOLERANCE,
    Algorithm,
    Encoding,
    Scheme,
    Shape,
    check,
    is_topic,
    signing_key,
)
from mappers.contract.source import Span


class Table(BaseModel):
    """A table of `tocsin.toml`: unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ActiveSecret(Table):
    """One accepted credential, perhaps only until a time."""

    secret: Annotated[str, Field(min_length=8)]
    expires_at: AwareDatetime | None = None


def _secret(value: object) -> object:
    return {"secret": value} if isinstance(value, str) else value


def _several(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


Secrets = Annotated[
    tuple[Annotated[ActiveSecret, BeforeValidator(_secret)], ...],
    BeforeValidator(_several),
    Field(min_length=1),
]


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=200)]


class NamedHeader(Table):
    """A static credential in a header of the sender's choice."""

    name: HeaderName
    secrets: Secrets

    @property
    def shape(self) -> Shape:
        """The header alone."""
        return Shape(self.name)


class Signing(Table):
    """The secrets of a scheme that may sign a time too."""

    secrets: Secrets
    tolerance: Annotated[Span, Field(ge=timedelta(seconds=1))] = TOLERANCE
    """How far a signed timestamp may be from now, either way."""


class GrafanaHmac(Signing):
    """The HMAC signature of a Grafana contact point, with the header names it was given there."""

    header: HeaderName = PRESETS[Scheme.GRAFANA][0].header
    timestamp_header: HeaderName = ""

    @property
    def shape(self) -> Shape:
        """As Grafana signs: with a timestamp only where a header for it is named."""
        message = GRAFANA_WITH_TIMESTAMP if self.timestamp_header else BODY_ALONE
        return Shape(self.header, message=message, timestamp_header=self.timestamp_header)

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        _check(self)
        return self


class GenericHmac(Signing):
    """An HMAC of the raw body, or of a message around it, in a header."""

    header: HeaderName
    prefix: str = ""
    encoding: Encoding = "hex"
    algorithm: Algorithm = "sha256"
    message: str = BODY_ALONE
    timestamp_header: HeaderName = ""
    id_header: HeaderName = ""

    @property
    def shape(self) -> Shape:
        """As the source says."""
        return Shape(
            self.header, self.prefix, self.encoding, self.algorithm, self.message,
            timestamp_header=self.timestamp_header, id_header=self.id_header,
        )  # fmt: skip

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        _check(self)
        return self


def _topics_alone(value: object) -> object:
    return value if isinstance(value, dict) and "secret" not in value else {"topics": value}


def _are_topics(topics: tuple[ActiveSecret, ...]) -> tuple[ActiveSecret, ...]:
    for number, active in enumerate(topics, 1):
        if not is_topic(active.secret):
            raise ValueError(f"topic {number} is no ARN of a topic, as in arn:aws:sns:eu-central-1:123456789012:alerts")
    return topics


class SnsTopics(Signing):
    """The SNS topics whose messages are believed: any customer of the vendor can have a message of their own topic signed."""

    secrets: Annotated[Secrets, AfterValidator(_are_topics), Field(validation_alias="topics")]
    tolerance: Annotated[Span, Field(ge=timedelta(seconds=1))] = timedelta(minutes=75)
    """A topic's delivery policy may go on trying for an hour. https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html"""


def _check(own: GrafanaHmac | GenericHmac) -> None:
    check(own.shape)
    if "tolerance" in own.model_fields_set and not own.timestamp_header:
        raise ValueError("tolerance: without a timestamp_header there is no time to compare")


def _secrets_alone(value: object) -> object:
    return value if isinstance(value, dict) and "secret" not in value else {"secrets": value}


def _base64_keys(signing: Signing) -> Signing:
    for number, active in enumerate(signing.secrets, 1):
        try:
            signing_key(Scheme.STANDARD_WEBHOOKS, active.secret)
        except ValueError as error:
            raise ValueError(f"secret {number} {error}") from None
    return signing


def _users_and_passwords(secrets: tuple[ActiveSecret, ...]) -> tuple[ActiveSecret, ...]:
    if any(":" not in active.secret for active in secrets):
        raise ValueError("a secret is written user:password")
    return secrets


TimedSecrets = Annotated[Signing, BeforeValidator(_secrets_alone)]


class Auth(Table):
    """How a source's sender proves itself; several ways at once are alternatives."""

    bearer: Secrets | None = None
    header: NamedHeader | None = None
    basic: Annotated[Secrets, AfterValidator(_users_and_passwords)] | None = None
    token: Secrets | None = None
    dbt: Secrets | None = None
    github: Secrets | None = None
    grafana: Annotated[GrafanaHmac, BeforeValidator(_secrets_alone)] | None = None
    fivetran: Secrets | None = None
    slack: TimedSecrets | None = None
    stripe: TimedSecrets | None = None
    standard_webhooks: Annotated[TimedSecrets, AfterValidator(_base64_keys)] | None = None
    hmac: GenericHmac | None = None
    sns: Annotated[SnsTopics, BeforeValidator(_topics_alone)] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.schemes:
            raise ValueError('names no credential, so nothing would ever be accepted; as in { bearer = ["env:HOOK_TOKEN"] }')
        return self

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """The schemes in use."""
        return tuple(scheme for scheme in Scheme if getattr(self, scheme.value) is not None)
