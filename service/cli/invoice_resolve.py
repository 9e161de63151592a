"""``psa-connector invoice resolve``: a person says what came of a call that is in doubt."""

from __future__ import annotations

from typing import Annotated, cast
from uuid import UUID

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, Output, OutputOption, RequestedByOption, row_id, someone


def resolve_invoice(
    command: Annotated[
        UUID, typer.Argument(parser=row_id, metavar="COMMAND", help="The command, or the attempt that was named.")
    ],
    invoice: Annotated[
        list[UUID] | None,
        typer.Option("--invoice", parser=row_id, metavar="ID", help="The invoice that came of it; one per customer."),
    ] = None,
    nothing: Annotated[bool, typer.Option("--nothing", help="Instead: the product made none.")] = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say which invoice came of a call that is in doubt, or that none did. Nothing is called for again by that."""
    chosen = invoice or []
    if bool(chosen) == nothing:
        raise typer.BadParameter("Say --invoice ID, or --nothing.")

    from service.cli.output import as_json, line, say
    from service.cli.session import session
    from service.resolving import NotResolved, resolve

    with session(config) as service:
        try:
            who = requested_by or someone()
            handler, first = service.mission.invoicing, next(iter(chosen), None)
            outcome = resolve(service.dataverse, handler, command, first, who, chosen[1:])
        except NotResolved as error:
            say(str(error))
            raise typer.Exit(Exit.FAILED) from error
    if output is Output.JSON:
        as_json(outcome)
    else:
        line(f"It is written down: {outcome['outcome']}.")
    for warning in cast(list[str], outcome.get("warnings", [])):
        say(warning)
    if outcome["outcome"] not in ("created", "failed"):
        raise typer.Exit(Exit.WORK_LEFT)
