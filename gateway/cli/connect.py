"""`tocsin connect KIND`: wire a sender through its own API where we can, else say exactly what to do.

A kind with a module `gateway.cli.connect_<kind>` that offers a click command `COMMAND` has that; all others print their steps.
"""

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import plain_errors

if TYPE_CHECKING:
    from gateway.cli.connecting import Target
    from gateway.cli.written import Written
    from mappers.contract import SourceKind


class _Senders(click.Group):
    """One command for each source kind, the third-party ones of the configuration among them."""

    @plain_errors
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_kinds())

    @plain_errors
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        kinds = _kinds()
        name = cmd_name if cmd_name in kinds else cmd_name.replace("-", "_")
        if name not in kinds:
            return None
        own = None if ctx.params.get("by_hand") else _own_command(name)
        return own or _steps_command(kinds[name])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(f"there is no kind {args[0]!r}; there are {', '.join(self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Senders, subcommand_metavar="KIND [OPTIONS]")
@click.option("--by-hand", is_flag=True, help="Print the steps also where we could do it through the sender's API.")
def connect(by_hand: bool) -> None:
    """Connect a sender: through its own API where we can, else by printing the exact steps."""


def _kinds() -> "Mapping[str, SourceKind]":
    return {name: kind for name, kind in _written().kinds().items() if not kind.is_own}


def _written() -> "Written":
    from gateway.cli.written import read_written
    from gateway.config.environment import read_environment

    return read_written(read_environment())


def _own_command(kind: str) -> click.Command | None:
    module = f"gateway.cli.connect_{kind}"
    if not kind.isidentifier() or find_spec(module) is None:
        return None
    command = importlib.import_module(module).COMMAND
    return command if isinstance(command, click.Command) else None


def _steps_command(kind: "SourceKind") -> click.Command:
    """`tocsin connect KIND` for a sender that is set up by hand."""

    said = f"Print how to connect {kind.title}: the steps at the sender, and what to put into tocsin.toml."

    @click.command(kind.kind, help=said, short_help=f"{kind.title}, by hand.")
    @click.option("--team", help="The team the source is of. Default: the only one in tocsin.toml.")
    @click.option("--source", help="The source's slug. Default: the one of this kind in tocsin.toml, else a new one.")
    @click.option("--public-url", help="Where the sender reaches this gateway. Default: TOCSIN_PUBLIC_URL.")
    @click.option("--auth", type=click.Choice([scheme.value for scheme in kind.auth]), help="How a new source's sender proves itself.")
    @plain_errors
    def command(**options: Any) -> None:
        from gateway.cli.connecting import instructions

        target = _target(kind, **options)
        click.echo(instructions(kind, target, _page(kind.kind)))

    return command


def _target(kind: "SourceKind", *, team: str | None, source: str | None, public_url: str | None, auth: str | None) -> "Target":
    from gateway.cli.connecting import TargetFault, choose
    from gateway.config.environment import read_environment
    from mappers.contract.signature import Scheme

    base = (public_url or read_environment().base_url).rstrip("/")
    try:
        return choose(_written(), kind, team=team, slug=source, base=base, scheme=Scheme(auth) if auth else None)
    except TargetFault as fault:
        raise click.ClickException(str(fault)) from None


def _page(kind: str) -> Path | None:
    """The kind's page in docs/, where this runs from a clone."""
    marked = f'kind = "{kind}"'
    for page in sorted((Path(__file__).parents[2] / "docs").glob("connect-*.md")):
        _, _, first = page.read_text(encoding="utf-8").partition("[[source]]")
        if marked in first.partition("```")[0]:
            return page
    return None
