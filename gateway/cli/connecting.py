"""What `tocsin connect` prints for a sender that is set up by hand: the source, its credential, the steps."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.cli.written import Written, WrittenSource
from gateway.domain.connecting import HEADER, SHOWN_BY_SENDER, SIGNATURE_HEADER, Way, invented
from mappers.contract import SourceKind
from mappers.contract.signature import Scheme

_TOPIC: Final = "arn:aws:sns:eu-central-1:123456789012:alerts"
"""The shape of what is believed with Amazon's signature: no secret, so it stands in the file itself."""
_ADMIN: Final = "admin@localhost"
"""Who a first start makes too: without an admin nobody could sign in and look."""
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1", "0.0.0.0"})  # noqa: S104 - compared, not listened on
_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class TargetFault(Exception):
    """Which source is meant cannot be said; the message says what to add."""


@dataclass(frozen=True, slots=True)
class Target:
    """The source to connect to: one that `tocsin.toml` names, or a new one with a credential made up for it."""

    team: str
    slug: str
    base: str
    scheme: Scheme
    variable: str
    """The environment variable that holds its credential; empty where the file holds it in clear."""
    token: str
    """What to paste as the credential; of an existing source only a word for it."""
    exists: bool = False
    has_file: bool = True

    @property
    def url(self) -> str:
        """The address the sender is given."""
        return self.way.url

    @property
    def way(self) -> Way:
        """How its sender reaches it."""
        return Way(self.base, self.team, self.slug, self.scheme, self.token)


def choose(written: Written, kind: SourceKind, *, team: str | None, slug: str | None, base: str, scheme: Scheme | None) -> Target:
    """The source that is meant. Raises `TargetFault`."""
    for name, given in (("--team", team), ("--source", slug)):
        if given is not None and not _SLUG.fullmatch(given):
            raise TargetFault(f"{name}: small letters, digits and dashes, as in prefect-prod")
    known = [one for one in written.sources if team in (None, one.team) and slug in (None, one.slug)]
    fitting = [one for one in known if one.kind == kind.kind]
    if slug and known and not fitting:
        raise TargetFault(f"{known[0].name} is a source of kind {known[0].kind}; give {kind.kind} another --source")
    if len(fitting) > 1:
        raise TargetFault(f"there are several: say --team and --source, of {', '.join(one.name for one in fitting)}")
    if fitting:
        return _existing(fitting[0], kind, base)
    if team is None and len(written.teams) > 1:
        raise TargetFault(f"say --team, one of {', '.join(written.teams)}")
    if team is not None and written.teams and team not in written.teams:
        raise TargetFault(f"there is no [[team]] {team!r}; there are {', '.join(written.teams)}")
    return _new(kind, team or next(iter(written.teams), "home"), slug, base, scheme, has_file=bool(written.teams))


def _existing(source: WrittenSource, kind: SourceKind, base: str) -> Target:
    scheme = next((scheme for scheme in kind.auth if scheme.value in source.auth), kind.auth[0])
    variable = _variable(source.auth.get(scheme.value))
    token = f"<the value of {variable}>" if variable else "<its credential in tocsin.toml>"
    return Target(source.team, source.slug, base, scheme, variable, token, exists=True)


def _variable(given: Any) -> str:
    """The variable named by the first of a scheme's secrets."""
    while isinstance(given, dict | list) and given:
        given = given[0] if isinstance(given, list) else given.get("secrets", given.get("secret", given.get("topics")))
    return given.removeprefix("env:") if isinstance(given, str) and given.startswith("env:") else ""


def _new(kind: SourceKind, team: str, slug: str | None, base: str, scheme: Scheme | None, *, has_file: bool) -> Target:
    slug, scheme = slug or kind.kind.replace("_", "-"), scheme or kind.auth[0]
    if scheme is Scheme.SNS:
        return Target(team, slug, base, scheme, "", _TOPIC, has_file=has_file)
    variable = f"{slug.replace('-', '_').upper()}_{'SECRET' if scheme.signs_body else 'TOKEN'}"
    if os.environ.get(variable):
        token = f"<the value of {variable}>"
    elif scheme in SHOWN_BY_SENDER:
        token = f"<the secret that {kind.title} shows>"
    else:
        token = invented(scheme) or ""
    return Target(team, slug, base, scheme, variable, token, has_file=has_file)


def instructions(kind: SourceKind, target: Target, page: Path | None) -> str:
    """Everything there is to do, in order."""
    parts = [f"{kind.title} → {target.team}/{target.slug}", ""]
    if not target.exists:
        where = "Add this to tocsin.toml" if target.has_file else "Put this into tocsin.toml"
        parts += [f"{where}:", "", *_indented(_block(kind, target)), ""]
        if not target.variable:
            parts += ["with the ARN of your own topic, then `tocsin apply`.", ""]
        elif not target.token.startswith("<the value of"):
            shown = target.token if "<" not in target.token else f"'{target.token}'"
            parts += [
                "Set its credential where `tocsin serve` runs, then `tocsin apply`:",
                "",
                f"    export {target.variable}={shown}",
                "",
            ]
    parts += ["At the sender:", ""]
    for number, step in enumerate(target.way.steps(kind), 1):
        first, *rest = step.splitlines() or [""]
        parts += [f"  {number}. {first}", *(f"     {line}" for line in rest)]
    parts += ["", f"  Address     {target.url}", f"  Credential  {target.way.proof}", ""]
    if urlsplit(target.base).hostname in _HERE:
        parts += ["That address is of this machine alone. From elsewhere: set TOCSIN_PUBLIC_URL, or give --public-url.", ""]
    parts.append("What arrives: `tocsin events`. What a payload would become: " + f"`tocsin map {kind.kind} FILE`.")
    if page is not None:
        parts.append(f"More, with every form that is read: {_near(page)}")
    return "\n".join(parts)


def _block(kind: SourceKind, target: Target) -> list[str]:
    user = ["[[user]]", f'email = "{_ADMIN}"', f'teams = {{ {target.team} = {{ role = "admin" }} }}', ""]
    team = [] if target.has_file else ["[[team]]", f'slug = "{target.team}"', "", *user]
    source = ["[[source]]", f'team = "{target.team}"', f'slug = "{target.slug}"', f'kind = "{kind.kind}"', 'environment = "prod"']
    return [*team, *source, f"auth = {_auth(target)}"]


def _auth(target: Target) -> str:
    secret = f'["env:{target.variable}"]'
    match target.scheme:
        case Scheme.SNS:
            return f'{{ sns = ["{_TOPIC}"] }}'
        case Scheme.HEADER:
            return f'{{ header = {{ name = "{HEADER}", secrets = {secret} }} }}'
        case Scheme.HMAC:
            return f'{{ hmac = {{ header = "{SIGNATURE_HEADER}", secrets = {secret} }} }}'
        case scheme:
            return f"{{ {scheme.value} = {secret} }}"


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]


def _near(page: Path) -> str:
    """As short as it can be typed."""
    return os.path.relpath(page) if Path.cwd() in page.parents else str(page)
