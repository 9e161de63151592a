"""``psa-connector invoice resolve``: a person says what came of a call that is in doubt."""

from __future__ import annotations

from typing import Annotated, cast
from uuid import UUID

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, Output, OutputOption, RequestedByOption, someone


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no id of a command or attempt; the sentence that told of the doubt names it, as does "
            "`psa-connector invoice runs show RUN`."
        ) from error


def resolve_invoice(
    command: Annotated[
        UUID,
        typer.Argument(parser=_id, metavar="COMMAND", help="The command, or the attempt that was named."),
    ],
    invoice: Annotated[
        list[str] | None,
        typer.Option(
            "--invoice", metavar="INVOICE", help="The invoice that came of it, by id or number; one per customer."
        ),
    ] = None,
    nothing: Annotated[bool, typer.Option("--nothing", help="Instead: the product made none.")] = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say which invoice came of a call that is in doubt, or that none did. Nothing is called for again by that.

    Example: psa-connector invoice resolve 3b1c7f6e-0000-4000-8000-000000000001 --invoice INV-1001
    """
    if bool(invoice) == nothing:
        raise typer.BadParameter("Say --invoice INVOICE, or --nothing.")

    from handlers.fixed_point import Settled
    from service.announcing import announced, announcing
    from service.cli.output import as_json, line, say
    from service.cli.session import session
    from service.invoices import NoSuchInvoice, invoice_named
    from service.resolving import NotResolved, commanded, resolve

    with session(config) as service:
        try:
            who = requested_by or someone()
            given = commanded(command, service.dataverse)
            chosen = [invoice_named(service.dataverse, one).id for one in invoice or ()]
            handler, first = service.mission.invoicing, next(iter(chosen), None)
            outcome = resolve(service.dataverse, handler, command, first, who, chosen[1:])
        except (NotResolved, NoSuchInvoice) as error:
            say(str(error))
            raise typer.Exit(Exit.FAILED) from error
        news = announcing(service.settings.servicebus, service.bus, service.now)
        untold = announced(news, given, Settled("", outcome))
    if output is Output.JSON:
        as_json(outcome)
    else:
        line(f"It is written down: {outcome['outcome']}.")
    for warning in cast(list[str], outcome.get("warnings", [])):
        say(warning)
    if untold:
        say(f"It could not be announced: {untold} It is when the command's message is sent again.")
        raise typer.Exit(Exit.WORK_LEFT)
    if outcome["outcome"] not in ("created", "failed"):
        raise typer.Exit(Exit.WORK_LEFT)
