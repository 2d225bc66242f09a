"""`tocsin migrate`, `apply`, `disable-source`, `delete-source`, `sign-in-link`: what is done to an installation beside serving."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.common import configuration_of, kinds_of, opened, page_address, plain_errors, utc_now, vault_for

if TYPE_CHECKING:
    from gateway.storage.sources import Kept


@click.command()
@plain_errors
def migrate() -> None:
    """Bring the database to the newest schema. `serve` does this by itself."""
    with opened() as (_, database):
        click.echo(f"The schema of {database.url.render_as_string()} is up to date.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@plain_errors
def apply(file: Path | None) -> None:
    """Apply FILE (default: TOCSIN_CONFIG or ./tocsin.toml): teams, users, sources, subscriptions, monitors."""
    from gateway.provision import apply as provision

    with opened() as (environment, database):
        environment = environment.model_copy(update={"config": file}) if file else environment
        configuration = configuration_of(environment)
        if configuration is None:
            raise click.ClickException("there is no tocsin.toml here and TOCSIN_CONFIG is not set; name the file to apply")
        kinds = kinds_of(configuration)
        with database.writing() as transaction:
            applied = provision.apply(transaction, configuration, kinds, vault_for(environment, database), utc_now())
    counts = f"{applied.teams} teams, {applied.users} users, {applied.sources} sources, {applied.monitors} monitors"
    click.echo(f"{environment.config_path}: {counts} are in force.")
    for name in applied.adopted:
        click.echo(f"Source {name} was made elsewhere; this file owns it now, and its credentials are those named here alone.")
    for slug in applied.disabled:
        click.echo(f"Source {slug} is not named any more and was disabled; its events stay.")
    for other in applied.others:
        click.echo(f"Source {other} was never in this file and still takes webhooks. To end that: tocsin disable-source {other}")


@click.command("disable-source")
@click.argument("source")
@plain_errors
def disable_source(source: str) -> None:
    """Stop taking webhooks for SOURCE, written team/slug. What it sent stays."""
    from gateway.storage import audit, people, sources

    team, _, slug = source.partition("/")
    with opened(create=False) as (_, database), database.writing() as transaction:
        done = sources.disable(transaction, team=team, slug=slug, now=utc_now())
        if done:
            team_id = people.team_ids(transaction)[team]
            audit.note(transaction, by=audit.COMMAND, team_id=team_id, action="source.disabled", target=source, now=utc_now())
    if not done:
        raise click.ClickException(f"there is no enabled source {source}; write it as team/slug")
    click.echo(
        f"{source} takes no webhooks any more. A tocsin.toml that names it enables it again. To be rid of it: tocsin delete-source {source}"
    )


@click.command("delete-source")
@click.argument("source")
@click.option("--yes", is_flag=True, help="Do not ask.")
@plain_errors
def delete_source(source: str, yes: bool) -> None:
    """Delete the disabled SOURCE, written team/slug: its name is free again. What it told stays readable."""
    from gateway import proofs
    from gateway.storage import audit, sources

    team, _, slug = source.partition("/")
    with opened(create=False) as (environment, database):
        kinds = kinds_of(configuration_of(environment))
        with database.reading() as transaction:
            _deletable(sources.find_kept(transaction, team=team, slug=slug), source)
        if not yes:
            click.echo("Its name, its secrets and its monitors go at once, what it sent by age. Its notifications stay readable.", err=True)
            click.confirm(f"Delete {source}? This cannot be taken back.", abort=True, err=True)
        with database.writing() as transaction:
            kept = _deletable(sources.find_kept(transaction, team=team, slug=slug, to_change=True), source)
            sources.end(transaction, kept, settings=proofs.plain_settings(kept.settings, kinds.get(kept.kind)), now=utc_now())
            audit.note(transaction, by=audit.COMMAND, team_id=kept.team_id, action="source.deleted", target=source, now=utc_now())
    click.echo(f"{source} is deleted.")


def _deletable(kept: "Kept | None", source: str) -> "Kept":
    from gateway.storage.sources import OWN

    if kept is None:
        raise click.ClickException(f"there is no source {source}; write it as team/slug")
    if kept.kind == OWN:
        raise click.ClickException(f"{source} is Tocsin itself: nobody sends to it, and it cannot be deleted")
    if kept.disabled_at is None:
        how = "take it out of tocsin.toml, then `tocsin apply`" if kept.managed else f"tocsin disable-source {source}"
        raise click.ClickException(f"{source} takes webhooks; disable it first: {how}")
    return kept


@click.command("sign-in-link")
@click.argument("email", required=False)
@plain_errors
def sign_in_link(email: str | None) -> None:
    """Print a link that signs EMAIL (default: the first admin) in, once, within a day."""
    from gateway.provision import first_start
    from gateway.storage import people

    with opened(create=False) as (environment, database), database.writing() as transaction:
        user_id = people.find_user(transaction, email) if email else next(iter(people.admins(transaction)), None)
        if user_id is None:
            raise click.ClickException(
                f"there is no user {email}" if email else "there is no admin yet: start `tocsin serve` once, or apply a tocsin.toml"
            )
        click.echo(first_start.sign_in_link(transaction, user_id, page_address(environment, database), utc_now()))
