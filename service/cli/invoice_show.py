"""``psa-connector invoice list|show``: the invoices, and what stands on one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.days import day
from service.cli.exits import Exit
from service.cli.options import ConfigOption, Output, OutputOption, one_of

if TYPE_CHECKING:
    from service.invoice_view import Listed, Shown


class WhichStatus(StrEnum):
    """Where an invoice stands."""

    DRAFT = "draft"
    IN_REVIEW = "in-review"
    CONFIRMED = "confirmed"
    PAID = "paid"


def list_invoices(
    contracts: Annotated[
        list[str] | None, typer.Argument(metavar="CONTRACT", help="Contracts by id, number or name.")
    ] = None,
    status: Annotated[
        list[WhichStatus] | None,
        typer.Option(
            "--status", parser=one_of(WhichStatus), metavar="STATUS", help=f"{', '.join(WhichStatus)}; may be repeated."
        ),
    ] = None,
    since: Annotated[
        date | None, typer.Option("--from", parser=day, metavar="DATE", help="Created on this business day or later.")
    ] = None,
    until: Annotated[
        date | None, typer.Option("--to", parser=day, metavar="DATE", help="Created on this business day or before.")
    ] = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show project invoices, the newest first.

    Example: psa-connector invoice list ORD-C1 --from 2026-02-01
    """
    from service.cli import invoice_as_shown as report
    from service.cli.output import as_json_array
    from service.cli.session import chosen_contracts, session
    from service.invoice_view import Asked, Status, listed

    with session(config) as service:
        of = [one.id for one in chosen_contracts(service, contracts)] if contracts else []
        asked = Asked(of, [Status(one) for one in status or ()], since, until)
        zone, url = service.settings.business_time_zone, service.dataverse.url
        pages = listed(service.dataverse, asked, zone)
        if output is Output.JSON:
            as_json_array(report.as_data(one, url) for one in _each(pages))
        else:
            report.list_as_table(pages, zone)


def show_invoice(
    invoice: Annotated[
        str,
        typer.Argument(metavar="INVOICE", help="An invoice by id, number or name, or the address that opens it."),
    ],
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show an invoice with its lines and details, and how it differs from what was expected when it was created.

    Example: psa-connector invoice show INV-1001
    """
    from service.cli import invoice_as_shown as report
    from service.cli.output import as_json, say
    from service.cli.session import session
    from service.invoice_view import shown
    from service.invoices import NoSuchInvoice, invoice_named

    with session(config) as service:
        zone, url = service.settings.business_time_zone, service.dataverse.url
        try:
            told: Shown = shown(service.dataverse, invoice_named(service.dataverse, invoice), zone)
        except NoSuchInvoice as error:
            say(str(error))
            raise typer.Exit(Exit.FAILED) from error
    if output is Output.JSON:
        as_json(report.shown_as_data(told, url, zone))
    else:
        report.shown_as_table(told, url, zone)


def _each(pages: Iterable[list[Listed]]) -> Iterable[Listed]:
    return (one for page in pages for one in page)
