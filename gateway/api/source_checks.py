"""What a source is made of, checked as its kind wants it: how its sender proves itself, and its settings."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from gateway import proofs
from gateway.api.problem import FieldError, Problem
from gateway.config.auth import Auth
from gateway.domain.connecting import HEADER, SIGNATURE_HEADER
from gateway.domain.outgoing import Reach
from gateway.upstream import addresses
from gateway.vault import Vault
from mappers.contract import SourceKind
from mappers.contract.signature import Scheme

_NEEDED: Final = "a-stand-in-that-is-never-stored"
"""Where a scheme is checked before its sender has made the secret."""


def stored_auth(
    kind: SourceKind, scheme: Scheme, secret: str | None, options: Mapping[str, str], *, vault: Vault, now: datetime
) -> list[dict[str, Any]]:
    """As it is stored. Raises a 422 that names what cannot be used."""
    if scheme not in kind.auth:
        raise field("scheme", f"a source of this kind can use {', '.join(one.value for one in kind.auth)}")
    stand_in = _NEEDED if scheme is not Scheme.STANDARD_WEBHOOKS else "whsec_c3RhbmQtaW4="
    if secret is None and scheme is Scheme.SNS:
        raise field("secret", "a source of this kind needs the ARN of the topic whose messages are believed")
    needed = {Scheme.HEADER: {"name": HEADER}, Scheme.HMAC: {"header": SIGNATURE_HEADER}}.get(scheme, {})
    given: dict[str, Any] = {"topics" if scheme is Scheme.SNS else "secrets": [secret or stand_in], **needed, **options}
    plain = scheme not in _WITH_OPTIONS
    try:
        auth = Auth.model_validate({scheme.value: [secret or stand_in] if plain and not options else given})
    except ValidationError as error:
        errors = [FieldError(place=_place(one["loc"]), message=f"cannot be used with this kind: {_words(one)}") for one in error.errors()]
        raise Problem(422, f"{len(errors)} field{'s' if len(errors) != 1 else ''} cannot be used; see errors.", errors) from None
    stored = proofs.stored(auth, vault)
    if secret is None:
        return [{**proof, "secrets": []} for proof in stored]
    return [{**proof, "secrets": [{**one, "added_at": now.isoformat()} for one in proof["secrets"]]} for proof in stored]


_WITH_OPTIONS: Final = frozenset(
    {Scheme.HEADER, Scheme.GRAFANA, Scheme.SLACK, Scheme.STRIPE, Scheme.STANDARD_WEBHOOKS, Scheme.HMAC, Scheme.SNS}
)


def _place(location: tuple[int | str, ...]) -> str:
    names = [str(part) for part in location[1:] if part not in ("secrets", "topics") and not isinstance(part, int)]
    return f"body.options.{names[0]}" if names and names[0] != "secret" else "body.secret"


def _words(error: Any) -> str:
    return "there is no such option" if error["type"] == "extra_forbidden" else str(error["msg"]).removeprefix("Value error, ")


def check_settings(kind: SourceKind, values: Mapping[str, Any], reach: Reach, given: Collection[str] | None = None) -> None:
    """Raises a 422 that names each setting that cannot be used; of addresses those alone that are `given` anew: all, by default."""
    try:
        settings = kind.read_settings(values)
    except ValidationError as error:
        errors = [
            FieldError(
                place=".".join(["body", "settings", *(str(part) for part in one["loc"])]),
                message=f"cannot be used with this kind: {_words(one)}",
            )
            for one in error.errors()
        ]
        raise _unusable(errors) from None
    faults = addresses.faults(kind.kind, settings, reach).items()
    errors = [FieldError(place=f"body.settings.{name}", message=fault) for name, fault in faults if given is None or name in given]
    if errors:
        raise _unusable(errors)


def _unusable(errors: list[FieldError]) -> Problem:
    return Problem(422, f"{len(errors)} setting{'s' if len(errors) != 1 else ''} cannot be used; see errors.", errors)


def changed_settings(kind: SourceKind, kept: Mapping[str, Any], change: Mapping[str, Any], *, vault: Vault, reach: Reach) -> dict[str, Any]:
    """What is stored from now on; secret settings that stay are not sealed anew."""
    merged = {**kept, **change}
    wanted = {name: value for name, value in merged.items() if value is not None}
    check_settings(kind, wanted, reach, {name for name, value in change.items() if value != kept.get(name)})
    fresh = proofs.sealed_settings({name: value for name, value in change.items() if value is not None}, kind, vault)
    return {name: fresh.get(name, value) for name, value in wanted.items()}


def field(name: str, message: str) -> Problem:
    """A 422 about one field of the body."""
    return Problem(422, "1 field cannot be used; see errors.", [FieldError(place=f"body.{name}", message=message)])
