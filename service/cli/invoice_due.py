"""``psa-connector invoice create --due [DATE] [CONTRACT…]``: the invoices of everything that is due by schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

import typer

from service.cli.exits import Exit
from service.cli.options import Output

if TYPE_CHECKING:
    from mappings.messages import CreateDueInvoices
    from service.app import App
    from service.contracts import Contract

QUIET = ("created", "nothing-to-invoice", "already-run", "created-and-gone")
"""Outcomes after which nobody has to look."""


def create_due(
    named: Sequence[str], yes: bool, dry_run: bool, requested_by: str, config: Path | None, output: Output
) -> None:
    """Create what is due up to a day, if the first name is one, else up to today; of these contracts, or of all.

    Exit code 1: some failed; 4: some need a look, or it is too much without --yes.
    """
    from uuid import uuid4

    from mappings.messages import CreateDueInvoices
    from service.cli.session import chosen_contracts, session

    day = _day(named)
    names = list(named) if day is None else list(named[1:])
    with session(config) as service:
        only = tuple(one.id for one in chosen_contracts(service, names)) if names else ()
        command = CreateDueInvoices(command=uuid4(), requested_by=requested_by, due=day, contracts=only, dry_run=True)
        looked = _outcome(service, command)
        if dry_run:
            _preview(service, looked, output)
            return
        if looked["above_ceiling"] and not yes:
            _refuse(f"{' '.join(looked['above_ceiling'])} Nothing was done. If that is meant, say --yes.")
        outcome = _outcome(service, command.model_copy(update={"dry_run": False, "confirmed": True}))
        _tell(service, outcome, output)


def _day(named: Sequence[str]) -> date | None:
    try:
        return date.fromisoformat(named[0]) if named else None
    except ValueError:
        return None


def _outcome(service: App, command: CreateDueInvoices) -> Mapping[str, Any]:
    """What came of it; a refusal is said and ends the command, any other failure is the caller's."""
    from handlers.fixed_point import AgainstTheRules, Settled
    from service.announcing import announced, announcing
    from service.cli.output import say

    ended = service.execute(command)
    if untold := announced(announcing(service.settings.servicebus, service.bus, service.now), command, ended):
        say(f"What came of it could not be announced: {untold}")
    if isinstance(ended, Settled):
        return ended.outcome
    if isinstance(ended.failure, AgainstTheRules):
        _refuse(f"{ended.failure.sentence} ({ended.failure.code})")
    raise ended.failure


def _refuse(sentence: str) -> NoReturn:
    from service.cli.output import say

    say(sentence)
    raise typer.Exit(Exit.WORK_LEFT)


def _contracts(service: App, told: Mapping[str, Any]) -> dict[str, Contract]:
    from service.contracts import contracts_of

    ids = {UUID(run["contract"]) for run in told["runs"]}
    return {str(one.id): one for one in contracts_of(service.dataverse, ids)}


def _preview(service: App, told: Mapping[str, Any], output: Output) -> None:
    from service.cli.output import Column, as_json, figure, money, say, show

    contracts = _contracts(service, told)
    if output is Output.JSON:
        as_json(_plain(service, told, contracts) | {"above_ceiling": told["above_ceiling"]})
    else:
        show(
            f"Due up to {told['until']}",
            (Column("Contract"), Column("Run date"), figure("Ready rows"), figure("Total before tax")),
            [
                (
                    (one := contracts[run["contract"]]).displayed,
                    run["day"],
                    str(run["ready"]),
                    money(Decimal(run["total"]), one.precision, one.currency),
                )
                for run in told["runs"]
            ],
            empty="Nothing is due.",
        )
    _say_unfit(service, told)
    for sentence in told["above_ceiling"]:
        say(sentence)


def _tell(service: App, told: Mapping[str, Any], output: Output) -> None:
    from service.cli.output import Column, as_json, figure, key, line, money, show
    from service.reconcile_report import link

    contracts = _contracts(service, told)
    if output is Output.JSON:
        as_json(_plain(service, told, contracts))
    else:
        show(
            f"Due up to {told['until']}",
            (Column("Contract"), Column("Run date"), Column("Outcome"), key("Invoice"), figure("Total before tax")),
            [
                (
                    (one := contracts[run["contract"]]).displayed,
                    run["day"],
                    f"{run['outcome']}: {run['because']}" if run.get("because") else run["outcome"],
                    ", ".join(invoice["number"] or invoice["id"] for invoice in run["invoices"]),
                    money(_total(run), one.precision, one.currency),
                )
                for run in told["runs"]
            ],
            empty="Nothing is due.",
        )
        from mappings.tables import INVOICE, Ref

        for run in told["runs"]:
            for invoice in run["invoices"]:
                # Beneath the table: an address is longer than a column may be, and is opened, not compared.
                line(link(service.dataverse.url, Ref(INVOICE, UUID(invoice["id"]))))
    _say_unfit(service, told)
    words = [run["outcome"] for run in told["runs"]]
    if "failed" in words or "refused" in words:
        raise typer.Exit(Exit.FAILED)
    if told["unfit"] or any(word not in QUIET for word in words):
        raise typer.Exit(Exit.WORK_LEFT)


def _total(run: Mapping[str, Any]) -> Decimal:
    return Decimal(str(run.get("total", run.get("expected_total", 0))))


def _plain(service: App, told: Mapping[str, Any], contracts: Mapping[str, Contract]) -> dict[str, Any]:
    """As JSON: the runs with their contracts, and the rows that can't be invoiced."""
    from mappings.tables import CONTRACT, SCHEDULE, Ref
    from service.cli.output import exact
    from service.reconcile_report import link

    def contract(id: str) -> dict[str, object]:
        one = contracts[id]
        url = link(service.dataverse.url, Ref(CONTRACT, one.id))
        return {"id": id, "number": one.number, "name": one.name, "currency": one.currency, "url": url}

    def row(one: Mapping[str, Any]) -> dict[str, Any]:
        return {**one, "url": link(service.dataverse.url, Ref(SCHEDULE, UUID(one["row"])))}

    runs = [
        {name: value for name, value in run.items() if name != "number"}
        | {
            "contract": contract(run["contract"]),
            "total": exact(_total(run), contracts[run["contract"]].precision),
            "because": run.get("because"),
        }
        for run in told["runs"]
    ]
    return {"until": told["until"], "runs": runs, "unfit": [row(one) for one in told["unfit"]]}


def _say_unfit(service: App, told: Mapping[str, Any]) -> None:
    from mappings.tables import SCHEDULE, Ref
    from service.cli.output import say
    from service.reconcile_report import link

    for one in told["unfit"]:
        say(f"Schedule row {one['row']}, due {one['day']}, was left out. {one['why']}")
        say(link(service.dataverse.url, Ref(SCHEDULE, UUID(one["row"]))))
