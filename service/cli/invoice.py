"""``psa-connector invoice``: creating the invoices of contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.exits import Exit
from service.cli.invoice_show import list_invoices, show_invoice
from service.cli.options import ConfigOption, DryRunOption, Output, OutputOption, RequestedByOption, someone

if TYPE_CHECKING:
    from service.invoice_runs import Invoiced, Previewed

app = typer.Typer(help="Project invoices.", no_args_is_help=True, rich_markup_mode=None)
app.command("list", short_help="Show the invoices.")(list_invoices)
app.command("show", short_help="Show one with its lines and details.")(show_invoice)


@app.callback()
def _group() -> None:
    """Project invoices."""


@app.command("create")
def create(
    contracts: Annotated[list[str] | None, typer.Argument(help="Contracts by id, number or name.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every project contract.")] = False,
    dry_run: DryRunOption = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Create each contract's invoice from what is ready on it, once. Exit code 1: some failed, and why is shown."""
    if bool(contracts) == everything:
        raise typer.BadParameter("Name contracts, or --all.")

    from service.cli.session import chosen_contracts, session
    from service.invoice_runs import create as create_invoices
    from service.invoice_runs import previewed

    who = requested_by or someone()
    with session(config) as service:
        chosen = chosen_contracts(service, contracts or [])
        if dry_run:
            _preview(previewed(service, chosen, who), output)
            return
        done = list(create_invoices(service, chosen, who))
    _tell(done, output)


def _preview(done: list[Previewed], output: Output) -> None:
    from service.cli.output import Column, as_json, exact, figure, key, line, money, show

    if output is Output.JSON:
        as_json(
            [
                {
                    "contract": {"id": one.contract.id, "number": one.contract.number, "name": one.contract.name},
                    "rows": len(one.due.rows),
                    "total": exact(one.due.total, one.contract.precision),
                    "currency": one.contract.currency,
                    "because": one.plan.because,
                    "changes": list(one.plan.changes),
                }
                for one in done
            ]
        )
        return
    show(
        "Would be invoiced",
        (Column("Contract"), figure("Rows"), figure("Total before tax"), Column("Next step")),
        [
            (
                one.contract.displayed,
                str(len(one.due.rows)),
                money(one.due.total, one.contract.precision, one.contract.currency),
                one.plan.because,
            )
            for one in done
        ],
        empty="There is no project contract.",
    )
    if not any(one.due.rows for one in done):
        line("Nothing is ready and due; no invoice would be created.")
        return
    show(
        "Changes of the next step",
        (key("Contract"), Column("Change")),
        [(one.contract.number, change) for one in done for change in one.plan.changes],
    )


def _tell(done: list[Invoiced], output: Output) -> None:
    from service.cli.output import Column, as_json, exact, figure, key, money, show
    from service.invoice_runs import CREATED, FAILED, NOTHING

    if output is Output.JSON:
        as_json(
            [
                {
                    "contract": {"id": one.contract.id, "number": one.contract.number, "name": one.contract.name},
                    "command": one.command,
                    "outcome": one.outcome,
                    "invoices": list(one.invoices),
                    "total": exact(one.total, one.contract.precision),
                    "currency": one.contract.currency,
                    "because": one.because or None,
                }
                for one in done
            ]
        )
    else:
        show(
            "Invoices",
            (Column("Contract"), Column("Outcome"), key("Invoice"), figure("Total before tax"), key("Command")),
            [
                (
                    one.contract.displayed,
                    f"{one.outcome}: {one.because}" if one.because else one.outcome,
                    ", ".join(one.invoices),
                    money(one.total, one.contract.precision, one.contract.currency),
                    str(one.command),
                )
                for one in done
            ],
            empty="There is no project contract.",
        )
    outcomes = {one.outcome for one in done}
    if FAILED in outcomes:
        raise typer.Exit(Exit.FAILED)
    if outcomes - {CREATED, NOTHING}:
        raise typer.Exit(Exit.WORK_LEFT)
