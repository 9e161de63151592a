"""``psa-connector backlog``: what waits to be invoiced, and marking it ready."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from service.cli.exits import Exit
from service.cli.options import (
    ConfigOption,
    DryRunOption,
    Output,
    OutputOption,
    RequestedByOption,
    one_of,
    row_id,
    someone,
)

if TYPE_CHECKING:
    from mappings.backlog import Backlog
    from service.app import App
    from service.backlog_view import BacklogLine
    from service.marking import Marked, Preview

app = typer.Typer(help="The three billing backlogs.", no_args_is_help=True, rich_markup_mode=None)


class Which(StrEnum):
    """The backlogs by their names in messages."""

    TIME_AND_MATERIAL = "time-and-material"
    PRODUCTS = "products"
    MILESTONES = "milestones"


WHICH_ONE = "time-and-material, products, or milestones"

ContractOption = Annotated[
    list[str] | None,
    typer.Option("--contract", metavar="CONTRACT", help="A contract by id, number or name; may be repeated."),
]


@app.command("list")
def list_rows(
    backlog: Annotated[
        Which | None,
        typer.Argument(parser=one_of(Which), metavar="BACKLOG", help=f"{WHICH_ONE}. [default: all three]"),
    ] = None,
    contract: ContractOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what is open or ready to invoice."""
    from mappings.backlog import Backlog
    from service.backlog_view import backlog_lines
    from service.cli.output import as_json
    from service.cli.session import chosen_contracts, session

    with session(config) as service:
        contracts = chosen_contracts(service, contract or [])
        backlogs = list(Backlog) if backlog is None else [Backlog(backlog)]
        lines = backlog_lines(service.dataverse, backlogs, contracts, service.settings.business_time_zone)
    if output is Output.JSON:
        as_json([_data(line) for line in lines])
    else:
        _show_lines("Billing backlog", lines, "Nothing is open or ready to invoice.")


@app.command("ready")
def ready(
    backlog: Annotated[Which, typer.Argument(parser=one_of(Which), metavar="BACKLOG", help=f"{WHICH_ONE}.")],
    rows: Annotated[
        list[UUID] | None, typer.Argument(parser=row_id, metavar="ID", help="Ids of the rows to mark.")
    ] = None,
    contract: ContractOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Whatever is open, on every contract.")] = False,
    dry_run: DryRunOption = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Mark rows ready to invoice. Exit code 4: some were refused, and why is shown."""
    if sum((bool(rows), bool(contract), everything)) != 1:
        raise typer.BadParameter("Name row ids, or contracts with --contract, or --all: one of the three.")

    from mappings.backlog import Backlog
    from service.cli.session import chosen_contracts, session
    from service.marking import carry_out, commands, preview

    which, who = Backlog(backlog), requested_by or someone()
    with session(config) as service:
        contracts = [] if rows else [one.id for one in chosen_contracts(service, contract or [])]
        given = list(commands(which, who, rows=rows or [], contracts=contracts))
        if dry_run:
            _show_previews(service, which, [preview(service, command) for command in given], output)
            return
        done = [carry_out(service, command) for command in given]
    _tell(done, output)


def _show_previews(service: App, backlog: Backlog, previews: list[Preview], output: Output) -> None:
    from service.backlog_view import backlog_lines
    from service.cli.output import as_json, say
    from service.contracts import all_contracts

    chosen = {id for one in previews for id in one.rows}
    refused = {str(id): why for one in previews for id, why in one.refused.items()}
    zone = service.settings.business_time_zone
    lines = [
        line
        for line in backlog_lines(service.dataverse, [backlog], all_contracts(service.dataverse), zone)
        if line.id in chosen
    ]
    if strangers := chosen - {line.id for line in lines}:
        say(f"Would be marked too, but stand on no project contract: {', '.join(sorted(map(str, strangers)))}")
    if output is Output.JSON:
        as_json({"would_mark": [_data(line) for line in lines], "would_refuse": refused})
    else:
        _show_lines("Would be marked ready", lines, "Nothing is open, so nothing would be marked.")
        _show_refused("Would be refused", list(refused.items()))
    if refused:
        raise typer.Exit(Exit.WORK_LEFT)


def _data(line: BacklogLine) -> dict[str, object]:
    from service.cli.output import exact

    contract = line.contract
    return {
        "backlog": line.row.backlog,
        "id": line.id,
        "contract": {"id": contract.id, "number": contract.number, "name": contract.name},
        "what": line.what,
        "dated": line.dated,
        "amount": exact(line.row.amount, contract.precision),
        "billable": exact(line.row.billable, contract.precision),
        "currency": contract.currency,
        "status": line.status,
        "why_not": line.why_not or None,
    }


def _show_lines(title: str, lines: list[BacklogLine], empty: str) -> None:
    from service.cli.output import Column, figure, key, money, show

    columns = (Column("Backlog"), Column("Contract"), key("Date"), Column("What"), figure("Billable"))
    show(
        title,
        (*columns, Column("Status"), key("Id")),
        [
            (
                line.row.backlog.value,
                line.contract.displayed,
                str(line.dated or ""),
                line.what,
                money(line.row.billable, line.contract.precision, line.contract.currency),
                line.why_not if line.why_not and line.status == "open" else line.status,
                str(line.id),
            )
            for line in lines
        ],
        empty=empty,
    )


def _show_refused(title: str, refused: list[tuple[str, str]]) -> None:
    from service.cli.output import Column, key, show

    if refused:
        show(title, (key("Row"), Column("Why")), refused)


def _tell(done: list[Marked], output: Output) -> None:
    from service.cli.output import Column, as_json, figure, key, say, show

    refused = [(str(id), why) for one in done for id, why in one.refused.items()]
    failures = [one.failure for one in done if one.failure is not None]
    if output is Output.JSON:
        as_json(
            [
                {
                    "command": one.command,
                    "backlog": one.backlog,
                    "marked": list(one.rows),
                    "refused": {str(id): why for id, why in one.refused.items()},
                    "failure": one.failure,
                }
                for one in done
            ]
        )
    else:
        summary = (key("Command"), Column("Backlog"), figure("Marked"), figure("Refused"))
        rows = [(str(one.command), one.backlog.value, str(len(one.rows)), str(len(one.refused))) for one in done]
        show("Marked ready", summary, rows, empty="There is no project contract, so nothing was marked.")
        _show_refused("Refused", refused)
    for failure in failures:
        say(failure)
    if failures or refused:
        raise typer.Exit(Exit.FAILED if failures else Exit.WORK_LEFT)
