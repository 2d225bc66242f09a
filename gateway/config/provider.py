"""The OpenID provider that people may sign in with: what the environment says of it, checked."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from gateway.config.environment import Environment, EnvironmentFault

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """Where it is, who we are there, and whom it may let in."""

    issuer: str
    client_id: str
    client_secret: str
    """Empty: PKCE alone proves that whoever redeems a code asked for it."""
    name: str
    domains: frozenset[str]
    """Of mail addresses; empty: any."""
    team: str
    """For whoever is not known yet; empty: only people who are known."""
    role: str


def provider_settings(environment: Environment) -> ProviderSettings | None:
    """None where there is none. Raises `EnvironmentFault` for one that could not be used, or would let strangers in."""
    issuer, client_id = environment.oidc_issuer, environment.oidc_client_id
    if not issuer:
        given = [name for name in ("client_id", "client_secret", "domains", "team") if getattr(environment, f"oidc_{name}")]
        if given:
            raise EnvironmentFault(f"TOCSIN_OIDC_ISSUER is not set, and TOCSIN_OIDC_{given[0].upper()} is of no use without it")
        return None
    if not is_secure(issuer) or urlsplit(issuer).query or urlsplit(issuer).fragment:
        raise EnvironmentFault("TOCSIN_OIDC_ISSUER: must begin with https://, and have neither ? nor #")
    if not client_id:
        raise EnvironmentFault("TOCSIN_OIDC_CLIENT_ID: is missing; the provider gives it to you with the secret")
    if environment.oidc_team and not environment.oidc_domains:
        raise EnvironmentFault("TOCSIN_OIDC_TEAM needs TOCSIN_OIDC_DOMAINS: else whoever has an account at the provider becomes a member")
    secret = environment.oidc_client_secret.get_secret_value() if environment.oidc_client_secret else ""
    return ProviderSettings(
        issuer, client_id, secret, environment.oidc_name, frozenset(environment.oidc_domains), environment.oidc_team, environment.oidc_role
    )


def is_secure(address: str) -> bool:
    """Whether nobody on the way reads or changes what is said there: https, or this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK))
