"""How failures are read: by which model, how often, and with which secrets never shown to it."""

from collections.abc import Callable
from urllib.parse import unquote

from pydantic import SecretStr

from gateway.config.environment import OPENAI, Environment, EnvironmentFault
from gateway.domain.outgoing import OPERATORS, fault_of
from gateway.workers.summarize import AskedModel, Reading
from summarizer import Redactor, Unsure
from summarizer.gate import VARIABLE, is_on


def reading_of(environment: Environment) -> Reading:
    """As the environment says. Raises `EnvironmentFault`."""
    return Reading(_model(environment), environment.llm_daily_calls, own_secrets(environment))


def redactor_of(environment: Environment) -> Redactor:
    """What takes secrets out of mail: it knows the installation's own."""
    return Redactor.for_secrets(own_secrets(environment))


def redacting(environment: Environment) -> Callable[[str], str]:
    """The same for what a page shows: of a text that cannot be made safe, only that."""
    redactor = redactor_of(environment)

    def cleaned(text: str) -> str:
        try:
            return redactor.clean(text)
        except Unsure:
            return "(not shown: it may hold a secret)"

    return cleaned


def own_secrets(environment: Environment) -> tuple[str, ...]:
    """The installation's own secrets, as far as the environment holds them."""
    own = (getattr(environment, name) for name in type(environment).model_fields)
    given = {secret.get_secret_value() for secret in own if isinstance(secret, SecretStr)}
    return tuple(sorted(given | _passwords(environment) | set(environment.old_secret_keys)))


def _model(environment: Environment) -> AskedModel | None:
    """The model that is asked; None: rules alone."""
    if not is_on(environment.summaries):
        return None
    from summarizer.client import Client, ModelSettings  # slow to import, and most ask none

    key = environment.openai_api_key.get_secret_value() if environment.openai_api_key else ""
    if not key and environment.openai_base_url == OPENAI:
        raise EnvironmentFault(f"{VARIABLE} is on: set OPENAI_API_KEY, or OPENAI_BASE_URL to a server that wants no key")
    fault = fault_of(environment.openai_base_url, OPERATORS)
    if fault:
        raise EnvironmentFault(f"OPENAI_BASE_URL: {fault}")
    try:
        return Client(ModelSettings(environment.llm_model, environment.openai_base_url, key))
    except ValueError as error:
        raise EnvironmentFault(f"OPENAI_BASE_URL: {error}") from None


def _passwords(environment: Environment) -> set[str]:
    """Those that stand within addresses: of the mail server, of the database."""
    found = set()
    for url in (environment.database_url, environment.smtp_url.get_secret_value() if environment.smtp_url else ""):
        password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
        found |= {password, unquote(password)} if password else set()
    return found
