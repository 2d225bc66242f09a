"""`tocsin connect dbt-cloud`: makes the webhook subscription of a dbt platform account, or takes it away."""

import asyncio
import ipaddress
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from gateway.cli.common import plain_errors

if TYPE_CHECKING:
    from gateway.cli.connecting import Target
    from gateway.upstream.dbt_webhooks import Done

_WORDS: Final = {
    False: {"created": "made", "updated": "brought up to date", "unchanged": "is as it should be", "deleted": "deleted"},
    True: {"created": "would be made", "updated": "would be brought up to date", "deleted": "would be deleted"},
}


def _numbers(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[int, ...]:
    """Ids, comma-separated or one by one."""
    words = [word.strip() for each in given for word in each.split(",") if word.strip()]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise click.BadParameter("the ids of jobs, as in 123,456: the number in a job's address")
    return tuple(dict.fromkeys(int(word) for word in words))


@click.command("dbt-cloud", short_help="dbt platform: makes its webhook subscription.")
@click.option("--host", help="The address you sign in at, as in https://ab123.us1.dbt.com. Default: host of the source.")
@click.option("--token", envvar="DBT_CLOUD_API_TOKEN", help="A service token that may manage webhooks. Default: DBT_CLOUD_API_TOKEN.")
@click.option("--account", help="The account's id: the number in its address. Default: account of the source.")
@click.option("--team", help="The team the source is of. Default: the only one in tocsin.toml.")
@click.option("--source", help="The source's slug. Default: the one of this kind in tocsin.toml, else a new one.")
@click.option("--public-url", help="Where dbt reaches this gateway. Default: TOCSIN_PUBLIC_URL.")
@click.option("--jobs", multiple=True, callback=_numbers, help="Ids of the jobs to hear about, comma-separated. Default: all.")
@click.option("--undo", is_flag=True, help="Take away what this made, and nothing else.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--test", is_flag=True, help="Let dbt call once, and say what it was answered.")
@plain_errors
def COMMAND(**options: Any) -> None:  # noqa: N802 - what `gateway.cli.connect` looks for
    """Make the webhook of a dbt platform account, so that it sends its job runs here. Safe to repeat."""
    from gateway.cli.connecting import TargetFault, choose
    from gateway.cli.written import read_written
    from gateway.config.environment import read_environment
    from gateway.upstream.dbt_webhooks import DbtFault

    environment = read_environment()
    written = read_written(environment)
    base = (options["public_url"] or environment.base_url).rstrip("/")
    try:
        target = choose(written, written.kinds()["dbt_cloud"], team=options["team"], slug=options["source"], base=base, scheme=None)
        settings = next((one.settings for one in written.sources if target.exists and one.name == f"{target.team}/{target.slug}"), {})
        asyncio.run(_run(target, settings, options))
    except (TargetFault, DbtFault) as fault:
        raise click.ClickException(str(fault)) from None


async def _run(target: "Target", settings: Any, options: dict[str, Any]) -> None:
    from gateway.upstream.dbt_webhooks import DbtAccount, Wanted
    from gateway.upstream.web import Web

    address, account, token = _where(settings, options)
    dry, undo = options["dry_run"], options["undo"]
    if not undo:
        _warn(target.base)
    wanted = Wanted(f"Tocsin: {target.team}/{target.slug}", target.url, options["jobs"])
    web = Web()
    try:
        dbt = DbtAccount(web, address, account, token)
        done = await (dbt.undo(wanted, dry=dry) if undo else dbt.connect(wanted, dry=dry))
        _say(done, dry=dry)
        if undo or dry:
            return
        _what_next(target, done[0], address, account, wanted.jobs, reads=await dbt.may_read_runs())
        if options["test"]:
            await _test(dbt, done[0])
    finally:
        await web.close()


def _where(settings: Any, options: dict[str, Any]) -> tuple[str, str, str]:
    """Address, account and token. What the source's settings say is the default."""
    from mappers.dbt_cloud.settings import Settings

    host = options["host"] or _text(settings.get("host"))
    account = options["account"] or _text(settings.get("account"))
    token = options["token"] or _of_variable(_text(settings.get("api_token")))
    if not host:
        raise click.ClickException("say --host: the address you sign in at, as in https://ab123.us1.dbt.com")
    if not account.isascii() or not account.isdigit():
        raise click.ClickException("say --account: the number in your account's address, as in …/deploy/4711/projects/…")
    if not token.strip():
        raise click.ClickException("say --token, or set DBT_CLOUD_API_TOKEN: a service token that may manage webhooks")
    return Settings(host=host).address, account, token.strip()


def _of_variable(value: str) -> str:
    return os.environ.get(value.removeprefix("env:"), "") if value.startswith("env:") else value


def _warn(base: str) -> None:
    """dbt calls over the internet: an address of this machine is of no use to it, and without TLS anyone reads along."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    private = host == "localhost"
    with suppress(ValueError):
        private = private or ipaddress.ip_address(host).is_private
    if private:
        click.echo(f"Beware: dbt cannot reach {base} from the internet; say --public-url or set TOCSIN_PUBLIC_URL.", err=True)
    elif parts.scheme != "https":
        click.echo(f"Beware: {base} is without TLS: put a proxy with a certificate before it.", err=True)


def _say(done: "list[Done]", *, dry: bool) -> None:
    for one in done:
        how = _WORDS[dry].get(one.how) or _WORDS[False][one.how]
        click.echo(f"  webhook {one.id}: {how}{f' ({one.why})' if one.why else ''}".replace(" :", ":"))
    if not done:
        click.echo("  nothing of ours is there")


async def _test(dbt: Any, done: "Done") -> None:
    click.echo("dbt is asked to call once …")
    status, error = await dbt.test(done.id)
    meaning = {
        "401": "the secret is not the one that `tocsin serve` knows: set it there, then `tocsin apply`",
        "404": "the gateway knows no such source yet: add it to tocsin.toml, then `tocsin apply`",
    }
    fine = status in ("200", "202")
    said = "it arrived: see `tocsin events`" if fine else meaning.get(status, error or "see the log of `tocsin serve`")
    click.echo(f"  answered {status or 'nothing'}: {said}")
    if not fine:
        raise click.ClickException("the test did not arrive")


def _what_next(target: "Target", done: "Done", address: str, account: str, jobs: tuple[int, ...], *, reads: bool) -> None:
    """The secret, which dbt shows once, and what belongs into tocsin.toml."""
    if done.secret:
        variable = target.variable or "DBT_CLOUD_SECRET"
        click.echo(f"\nIts secret is shown this once. Set it where `tocsin serve` runs:\n\n    export {variable}={done.secret}")
    elif not target.exists:
        click.echo("\nIts secret was shown when it was made. If it is lost: --undo, and connect again.")
    watched = f", jobs = {list(jobs)}" if jobs else ""
    if jobs and target.exists:
        click.echo(f"\nThe source's settings should say{watched.removeprefix(',')}, so that missed runs of other jobs are not looked for.")
    if not target.exists:
        team = [] if target.has_file else ["[[team]]", f'slug = "{target.team}"', ""]
        block = [
            *team, "[[source]]", f'team = "{target.team}"', f'slug = "{target.slug}"', 'kind = "dbt_cloud"', 'environment = "prod"',
            f'auth = {{ dbt = ["env:{target.variable}"] }}',
            f'settings = {{ host = "{address}", account = "{account}", api_token = "env:DBT_CLOUD_API_TOKEN"{watched} }}',
        ]  # fmt: skip
        click.echo("\nAdd this to tocsin.toml, then `tocsin apply`:\n\n" + "\n".join(f"    {line}".rstrip() for line in block))
    if reads:
        click.echo("\nThe token may read runs: as api_token it fetches what failed inside a run, and runs whose webhooks never came.")
    else:
        click.echo("\nThe token may not read runs: give api_token one that may, or the webhook is all there is.")
    click.echo(f"\nIt sends to {target.url}.")


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""
