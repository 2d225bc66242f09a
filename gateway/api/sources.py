"""For admins of a team: its sources, each with its health; made, changed, disabled and tried here, save those that tocsin.toml owns."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel

from gateway import proofs
from gateway.api import source_view
from gateway.api.models import Done, TeamQuery
from gateway.api.operation import Call, Operation
from gateway.api.problem import Problem
from gateway.api.source_checks import changed_settings, check_settings, field, stored_auth
from gateway.api.source_models import (
    Connecting,
    Ending,
    KindRow,
    Kinds,
    NewSource,
    Rotation,
    SourceChange,
    Sources,
    SourceWhole,
    TestSent,
)
from gateway.domain import limits, rotation
from gateway.domain.connecting import HEADER, SHOWN_BY_SENDER, Way, invented
from gateway.storage import audit, lately, sources
from gateway.storage.database import Transaction
from gateway.storage.sources import Kept
from mappers.contract import SourceKind
from mappers.contract.signature import Scheme

GRACE: Final = timedelta(days=7)
"""How long the old secrets of a source stay valid beside a new one, unless said otherwise."""
IN_A_LIST: Final = 50
ALONE: Final = 1000
"""Requests of a source that are looked at for its health."""
_A_WORD_FOR_IT: Final = "<the credential>"


async def list_sources(call: Call) -> Sources:
    """The sources of my teams, each with its last event, its last rejection and what to look at."""
    team_ids = call.admin_team_ids(call.query.team)

    def find(transaction: Transaction) -> Sources:
        rows = sources.overview(transaction, team_ids=team_ids)
        sent = lately.sent(transaction, source_ids=[row["id"] for row in rows], limit=IN_A_LIST)
        kinds = call.means.kinds
        return Sources(
            items=[
                source_view.row(row, kinds.get(row["kind"]), sent[row["id"]], looked_at=IN_A_LIST, now=call.now, base=call.public_url)
                for row in rows
            ]
        )

    return await call.database.read(find)


async def list_kinds(call: Call) -> Kinds:
    """The senders that a source can be of."""
    call.admin_team_ids(None)
    return Kinds(items=[_kind_row(kind) for kind in sorted(_senders(call).values(), key=lambda one: one.title.lower())])


async def show_source(call: Call) -> SourceWhole:
    """One source with its secrets (not the secrets themselves), settings and steps."""

    def find(transaction: Transaction) -> SourceWhole:
        kept = _of_mine(transaction, call)
        (stored,) = sources.overview(transaction, team_ids=[kept.team_id], source_id=kept.id)
        sent = lately.sent(transaction, source_ids=[kept.id], limit=ALONE)[kept.id]
        kind = call.means.kinds.get(kept.kind)
        row = source_view.row(stored, kind, sent, looked_at=ALONE, now=call.now, base=call.public_url)
        secret = proofs.secret_settings(kind) if kind else set()
        way = _way(call, kept.team, kept.slug, _first_scheme(kept, kind), None, kept.auth)
        return SourceWhole(
            **dict(row),
            secrets=source_view.secret_rows(kept.auth, call.now),
            schemes=[Scheme(proof["scheme"]) for proof in kept.auth],
            settings={name: value for name, value in kept.settings.items() if name not in secret},
            secret_settings=sorted(name for name in secret if kept.settings.get(name)),
            steps=list(way.steps(kind)) if kind and kind.auth else [],
        )

    return await call.database.read(find)


async def create_source(call: Call) -> Connecting:
    """A new source, with all that its sender must know; the credential is shown this once."""
    wanted: NewSource = call.body
    team_id, team = _team(call, wanted.team)
    kind = _senders(call).get(wanted.kind)
    if kind is None:
        raise field("kind", f"there is no such kind; there are {', '.join(sorted(_senders(call)))}")
    scheme = wanted.scheme or kind.auth[0]
    secret = wanted.secret or invented(scheme)
    auth = stored_auth(kind, scheme, secret, wanted.options, vault=call.means.vault, now=call.now)
    check_settings(kind, wanted.settings, call.means.reach)
    settings = proofs.sealed_settings(wanted.settings, kind, call.means.vault)

    def make(transaction: Transaction) -> int:
        if limits.SOURCES.refuses(sources.count(transaction, team_id=team_id)):
            raise Problem(409, limits.SOURCES.said)
        if sources.is_taken(transaction, team_id=team_id, slug=wanted.slug):
            raise Problem(409, f"The team has a source {wanted.slug!r} already; a disabled one can be enabled again, or deleted.")
        made = sources.put(
            transaction, team_id=team_id, slug=wanted.slug, kind=kind.kind, environment=wanted.environment, auth=auth, settings=settings,
            managed=False, now=call.now,
        )  # fmt: skip
        _note(transaction, call, team_id, "source.created", f"{team}/{wanted.slug}", {"kind": kind.kind, "scheme": scheme.value})
        return made

    made = await call.database.write(make)
    return _connecting(call, made, team, wanted.slug, kind, _way(call, team, wanted.slug, scheme, secret, auth), secret)


async def change_source(call: Call) -> Done:
    """Changes environment and settings, or disables and enables. What was sent before is read by the new settings when it is replayed."""
    wanted: SourceChange = call.body

    def change(transaction: Transaction) -> None:
        kept = _mine(transaction, call)
        values: dict[str, Any] = {}
        if wanted.environment is not None:
            values["environment"] = wanted.environment
        if wanted.settings is not None:
            values["settings"] = changed_settings(
                _kind_of(call, kept), kept.settings, wanted.settings, vault=call.means.vault, reach=call.means.reach
            )
        if wanted.enabled is not None and wanted.enabled is (kept.disabled_at is not None):
            values |= {"disabled_at": None if wanted.enabled else call.now, "managed": False}
        if not values:
            return
        sources.change(transaction, kept.id, **values)
        action = "source.changed" if "disabled_at" not in values else "source.enabled" if wanted.enabled else "source.disabled"
        _note(transaction, call, kept.team_id, action, f"{kept.team}/{kept.slug}", {"changed": sorted({*values} - {"managed"})})

    await call.database.write(change)
    return Done()


async def end_source(call: Call) -> Done:
    """Disables a source: it takes no more, within a second in every process, what it sent stays, and it can be enabled again.

    With `permanently` a disabled one is deleted: its name, its secrets and its place among the team's are free at once, its monitors
    end, what it sent goes by age. Its notifications stay readable.
    """
    return await (delete_source(call) if call.query.permanently else disable_source(call))


async def disable_source(call: Call) -> Done:
    """Takes no more of it."""

    def disable(transaction: Transaction) -> None:
        kept = _mine(transaction, call)
        if kept.disabled_at is None:
            sources.change(transaction, kept.id, disabled_at=call.now)
            _note(transaction, call, kept.team_id, "source.disabled", f"{kept.team}/{kept.slug}")

    await call.database.write(disable)
    return Done()


async def delete_source(call: Call) -> Done:
    """Deletes a disabled source."""

    def end(transaction: Transaction) -> None:
        kept = _mine(transaction, call)
        if kept.disabled_at is None:
            raise Problem(409, "The source takes webhooks: disable it first, then delete it.")
        sources.end(transaction, kept, settings=proofs.plain_settings(kept.settings, call.means.kinds.get(kept.kind)), now=call.now)
        _note(transaction, call, kept.team_id, "source.deleted", f"{kept.team}/{kept.slug}")

    await call.database.write(end)
    return Done()


async def rotate_secret(call: Call) -> Connecting:
    """A new secret, valid within a second and shown this once; the old ones of its scheme end later, so that the sender can be changed.

    Of a scheme that the source has not yet, it is another way to prove itself.
    """
    wanted: Rotation = call.body
    until = wanted.others_until or call.now + GRACE

    def rotate(transaction: Transaction) -> tuple[Kept, SourceKind, Scheme, str, list[dict[str, Any]]]:
        kept = _mine(transaction, call)
        kind = _kind_of(call, kept)
        scheme = wanted.scheme or _first_scheme(kept, kind)
        secret = wanted.secret or invented(scheme)
        if secret is None:
            raise field("secret", f"{kind.title} makes the secret of this scheme and shows it: give it here")
        auth = rotation.tidied(kept.auth, call.now)
        valid = [one for one in rotation.secrets_of(auth) if one.scheme == scheme.value]
        if limits.SECRETS.refuses(len(valid)):
            raise Problem(409, limits.SECRETS.said)
        known = next((proof for proof in auth if proof["scheme"] == scheme.value), {})
        options = {"name": known.get("header", HEADER)} if scheme is Scheme.HEADER else {}
        (made,) = stored_auth(kind, scheme, secret, options, vault=call.means.vault, now=call.now)
        (fresh,) = made["secrets"]
        if not known:
            auth.append({**made, "secrets": []})
        auth = rotation.rotated(auth, scheme.value, fresh, until=until, now=call.now)
        sources.change(transaction, kept.id, auth=auth)
        details = {"scheme": scheme.value, "others_until": until.isoformat()}
        _note(transaction, call, kept.team_id, "source.secret-added", f"{kept.team}/{kept.slug}", details)
        return kept, kind, scheme, secret, auth

    kept, kind, scheme, secret, auth = await call.database.write(rotate)
    way = _way(call, kept.team, kept.slug, scheme, secret, auth)
    return _connecting(call, kept.id, kept.team, kept.slug, kind, way, secret).model_copy(update={"others_until": until})


async def end_secret(call: Call) -> Done:
    """Ends a secret, within a second in every process. A source without any refuses everything."""

    def end(transaction: Transaction) -> None:
        kept = _mine(transaction, call)
        ended = next((one for one in rotation.secrets_of(kept.auth) if one.id == call.id("secret")), None)
        if ended is None:
            raise Problem(404, "The source has no such secret.")
        sources.change(transaction, kept.id, auth=rotation.without(kept.auth, ended.id))
        _note(transaction, call, kept.team_id, "source.secret-ended", f"{kept.team}/{kept.slug}", {"scheme": ended.scheme})

    await call.database.write(end)
    return Done()


async def send_test(call: Call) -> TestSent:
    """Sends the example of the source's kind through the door, as a test: stored and mapped like any other event, and told to nobody."""
    kept = await call.database.read(_of_mine, call)
    sent = None if kept.disabled_at or kept.kind == sources.OWN else await call.means.rehearsals.send(kept.team, kept.slug, call.now)
    if sent is None:
        raise Problem(409, "The source is disabled, or no mapper for its kind is installed: the door would take nothing.")
    await call.database.write(_note, call, kept.team_id, "source.tested", f"{kept.team}/{kept.slug}", {"event": sent.event_id})
    return TestSent(
        event_id=sent.event_id,
        warning="The source has no valid secret, so it refuses what its sender sends." if sent.refuses else None,
    )


def _of_mine(transaction: Transaction, call: Call, *, to_change: bool = False) -> Kept:
    kept = sources.one(transaction, team_ids=call.admin_team_ids(None), source_id=call.id(), to_change=to_change)
    if kept is None:
        raise Problem(404, "There is no such source in the teams that you administer.")
    return kept


def _mine(transaction: Transaction, call: Call) -> Kept:
    """The source to change. Raises a 409 for one that tocsin.toml owns."""
    kept = _of_mine(transaction, call, to_change=True)
    if kept.kind == sources.OWN:
        raise Problem(409, "This source is Tocsin itself: nobody sends to it, and there is nothing to change.")
    if kept.owned:
        raise Problem(409, f"tocsin.toml owns the source {kept.team}/{kept.slug}: change it there, then `tocsin apply`.")
    return kept


def _team(call: Call, slug: str | None) -> tuple[int, str]:
    """The named team, or the only one that the person administers."""
    mine = call.admin_team_ids(slug)
    slugs = {team_id: name for name, team_id in call.person.teams.items()}
    if len(mine) > 1:
        raise field("team", f"say in which team: one of {', '.join(sorted(slugs[team_id] for team_id in mine))}")
    return mine[0], slugs[mine[0]]


def _kind_of(call: Call, kept: Kept) -> SourceKind:
    kind = call.means.kinds.get(kept.kind)
    if kind is None:
        raise Problem(409, f"No mapper for the kind {kept.kind!r} is installed, so the source cannot be changed.")
    return kind


def _senders(call: Call) -> dict[str, SourceKind]:
    """The kinds that somebody sends; what Tocsin notices itself comes in by no door."""
    return {name: kind for name, kind in call.means.kinds.items() if kind.auth}


def _first_scheme(kept: Kept, kind: SourceKind | None) -> Scheme:
    return Scheme(kept.auth[0]["scheme"]) if kept.auth else kind.auth[0] if kind and kind.auth else Scheme.BEARER


def _way(call: Call, team: str, slug: str, scheme: Scheme, secret: str | None, auth: Any) -> Way:
    header = next((proof.get("header", "") for proof in auth if proof["scheme"] == scheme.value), "")
    word = "<the secret that the sender shows>" if scheme in SHOWN_BY_SENDER else _A_WORD_FOR_IT
    return Way(call.public_url, team, slug, scheme, secret or word, header)


def _connecting(call: Call, source_id: int, team: str, slug: str, kind: SourceKind, way: Way, secret: str | None) -> Connecting:
    return Connecting(
        id=source_id,
        team=team,
        slug=slug,
        kind=kind.kind,
        address=way.url,
        scheme=way.scheme,
        credential=secret,
        proof=way.proof,
        steps=list(way.steps(kind)),
        trial=way.trial(kind),
    )


def _kind_row(kind: SourceKind) -> KindRow:
    return KindRow(
        kind=kind.kind,
        title=kind.title,
        schemes=list(kind.auth),
        shows_secret=[one for one in kind.auth if one in SHOWN_BY_SENDER],
        settings=sorted(kind.settings.model_fields),
        events=list(kind.event_types),
    )


def _note(transaction: Transaction, call: Call, team_id: int, action: str, target: str, details: Mapping[str, Any] | None = None) -> None:
    audit.note(transaction, by=call.person, team_id=team_id, action=action, target=target, details=details, now=call.now)


_ROOT: Final = "/api/sources"
_ONE: Final = f"{_ROOT}/{{id}}"


def _operation(method: str, path: str, summary: str, handler: Any, answer: type[BaseModel], **more: Any) -> Operation:
    return Operation(method, path, summary, handler, answer, floor="admin", **{"problems": (404, 409), **more})


OPERATIONS: Final = (
    _operation("GET", _ROOT, "Sources of my teams", list_sources, Sources, query=TeamQuery, problems=(404,)),
    _operation("GET", f"{_ROOT}/kinds", "Senders that a source can be of", list_kinds, Kinds, problems=()),
    _operation("POST", _ROOT, "A new source", create_source, Connecting, body=NewSource, status=201),
    _operation("GET", _ONE, "One source whole", show_source, SourceWhole, problems=(404,)),
    _operation("PATCH", _ONE, "Change a source", change_source, Done, body=SourceChange),
    _operation("DELETE", _ONE, "Disable a source, or delete a disabled one", end_source, Done, query=Ending),
    _operation("POST", f"{_ONE}/secrets", "A new secret beside the old ones", rotate_secret, Connecting, body=Rotation, status=201),
    _operation("DELETE", f"{_ONE}/secrets/{{secret}}", "End a secret at once", end_secret, Done),
    _operation("POST", f"{_ONE}/test", "Send a test", send_test, TestSent, status=201),
)
