"""`tocsin connect prefect`: makes the webhook block and the automations at a Prefect 3 server, or takes them away."""

import asyncio
import base64
import os
import secrets as random
from typing import TYPE_CHECKING, Any, Final

import click

from gateway.cli.common import plain_errors

if TYPE_CHECKING:
    from gateway.cli.connecting import Target
    from gateway.cli.written import Written
    from gateway.upstream.prefect_automations import Done

_WORDS: Final = {
    False: {"created": "made", "updated": "brought up to date", "unchanged": "is as it should be", "deleted": "deleted", "left": "left"},
    True: {"created": "would be made", "updated": "would be brought up to date", "deleted": "would be deleted"},
}


@click.command("prefect", short_help="Prefect 3: makes its webhook block and automations.")
@click.option(
    "--api-url",
    envvar="PREFECT_API_URL",
    help="Prefect's API, such as http://prefect:4200/api. Default: api_url of the source, else PREFECT_API_URL.",
)
@click.option("--api-key", envvar="PREFECT_API_KEY", help="A key of Prefect Cloud. Default: PREFECT_API_KEY.")
@click.option(
    "--auth-string", envvar="PREFECT_API_AUTH_STRING", help="user:password of a server of your own. Default: PREFECT_API_AUTH_STRING."
)
@click.option("--team", help="The team the source is of. Default: the only one in tocsin.toml.")
@click.option("--source", help="The source's slug. Default: the one of this kind in tocsin.toml, else a new one.")
@click.option("--public-url", help="Where Prefect reaches this gateway. Default: TOCSIN_PUBLIC_URL.")
@click.option("--token", help="The source's credential. Default: from the variable that tocsin.toml names.")
@click.option("--deployments", is_flag=True, help="Also tell of each deployment that is not ready: for those served without a work pool.")
@click.option("--undo", is_flag=True, help="Take away what this made, and nothing else.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--test", is_flag=True, help="Let Prefect call once, and say what it was answered.")
@plain_errors
def COMMAND(**options: Any) -> None:  # noqa: N802 - what `gateway.cli.connect` looks for
    """Make the webhook block and two automations at a Prefect 3 server, so that it sends its news here. Safe to repeat."""
    from gateway.cli.connecting import TargetFault, choose
    from gateway.cli.written import read_written
    from gateway.config.environment import read_environment
    from gateway.upstream.prefect_automations import PrefectFault

    environment = read_environment()
    written = read_written(environment)
    base = (options["public_url"] or environment.base_url).rstrip("/")
    try:
        target = choose(written, written.kinds()["prefect"], team=options["team"], slug=options["source"], base=base, scheme=None)
        asyncio.run(_run(target, written, options))
    except (TargetFault, PrefectFault) as fault:
        raise click.ClickException(str(fault)) from None


async def _run(target: "Target", written: "Written", options: dict[str, Any]) -> None:
    from gateway.upstream.prefect_automations import Prefect, Wanted, authorization
    from gateway.upstream.web import Web

    settings = next((one.settings for one in written.sources if (one.team, one.slug) == (target.team, target.slug)), {})
    api_url = options["api_url"] or settings.get("api_url")
    if not api_url:
        raise click.ClickException("say --api-url: Prefect's API, such as http://prefect:4200/api")
    dry, undo = options["dry_run"], options["undo"]
    token = "" if undo else _token(target, written, options["token"])
    url = f"{target.base}/webhooks/{target.team}/{target.slug}"
    wanted = Wanted(f"{target.team}/{target.slug}", *_address(target, written, url, token), deployments=options["deployments"])
    key, login = options["api_key"] or _text(settings.get("api_key")), options["auth_string"] or _text(settings.get("api_auth_string"))
    web = Web()
    try:
        prefect = Prefect(web, api_url, authorization(key, login))
        version = await prefect.version()
        click.echo(f"Prefect {version or 'Cloud'} at {api_url}")
        _say(await (prefect.undo(wanted, dry=dry) if undo else prefect.connect(wanted, dry=dry)), dry=dry)
        if options["test"] and not undo and not dry:
            await _test(prefect, wanted)
    finally:
        await web.close()
    if not undo:
        _what_next(target, token, url)


async def _test(prefect: Any, wanted: Any) -> None:
    click.echo("Prefect is asked to call once …")
    status = await prefect.test(wanted)
    meaning = {
        "202": "it arrived: `tocsin events` shows it as ignored, a test",
        "401": "the credential is not the one that `tocsin serve` knows: set it there, then `tocsin apply`",
        "404": "the gateway knows no such source yet: add it to tocsin.toml, then `tocsin apply`",
    }
    click.echo(f"  answered {status}: {meaning.get(status, 'see `tocsin events` and the log of `tocsin serve`')}")
    if status not in ("200", "202"):
        raise click.ClickException("the test did not arrive")


def _say(done: "list[Done]", *, dry: bool) -> None:
    for one in done or []:
        how = _WORDS[dry].get(one.how) or _WORDS[False][one.how]
        click.echo(f"  {one.what}: {how}{f' ({one.why})' if one.why else ''}")
    if not done:
        click.echo("  nothing of ours is there")


def _what_next(target: "Target", token: str, url: str) -> None:
    """What is to be done here, where the source is new."""
    if target.exists:
        click.echo(f"It sends to {url}.")
        return
    team = [] if target.has_file else ["[[team]]", f'slug = "{target.team}"', ""]
    block = [*team, "[[source]]", f'team = "{target.team}"', f'slug = "{target.slug}"', 'kind = "prefect"', 'environment = "prod"']
    block.append(f'auth = {{ bearer = ["env:{target.variable}"] }}')
    click.echo("\nAdd this to tocsin.toml:\n\n" + "\n".join(f"    {line}".rstrip() for line in block))
    if not os.environ.get(target.variable):
        click.echo(f"\nSet its credential where `tocsin serve` runs, then `tocsin apply`:\n\n    export {target.variable}={token}")
    click.echo(f"\nIt sends to {url}.")


def _token(target: "Target", written: "Written", given: str | None) -> str:
    """The source's credential: as given, from its variable, from the file, or a new one."""
    known = given or os.environ.get(target.variable, "")
    if known:
        return known
    auth = next((one.auth for one in written.sources if (one.team, one.slug) == (target.team, target.slug)), {})
    if target.exists and (clear := _first(auth.get(target.scheme.value))) and not clear.startswith("env:"):
        return clear
    if target.exists:
        raise click.ClickException(f"set {target.variable or 'its variable'} to the source's credential, or say --token")
    return target.token if "<" not in target.token else random.token_urlsafe(24)


def _address(target: "Target", written: "Written", url: str, token: str) -> tuple[str, dict[str, str]]:
    """The URL and headers of the block: Prefect cannot sign."""
    from mappers.contract.signature import Scheme

    headers = {"Content-Type": "application/json"}
    match target.scheme:
        case Scheme.TOKEN:
            return f"{url}/{token}", headers
        case Scheme.BEARER:
            return url, headers | {"Authorization": f"Bearer {token}"}
        case Scheme.BASIC:
            return url, headers | {"Authorization": f"Basic {base64.b64encode(token.encode()).decode()}"}
        case Scheme.HEADER:
            auth = next((one.auth for one in written.sources if (one.team, one.slug) == (target.team, target.slug)), {})
            header = auth.get("header")
            return url, headers | {_text(header.get("name")) if isinstance(header, dict) else "X-Api-Key": token}
        case scheme:
            raise click.ClickException(
                f"Prefect's webhook block cannot sign ({scheme.value}): use bearer, header, basic or token as `auth`"
            )


def _first(given: Any) -> str:
    """The first of a scheme's secrets."""
    while isinstance(given, dict | list) and given:
        given = given[0] if isinstance(given, list) else given.get("secrets", given.get("secret"))
    return given if isinstance(given, str) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) and not value.startswith("env:") else ""
