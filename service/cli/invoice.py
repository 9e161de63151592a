"""``psa-connector invoice``: creating the invoices of contracts, one or many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from service.cli import invoice_runs
from service.cli.backlog_options import CustomerOption
from service.cli.exits import INTERRUPTED, Exit
from service.cli.invoice_resolve import resolve_invoice
from service.cli.invoice_show import list_invoices, show_invoice
from service.cli.options import ConfigOption, DryRunOption, Output, OutputOption, RequestedByOption, someone

if TYPE_CHECKING:
    from mappings.contract_filter import ContractFilter
    from mappings.messages import CreateManyInvoices
    from service.app import App
    from service.invoice_runs import Run

STOPPING = "Asked to stop: what is at work is finished first; ask again to end at once."

app = typer.Typer(help="Project invoices.", no_args_is_help=True, rich_markup_mode=None)
app.command("list", short_help="Show the invoices.")(list_invoices)
app.command("show", short_help="Show one with its lines and details.")(show_invoice)
app.command("resolve", short_help="Say what came of a call that is in doubt.")(resolve_invoice)
app.add_typer(invoice_runs.app, name="runs")


@app.callback()
def _group() -> None:
    """Project invoices."""


@app.command("create")
def create(
    contracts: Annotated[
        list[str] | None, typer.Argument(metavar="CONTRACT", help="Contracts by id, number or name.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every project contract.")] = False,
    due: Annotated[
        bool,
        typer.Option(
            "--due",
            help="Instead: what is due by schedule, by today or by the DATE that follows; of the contracts named, or "
            "all.",
        ),
    ] = False,
    customer: CustomerOption = None,
    currency: Annotated[
        list[str] | None,
        typer.Option("--currency", metavar="CODE", help="Contracts in a currency by its ISO code; may be repeated."),
    ] = None,
    owner: Annotated[
        list[str] | None,
        typer.Option(
            "--owner", metavar="OWNER", help="Contracts of an owner, a user or team, by id or name; may be repeated."
        ),
    ] = None,
    resume: Annotated[
        UUID | None,
        typer.Option(
            "--resume", parser=invoice_runs.run_id, metavar="RUN", help="Instead: carry a run on that was broken off."
        ),
    ] = None,
    unless_paused: Annotated[
        bool,
        typer.Option("--unless-paused", help="With --due, for a scheduled job: nothing while the services are paused."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Carry on even above the ceilings.")] = False,
    dry_run: DryRunOption = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Create each contract's invoice from what is ready on it, once. Exit code 1: some failed; 4: some need a look.

    Example: psa-connector invoice create ORD-C1 ORD-C2 --dry-run
    """
    if due:
        if everything or customer or currency or owner or resume is not None:
            raise typer.BadParameter("--due is for what is due; name a DATE and contracts with it, or nothing.")
        from service.cli.invoice_due import create_due

        create_due(contracts or [], yes, dry_run, requested_by or someone(), config, output, unless_paused)
        return
    if unless_paused:
        raise typer.BadParameter("--unless-paused belongs to --due.")
    filters = bool(customer or currency or owner)
    chosen = {"contracts by name": bool(contracts), "--all": everything, "--resume": resume is not None}
    chosen["--customer, --currency and --owner"] = filters
    if len(both := [way for way, is_chosen in chosen.items() if is_chosen]) > 1:
        raise typer.BadParameter(f"{' and '.join(both)} don't go together.")
    if not both:
        raise typer.BadParameter(
            "Name contracts, or --all. Or say by --customer, --currency or --owner which are meant, or --resume a run."
        )
    if resume is not None and dry_run:
        raise typer.BadParameter("What is left of a run, `invoice runs show` tells; leave --dry-run out.")

    from service.cli.session import session

    who = requested_by or someone()
    with session(config) as service:
        if resume is not None:
            _carry_out(service, _resumed(service, resume, yes, output), output)
            return
        from uuid import uuid4

        from mappings.messages import CreateManyInvoices

        named, where = _meant(service, contracts, customer, currency, owner)
        asked = CreateManyInvoices(
            command=uuid4(), requested_by=who, contracts=tuple(named), where=where, everything=everything
        )
        _begin(service, asked, yes, dry_run, output)


def _meant(
    service: App,
    contracts: list[str] | None,
    customer: list[str] | None,
    currency: list[str] | None,
    owner: list[str] | None,
) -> tuple[list[UUID], ContractFilter | None]:
    """The contracts that are named, or the filter that is; names that lead nowhere end the command."""
    from mappings.contract_filter import ContractFilter
    from service.cli.output import say
    from service.cli.session import chosen_contracts
    from service.rows_named import NoSuchRow, ids_named

    if contracts:
        return [one.id for one in chosen_contracts(service, contracts)], None
    if not (customer or currency or owner):
        return [], None
    try:
        customers, owners = (
            ids_named(service.dataverse, what, names or ())
            for what, names in (("customer", customer), ("owner", owner))
        )
    except NoSuchRow as error:
        say(str(error))
        raise typer.Exit(Exit.FAILED) from error
    return [], ContractFilter(customers=customers, owners=owners, currencies=tuple(currency or ()))


def _begin(service: App, asked: CreateManyInvoices, yes: bool, dry_run: bool, output: Output) -> None:
    """Show what is due; then, unless it is too much for that, write the run down and carry it out."""
    from handlers.fixed_point import AgainstTheRules
    from service.cli.output import as_json, line, say
    from service.cli.refused import refused, too_much
    from service.cli.run_report import how_long, how_much, show_preview
    from service.contracts import contracts_of
    from service.invoice_runs import previewed
    from service.run_records import begin, preview

    facts = preview(service, asked)
    over = " ".join(facts.over)
    by_id = {one.id: one for one in contracts_of(service.dataverse, [due.contract for due in facts.preview.due])}
    chosen = [by_id[due.contract] for due in facts.preview.due if due.contract in by_id]
    if dry_run:
        show_preview(previewed(service, chosen, asked.requested_by), output)
        if chosen:
            say(how_much(facts.preview))
        if over:
            say(f"{over} It would be done with --yes only.")
        return
    if not chosen:
        as_json([]) if output is Output.JSON else line("There is no such project contract.")
        if asked.where is not None and asked.where.currencies:
            say(f"No project contract in {', '.join(asked.where.currencies)} meets what was asked for.")
            raise typer.Exit(Exit.FAILED)
        return
    if len(chosen) > 1:
        say(how_much(facts.preview))
    if over and not yes:
        raise too_much(over, output)
    if len(facts.preview.with_work) > 1:
        say(how_long(facts.preview))
    fixed = asked.model_copy(
        update={"contracts": tuple(one.id for one in chosen), "where": None, "everything": False, "confirmed": yes}
    )
    try:
        run = begin(service, fixed, facts, chosen)
    except AgainstTheRules as rule:
        # It has grown since it was looked at.
        raise refused(rule.code, rule.sentence, output) from rule
    _carry_out(service, run, output)


def _resumed(service: App, id: UUID, yes: bool, output: Output) -> Run:
    """The run, unless what is left of it has become more than was confirmed, and more than may be done unasked."""
    from service.cli.output import say
    from service.cli.refused import too_much
    from service.cli.run_report import how_much
    from service.run_records import NoSuchRun, resumed

    try:
        found = resumed(service, id, confirmed=yes)
    except NoSuchRun as error:
        say(str(error))
        raise typer.Exit(Exit.FAILED) from error
    run, done = found.run, len(found.run.quiet)
    say(f"Run {id} of {found.record.requested_by}: {done} of {len(run.contracts)} contracts are done.")
    if found.due.rows:
        say(how_much(found.due))
    if found.over:
        raise too_much(" ".join(found.over), output)
    return run


def _carry_out(service: App, run: Run, output: Output) -> None:
    """Say each contract's outcome as it comes, and at last what came of all; the worst of them is the exit code."""
    from dataclasses import replace

    from mappings.invoice_run import Outcome
    from service.announcing import announcing
    from service.cli.output import say
    from service.cli.run_report import Report, how_to_go_on, not_announced
    from service.interruption import asked_to_stop
    from service.run_records import end

    count = len(run.contracts)
    say(f"Run {run.id}: {'1 contract' if count == 1 else f'{count} contracts'}.")
    at_once = service.settings.invoices.concurrency
    with asked_to_stop(lambda: say(STOPPING), f"invoice create --resume {run.id}") as stop:
        report = Report(run, output, service.dataverse.url)
        try:
            run = replace(run, announcing=announcing(service.settings.servicebus, service.bus, service.now))
            report.tell(run.carry_out(service, at_once, stop))
        finally:
            unwritten = end(service.dataverse, run, report.ended)
    if unwritten is not None:
        say(f"What came of the run could not be written into its record: {unwritten.sentence} ({unwritten.code})")
    report.sum_up()
    if untold := [one for one in report.ended if one.untold]:
        say(not_announced(run.id, untold))
    left = len(run.contracts) - sum(one.outcome.is_final for one in report.ended)
    if left:
        say(how_to_go_on(run.id, left, sum(one.outcome is Outcome.IN_DOUBT for one in report.ended)))
    if len(report.ended) < len(run.contracts):
        raise typer.Exit(Exit.FAILED if report.failed else INTERRUPTED)
    if report.failed:
        raise typer.Exit(Exit.FAILED)
    if report.needs_a_look or untold:
        raise typer.Exit(Exit.WORK_LEFT)
