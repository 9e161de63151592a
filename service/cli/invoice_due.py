"""``psa-connector invoice create --due [DATE] [CONTRACT…]``: the invoices of everything that is due by schedule."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import typer

from mappings.days import OUTSIDE, may_be_asked
from service.cli.exits import Exit
from service.cli.options import Output

if TYPE_CHECKING:
    from threading import Event

    from connector.errors import ConnectorError
    from handlers.due_invoices import DueInvoices
    from handlers.fixed_point import Outcome
    from mappings.messages import CreateDueInvoices
    from service.app import App
    from service.contracts import Contract

_LIKE_A_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}([-./]\d{1,4})?|today|tomorrow|yesterday", re.IGNORECASE)
STOPPING = "Asked to stop: what is at work is finished first; ask again to end at once."
AGAIN = "Give the same command again to go on: what was created is not created twice."
NOT_YET = "not-yet"
"""The code of what may still come by itself."""
QUIET = ("created", "nothing-to-invoice", "already-run", "created-and-gone")
"""Outcomes after which nobody has to look."""


def create_due(
    named: Sequence[str],
    yes: bool,
    dry_run: bool,
    requested_by: str,
    config: Path | None,
    output: Output,
    unless_paused: bool = False,
) -> None:
    """Create what is due up to a day, if the first name is one, else up to today; of these contracts, or of all.

    Exit code 1: some failed; 4: some need a look, or are left, it is too much without --yes, or it is paused where that
    counts.
    """
    from uuid import uuid4

    from mappings.messages import CreateDueInvoices
    from service.cli.refused import too_much
    from service.cli.session import chosen_contracts, session

    day = _day(named)
    names = list(named) if day is None else list(named[1:])
    with session(config) as service:
        if unless_paused:
            _refuse_while_paused(service, output)
        only = tuple(one.id for one in chosen_contracts(service, names)) if names else ()
        command = CreateDueInvoices(command=uuid4(), requested_by=requested_by, due=day, contracts=only, dry_run=True)
        looked = _looked(service, command, output)
        if dry_run:
            _preview(service, looked, output)
            return
        if looked["above_ceiling"] and not yes:
            raise too_much(" ".join(looked["above_ceiling"]), output)
        _carry_out(service, command.model_copy(update={"dry_run": False, "confirmed": yes}), looked, output)


def _refuse_while_paused(service: App, output: Output) -> None:
    """End the command where somebody paused the services: no person is there who meant it all the same."""
    from connector.breaker import HELD
    from service.cli.refused import refused
    from service.pausing import read

    paused = read(service.dataverse).paused
    if paused is not None and not paused.is_over(service.dataverse.far_now()):
        sentence = f"{paused.sentence}. Nothing was created; psa-connector resume ends the pause."
        raise refused(HELD, sentence, output)


def _day(named: Sequence[str]) -> date | None:
    """The day that is named first. What is meant as one, and is none or stands elsewhere, is no contract either."""
    days = [_date(name) for name in named]
    if any(days[1:]):
        raise typer.BadParameter("The DATE comes first after --due, then the contracts; there is one date at the most.")
    if named and days[0] is None and _LIKE_A_DATE.fullmatch(named[0]):
        raise typer.BadParameter(f"{named[0]!r} is no date; write one like 2026-06-15, or none for today.")
    if days and days[0] is not None and not may_be_asked(days[0]):
        raise typer.BadParameter(f"{named[0]!r} {OUTSIDE}.")
    return days[0] if days else None


def _date(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def _looked(service: App, command: CreateDueInvoices, output: Output) -> Mapping[str, Any]:
    """What is due, by a dry run; a refusal is said and ends the command, any other failure is the caller's."""
    from handlers.fixed_point import Settled

    looked = service.execute(command)
    if isinstance(looked, Settled):
        return looked.outcome
    raise _refused(looked.failure, output)


def _carry_out(service: App, command: CreateDueInvoices, looked: Mapping[str, Any], output: Output) -> None:
    """Say each outcome as it comes, then all of them, and what to do where something is left."""
    from handlers.fixed_point import Settled
    from service.announcing import announcing
    from service.cli.output import say
    from service.due_announcing import AsTheyCome
    from service.interruption import asked_to_stop
    from service.signals import INTERRUPTED

    news = AsTheyCome(announcing(service.settings.servicebus, service.bus, service.now), command)
    heard: dict[str, Mapping[str, Any]] = {}

    def hear(run: Mapping[str, object]) -> None:
        heard[str(run["command"])] = run
        news.hear(run)
        if len(looked["runs"]) > 1:
            say(f"{run['number'] or run['contract']}, due {run['day']}: {run['outcome']}")

    with asked_to_stop(lambda: say(STOPPING)) as stop:
        ended = _patiently(service, replace(service.mission.due, stopping=stop.is_set, told=hear), command, stop)
        untold = news.finish()
    if untold:
        say(f"What came of it could not be announced: {untold}")
    failure = None if isinstance(ended, Settled) else ended.failure
    if failure is not None and not heard:
        raise _refused(failure, output)
    runs = list(heard.values())
    outcome: Mapping[str, Any] = ended.outcome if isinstance(ended, Settled) else {**looked, "runs": runs, "left": 0}
    words = _tell(service, outcome, output)
    left = outcome.get("left", 0)
    if failure is not None:
        say(f"Not finished: {failure.sentence} ({failure.code}). {AGAIN}")
    elif left:
        say(f"{left} left. {AGAIN}")
    if "failed" in words or (failure is not None and failure.code != NOT_YET):
        raise typer.Exit(Exit.FAILED)
    if stop.is_set() and left:
        raise typer.Exit(INTERRUPTED)
    if failure is not None or left or untold or outcome["unfit"] or any(word not in QUIET for word in words):
        raise typer.Exit(Exit.WORK_LEFT)


def _patiently(service: App, due: DueInvoices, command: CreateDueInvoices, stop: Event) -> Outcome:
    """How it ends; what may pass is waited for and gone on with, under the same command."""
    from service.invoice_runs import pause

    tries = 0
    while True:
        ended = due.settle([command], service.fixed_point)[command]
        seconds = pause(ended, tries)
        if seconds is None or stop.wait(seconds):
            return ended
        tries += 1


def _refused(failure: ConnectorError, output: Output) -> Exception:
    """What ends the command: where a rule of ours refused, that is said; any other failure is the caller's."""
    from handlers.fixed_point import AgainstTheRules
    from service.cli.refused import refused

    if isinstance(failure, AgainstTheRules):
        return refused(failure.code, failure.sentence, output)
    return failure


def _contracts(service: App, told: Mapping[str, Any]) -> dict[str, Contract]:
    from mappings.tables import CONTRACT
    from service.contracts import Contract, contracts_of

    ids = {UUID(run["contract"]) for run in (*told["runs"], *told.get("unfinished", ()))}
    gone = {str(id): Contract(id, "", f"{CONTRACT}({id})", "", 2) for id in ids}
    return gone | {str(one.id): one for one in contracts_of(service.dataverse, ids)}


def _preview(service: App, told: Mapping[str, Any], output: Output) -> None:
    from service.cli.output import Column, as_json, figure, money, say, show

    contracts = _contracts(service, told)
    if output is Output.JSON:
        unfinished = [{name: run[name] for name in ("contract", "day", "command")} for run in told["unfinished"]]
        as_json(_plain(service, told, contracts) | {"above_ceiling": told["above_ceiling"], "unfinished": unfinished})
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
    for run in told["unfinished"]:
        name = contracts[run["contract"]].displayed
        say(f"{name}, due {run['day']}, was called for before; what came of it is looked up first.")
    _say_unfit(service, told)
    for sentence in told["above_ceiling"]:
        say(sentence)


def _tell(service: App, told: Mapping[str, Any], output: Output) -> list[str]:
    """Show what came of each run; their outcomes."""
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
                    ", ".join(invoice["number"] or invoice["id"] for invoice in run.get("invoices", ())),
                    money(_total(run), one.precision, one.currency),
                )
                for run in told["runs"]
            ],
            empty="Nothing is due.",
        )
        from mappings.tables import INVOICE, Ref

        for run in told["runs"]:
            for invoice in run.get("invoices", ()):
                # Beneath the table: an address is longer than a column may be, and is opened, not compared.
                line(link(service.dataverse.url, Ref(INVOICE, UUID(invoice["id"]))))
    _say_unfit(service, told)
    return [run["outcome"] for run in told["runs"]]


def _total(run: Mapping[str, Any]) -> Decimal:
    return Decimal(str(run.get("total", run.get("expected_total", 0))))


def _plain(service: App, told: Mapping[str, Any], contracts: Mapping[str, Contract]) -> dict[str, Any]:
    """As JSON: the runs with their contracts, and the rows that can't be invoiced."""
    from mappings.tables import CONTRACT, Ref
    from service.cli.output import exact
    from service.reconcile_report import link

    def contract(id: str) -> dict[str, object]:
        one = contracts[id]
        url = link(service.dataverse.url, Ref(CONTRACT, one.id))
        return {"id": id, "number": one.number, "name": one.name, "currency": one.currency, "url": url}

    def row(one: Mapping[str, Any]) -> dict[str, Any]:
        return {**one, "url": link(service.dataverse.url, Ref(one["table"], UUID(one["row"])))}

    runs = [
        {name: value for name, value in run.items() if name != "number"}
        | {
            "contract": contract(run["contract"]),
            "total": exact(_total(run), contracts[run["contract"]].precision),
            "because": run.get("because"),
        }
        for run in told["runs"]
    ]
    plain = {"until": told["until"], "runs": runs, "unfit": [row(one) for one in told["unfit"]]}
    return plain | ({"left": told["left"]} if told.get("left") else {})


def _say_unfit(service: App, told: Mapping[str, Any]) -> None:
    from mappings.tables import MILESTONE, Ref
    from service.cli.output import say
    from service.reconcile_report import link

    for one in told["unfit"]:
        what = "Milestone" if one["table"] == MILESTONE else "Schedule row"
        say(f"{what} {one['row']}, due {one['day']}, was left out. {one['why']}")
        say(link(service.dataverse.url, Ref(one["table"], UUID(one["row"]))))
