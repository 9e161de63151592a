"""``psa-connector invoice resolve``: a person says what came of a call that is in doubt."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, Output, OutputOption, RequestedByOption, row_id, someone


def resolve_invoice(
    command: Annotated[
        UUID, typer.Argument(parser=row_id, metavar="COMMAND", help="The command, or the attempt that was named.")
    ],
    invoice: Annotated[
        UUID | None, typer.Option("--invoice", parser=row_id, metavar="ID", help="The invoice that came of it.")
    ] = None,
    nothing: Annotated[bool, typer.Option("--nothing", help="Instead: the product made none.")] = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say which invoice came of a call that is in doubt, or that none did. Nothing is called for again by that."""
    if (invoice is not None) == nothing:
        raise typer.BadParameter("Say --invoice ID, or --nothing.")

    from service.cli.output import as_json, line, say
    from service.cli.session import session
    from service.resolving import NotResolved, resolve

    with session(config) as service:
        try:
            who = requested_by or someone()
            outcome = resolve(service.dataverse, service.mission.invoicing, command, invoice, who)
        except NotResolved as error:
            say(str(error))
            raise typer.Exit(Exit.FAILED) from error
    if output is Output.JSON:
        as_json(outcome)
    else:
        line(f"It is written down: {outcome['outcome']}.")
    if outcome["outcome"] not in ("created", "failed"):
        raise typer.Exit(Exit.WORK_LEFT)
