"""``psa-connector unregister``: takes back what ``register`` made."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, DryRunOption, Output, OutputOption


def unregister(
    with_table: Annotated[
        bool, typer.Option("--with-table", help="The command table too, with the record of every command.")
    ] = False,
    dry_run: DryRunOption = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take the steps and the service endpoint out of Dataverse again: from then on no event is posted.

    What goes, and what is lost with it, is shown first. With --with-table it is refused while an invoice is in doubt.
    Solution, publisher and roles stay. A second run finds nothing. Exit code 4: something keeps it, or somebody did not
    agree.

    Example: psa-connector unregister --dry-run
    """
    from service.app import dataverse_client
    from service.cli.asking import agreed
    from service.cli.output import say
    from service.cli.registered_report import Line, report
    from service.registering.removal import removal, remove
    from service.settings_sources import load

    settings = load(config)
    client = dataverse_client(settings.dataverse)
    try:
        found = removal(client, settings.servicebus.approvals_queue, with_table=with_table)

        def lines(result: str) -> list[Line]:
            return [Line(one.what, one.name, result, one.id, one.table, (), "") for one in found.going]

        for sentence in (*found.losses, *found.refusals):
            say(sentence)
        if dry_run or found.refusals:
            report(f"To be removed from {client.url}", client.url, lines("there"), output)
            say("Nothing was removed.")
            if found.refusals:
                raise typer.Exit(Exit.WORK_LEFT)
            return
        if found.going:
            if not yes:
                report(f"To be removed from {client.url}", client.url, lines("there"), Output.TABLE, on_stderr=True)
            agreed(f"Remove this from {client.url}", yes=yes, needs_yes=True)
        for one in found.going:
            remove(client, one)
        report(f"Removed from {client.url}", client.url, lines("removed"), output)
    finally:
        client.close()
    say(
        "Nothing was there."
        if not found.going
        else "Events are not posted any more; `psa-connector register` undoes it."
    )
