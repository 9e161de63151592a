"""``psa-connector entry``: what one entry's actuals are, should be, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, Output, OutputOption

if TYPE_CHECKING:
    from service.explaining import Explained

app = typer.Typer(help="Time and expense entries.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Time and expense entries."""


@app.command("explain")
def explain(
    entry: Annotated[
        str,
        typer.Argument(
            metavar="ENTRY", help="A time entry, an expense or an approval: its id, or the address that opens it."
        ),
    ],
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say what would be written for an entry and why, what is there and whose it is. Writes nothing.

    Example: psa-connector entry explain 3b1c7f6e-0000-4000-8000-000000000001
    """
    from service.cli.output import as_json, say
    from service.cli.session import session
    from service.entries import NoSuchEntry
    from service.explaining import explained
    from service.explanation_as_json import plain

    with session(config) as service:
        try:
            told = explained(service, entry)
        except NoSuchEntry as error:
            say(str(error))
            raise typer.Exit(Exit.FAILED) from error
    if output is Output.JSON:
        as_json(plain(told))
    else:
        _show(told)


def _show(told: Explained) -> None:
    from service import explanation_in_words as report
    from service.cli.output import Column, figure, key, line, show
    from service.reconcile_report import link

    line(report.headline(told), style="bold")
    line(link(told.url, told.explanation.entry))
    for sentence in report.sentences(told):
        line(sentence)
    unknown = told.explanation.unknown
    if unknown is not None:
        line(f"What it should have can't be known: {unknown.sentence} ({unknown.code})")
    figures = (figure("Quantity"), figure("Price"), figure("Amount"))
    planned = (Column("Actual"), *figures, Column("Becomes"), Column("Why"))
    show("What the approval calls for", planned, report.planned_cells(told), empty="No actuals.")
    columns = (key("Column"), Column("Value"), Column("On"))
    if told.explanation.planned:
        show("Its columns", columns, report.column_cells(told))
    held = (key("Id"), Column("Actual"), *figures, Column("Whose"), Column("Written by"), Column("State"))
    show("What is there", held, report.held_cells(told), empty="No actuals.")
    differences = (Column("Finding"), Column("What"), figure("Amount"))
    show("How they differ", differences, report.difference_cells(told), empty="Nothing differs.")
