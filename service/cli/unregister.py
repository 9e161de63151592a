"""``psa-connector unregister``: takes back what ``register`` made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, DryRunOption, Output, OutputOption

if TYPE_CHECKING:
    from connector.dataverse.client import DataverseClient
    from service.registering.removal import Removed


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
    from service.registering.removal import removal
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
        _remove(client, found.going, output)
        report(f"Removed from {client.url}", client.url, lines("removed"), output)
    finally:
        client.close()
    if not found.going:
        say("Nothing was there.")
    elif any(one.what == "table" for one in found.going):
        say(
            "Events are not posted any more. `psa-connector register` makes all of it anew, but not the rows that were "
            "in the table; the role has lost its privileges on it, so `psa-connector role apply runtime` comes after."
        )
    else:
        say("Events are not posted any more; `psa-connector register` undoes it.")


def _remove(client: DataverseClient, going: Sequence[Removed], output: Output) -> None:
    """Take all of it away; where that breaks off, say what is gone before the failure is told."""
    from connector.errors import ConnectorError, UnknownOutcome
    from service.cli.output import say
    from service.cli.registered_report import Line, report
    from service.registering.removal import keep, remove

    for one in going:
        # What keeps a later thing is to be known before the first is gone.
        keep(client, one)
    gone = 0
    try:
        for one in going:
            remove(client, one)
            gone += 1
    except (ConnectorError, KeyboardInterrupt) as failure:
        is_unsure = isinstance(failure, UnknownOutcome | KeyboardInterrupt)
        results = ["removed"] * gone + ["not known" if is_unsure else "still there"]
        results += ["still there"] * (len(going) - len(results))
        lines = [
            Line(one.what, one.name, result, one.id, one.table, (), "")
            for one, result in zip(going, results, strict=True)
        ]
        report(f"Removed from {client.url}, as far as it came", client.url, lines, output)
        if gone or is_unsure:
            say(
                f"It broke off: {gone} of {len(going)} are removed. What a step that is gone would have told of is not "
                "posted any more. `psa-connector register` makes them again; `psa-connector unregister` goes on."
            )
        raise
