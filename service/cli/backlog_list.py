"""``psa-connector backlog list``: the backlogs, row by row as they are read, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.backlog_options import (
    WHICH_ONE,
    Asked,
    AtLeastOption,
    AtMostOption,
    ClassOption,
    ContractOption,
    CustomerOption,
    FromOption,
    ProjectOption,
    ResourceOption,
    RoleOption,
    StatusOption,
    ToOption,
    Which,
    filter_of,
)
from service.cli.options import ConfigOption, one_of

if TYPE_CHECKING:
    from mappings.backlog import Backlog
    from service.backlog_totals import Totals
    from service.backlog_view import BacklogLine
    from service.fixed_price_view import FixedPriceLine


class Form(StrEnum):
    """How rows are written to stdout; ``json`` and ``csv`` are stable and meant for programs."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def list_rows(
    backlog: Annotated[
        Which | None,
        typer.Argument(parser=one_of(Which), metavar="BACKLOG", help=f"{WHICH_ONE}. [default: all three]"),
    ] = None,
    contract: ContractOption = None,
    customer: CustomerOption = None,
    project: ProjectOption = None,
    resource: ResourceOption = None,
    role: RoleOption = None,
    of_class: ClassOption = None,
    dated_from: FromOption = None,
    dated_to: ToOption = None,
    at_least: AtLeastOption = None,
    at_most: AtMostOption = None,
    status: StatusOption = None,
    sort: Annotated[
        list[str] | None,
        typer.Option(
            "--sort",
            metavar="KEY[:desc]",
            help="contract, date, amount, project, resource, role, status; may be repeated. [default: contract, date]",
        ),
    ] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Only totals, ages, and odd fixed-price lines.")] = False,
    config: ConfigOption = None,
    output: Annotated[
        Form,
        typer.Option(
            "--output", "-o", parser=one_of(Form), metavar="table|json|csv", help="How data is written to stdout."
        ),
    ] = Form.TABLE,
) -> None:
    """Show what is open or ready to invoice, and what it adds up to.

    Example: psa-connector backlog list time-and-material --contract ORD-C1 --summary
    """
    from mappings.backlog import Backlog
    from mappings.business_date import business_date
    from mappings.selection import Selection
    from service.backlog_totals import Totals
    from service.backlog_view import Review, order
    from service.cli import backlog_report as report
    from service.cli.session import session
    from service.fixed_price_view import fixed_price_lines

    backlogs = list(Backlog) if backlog is None else [Backlog(backlog)]
    for one in backlogs:
        try:
            order(one, sort or ())
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--sort") from error
    asked = Asked(
        contract, customer, project, resource, role, of_class, dated_from, dated_to, at_least, at_most, status
    )
    with session(config) as service:
        where = filter_of(service, asked, *backlogs)
        zone = service.settings.business_time_zone
        today = business_date(service.now(), zone)
        check = service.rules.profile.not_to_exceed
        review, totals = Review(service.dataverse, zone, today, check), Totals(today)

        def pages(one: Backlog) -> Iterator[list[BacklogLine]]:
            for page in review.pages(one, Selection(where=where), sort or ()):
                totals.add(page)
                yield page

        if summary:
            for one in backlogs:
                for _ in pages(one):
                    pass
        elif output is Form.TABLE:
            for one in backlogs:
                report.rows_as_table(one, pages(one))
        else:
            _as_data(output, (line for one in backlogs for page in pages(one) for line in page))
        odd = list(fixed_price_lines(service.dataverse, where)) if Backlog.MILESTONES in backlogs else []
        _tell(totals, odd, summary, output)


def _as_data(output: Form, lines: Iterator[BacklogLine]) -> None:
    from service.cli import backlog_report as report
    from service.cli.output import as_csv, as_json_array

    if output is Form.JSON:
        as_json_array(report.as_data(line) for line in lines)
    else:
        as_csv(report.CSV_COLUMNS, (report.as_cells(line) for line in lines))


def _tell(totals: Totals, odd: Sequence[FixedPriceLine], asked_for: bool, output: Form) -> None:
    """The summary where it was asked for, and beneath tables; beside rows as data it is only said where to find it."""
    from service.cli import backlog_report as report
    from service.cli.output import as_csv, as_json, say

    if output is Form.TABLE:
        report.totals_as_table(totals)
        report.fixed_price_as_table(odd)
        return
    if asked_for and output is Form.JSON:
        as_json(report.summary_as_data(totals, odd))
        return
    if asked_for:
        as_csv(report.CSV_TOTALS, report.totals_as_cells(totals))
    if odd:
        say(f"Fixed-price lines that need a look: {len(odd)}. `backlog list milestones --summary` shows them.")
