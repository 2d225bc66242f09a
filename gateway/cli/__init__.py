"""The `tocsin` command. Each command imports what it needs when it runs, so that starting is fast."""

import click

from gateway.cli.backup import backup, restore
from gateway.cli.cleanup import cleanup
from gateway.cli.connect import connect
from gateway.cli.demo import demo
from gateway.cli.doctor import doctor
from gateway.cli.events import events
from gateway.cli.map import map_command
from gateway.cli.notify import notify
from gateway.cli.rotate_key import rotate_key
from gateway.cli.send import send
from gateway.cli.serve import serve
from gateway.cli.setup import apply, delete_source, disable_source, migrate, sign_in_link
from gateway.cli.summarize import summarize


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Tocsin: turns what data pipelines say about themselves into the one message the right person needs."""


for command in (
    serve,
    demo,
    connect,
    map_command,
    notify,
    send,
    events,
    apply,
    disable_source,
    delete_source,
    migrate,
    cleanup,
    backup,
    restore,
    rotate_key,
    doctor,
    sign_in_link,
    summarize,
):
    main.add_command(command)
main.add_command(summarize, "summarise")
