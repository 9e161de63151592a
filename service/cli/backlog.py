"""``psa-connector backlog``: what waits to be invoiced, and marking it ready."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, DryRunOption, Output, OutputOption, RequestedByOption, someone

if TYPE_CHECKING:
    from service.backlog_view import BacklogLine
    from service.marking import Marked

app = typer.Typer(help="The three billing backlogs.", no_args_is_help=True, rich_markup_mode=None)


class Which(StrEnum):
    """The backlogs by their names in messages."""

    TIME_AND_MATERIAL = "time-and-material"
    PRODUCTS = "products"
    MILESTONES = "milestones"


ContractOption = Annotated[
    list[str] | None, typer.Option("--contract", help="A contract by id, number or name; may be repeated.")
]


@app.command("list")
def list_rows(
    backlog: Annotated[Which | None, typer.Argument(help="Which backlog. [default: all three]")] = None,
    contract: ContractOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what is open or ready to invoice."""
    from mappings.backlog import Backlog
    from service.backlog_view import backlog_lines
    from service.cli.session import chosen_contracts, session

    with session(config) as service:
        contracts = chosen_contracts(service, contract or [])
        backlogs = list(Backlog) if backlog is None else [Backlog(backlog)]
        lines = backlog_lines(service.dataverse, backlogs, contracts, service.settings.business_time_zone)
    _show("Billing backlog", lines, output)


@app.command("ready")
def ready(
    backlog: Annotated[Which, typer.Argument(help="Which backlog.")],
    rows: Annotated[list[UUID] | None, typer.Argument(help="Ids of the rows to mark.")] = None,
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
    from service.backlog_view import backlog_lines
    from service.cli.session import chosen_contracts, session
    from service.marking import mark_contracts, mark_rows

    which, who = Backlog(backlog), requested_by or someone()
    with session(config) as service:
        contracts = chosen_contracts(service, contract or [])
        if dry_run:
            zone = service.settings.business_time_zone
            lines = backlog_lines(service.dataverse, [which], contracts, zone)
            chosen = [line for line in lines if line.status == "open" or line.why_not]
            _show("Would be marked ready", [line for line in chosen if not rows or line.id in rows], output)
            return
        done = list(
            mark_rows(service, which, rows, who)
            if rows
            else mark_contracts(service, which, [one.id for one in contracts], who)
        )
    _tell(done, output)


def _show(title: str, lines: list[BacklogLine], output: Output) -> None:
    from service.cli.output import Column, as_json, exact, figure, money, show

    if output is Output.JSON:
        as_json(
            [
                {
                    "backlog": line.row.backlog,
                    "id": line.id,
                    "contract": {"id": line.contract.id, "number": line.contract.number, "name": line.contract.name},
                    "what": line.what,
                    "dated": line.dated,
                    "amount": exact(line.row.amount, line.contract.precision),
                    "billable": exact(line.row.billable, line.contract.precision),
                    "currency": line.contract.currency,
                    "status": line.status,
                    "why_not": line.why_not or None,
                }
                for line in lines
            ]
        )
        return
    columns = (Column("Backlog"), Column("Contract"), Column("Date"), Column("What"), figure("Billable"))
    show(
        title,
        (*columns, Column("Status"), Column("Id")),
        [
            (
                line.row.backlog.value,
                f"{line.contract.number} {line.contract.name}",
                str(line.dated or ""),
                line.what,
                money(line.row.billable, line.contract.precision, line.contract.currency),
                line.why_not if line.why_not and line.status == "open" else line.status,
                str(line.id),
            )
            for line in lines
        ],
    )


def _tell(done: list[Marked], output: Output) -> None:
    from service.cli.output import Column, as_json, say, show

    refused = [(id, why) for one in done for id, why in one.refused.items()]
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
        summary = (Column("Command"), Column("Backlog"), Column("Marked"), Column("Refused"))
        rows = [(str(one.command), one.backlog.value, str(len(one.rows)), str(len(one.refused))) for one in done]
        show("Marked ready", summary, rows)
        if refused:
            show("Refused", (Column("Row"), Column("Why")), [(str(id), why) for id, why in refused])
    for failure in failures:
        say(failure)
    if failures or refused:
        raise typer.Exit(Exit.FAILED if failures else Exit.WORK_LEFT)
