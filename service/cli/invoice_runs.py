"""``psa-connector invoice runs``: the runs that were begun, and what came of their contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, Output, OutputOption
from service.unreadable import UNREADABLE

if TYPE_CHECKING:
    from service.run_records import Recorded

app = typer.Typer(help="Runs over many contracts.", no_args_is_help=True, rich_markup_mode=None)


def run_id(text: str) -> UUID:
    """The id of a run, as it is displayed."""
    try:
        return UUID(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no id of a run; `psa-connector invoice runs list` shows them."
        ) from error


@app.callback()
def _group() -> None:
    """Runs over many contracts."""


@app.command("list")
def list_(
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="The most runs that are shown.")
    ] = 20,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the latest runs, who asked, and how far they came.

    Example: psa-connector invoice runs list
    """
    from service.cli.output import Column, as_json, figure, key, moment, show
    from service.cli.session import session
    from service.run_records import latest

    with session(config) as service:
        found = latest(service.dataverse, limit)
        zone = service.settings.business_time_zone
    if output is Output.JSON:
        as_json([_plain(run) for run in found])
        return
    told = (Column("Begun"), Column("Asked by"), Column("State"), figure("Contracts"), Column("Outcomes"))
    show(
        "Runs",
        (key("Run"), *told),
        [
            (
                str(run.id),
                moment(run.asked_on, zone),
                run.requested_by,
                _state(run),
                str(len(run.contracts)),
                ", ".join(f"{count} {word}" for word, count in run.ended.items()) or "see `invoice runs show`",
            )
            for run in found
        ],
        empty="No run was begun yet.",
    )


@app.command("show")
def show_(
    run: Annotated[UUID, typer.Argument(parser=run_id, metavar="RUN", help="The id of a run.")],
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what came of each contract of a run, from what is recorded; exit code 4: some need a look.

    Example: psa-connector invoice runs show 3b1c7f6e-0000-4000-8000-000000000001
    """
    from mappings.invoice_run import Outcome
    from service.cli.output import Column, as_json, figure, key, line, money, say, show
    from service.cli.run_report import NEEDS_A_LOOK, how_to_go_on, links, plain, sentences
    from service.cli.session import session
    from service.run_records import NoSuchRun, shown

    with session(config) as service:
        url = service.dataverse.url
        try:
            recorded, ended, open = shown(service.dataverse, run)
        except NoSuchRun as error:
            say(str(error))
            raise typer.Exit(Exit.FAILED) from error
    left = len(open) + sum(not one.outcome.is_final for one in ended)
    if output is Output.JSON:
        told = [plain(one, url) for one in ended]
        nothing = [{"id": one.id, "number": one.number, "name": one.name} for one in open]
        as_json({**_plain(recorded), "contracts": told, "nothing_recorded": nothing})
    else:
        show(
            f"Run {run} of {recorded.requested_by}",
            (Column("Contract"), Column("Outcome"), key("Invoice"), figure("Total before tax")),
            [
                *(
                    (
                        one.contract.displayed,
                        f"{one.outcome.value}: {one.because}" if one.because else one.outcome.value,
                        ", ".join(one.invoices),
                        money(one.total, one.contract.precision, one.contract.currency) if one.invoices else "",
                    )
                    for one in ended
                ),
                *((one.displayed, "nothing recorded", "", "") for one in open),
            ],
        )
        for one in ended:
            if not one.outcome.is_final:
                line(f"{one.contract.displayed}: {' '.join(links(one, url))}")
            for sentence in sentences(one.differences):
                line(f"{one.contract.displayed}: {sentence}")
    if left:
        in_doubt = sum(one.outcome is Outcome.IN_DOUBT for one in ended)
        say(how_to_go_on(run, left, in_doubt, may_be_at_work=not recorded.is_done))
    if left or any(one.outcome in NEEDS_A_LOOK for one in ended):
        raise typer.Exit(Exit.WORK_LEFT)


def _state(run: Recorded) -> str:
    word = {"not-finished": "not finished", "left": f"{run.left} left"}.get(_word(run), _word(run))
    return f"{word}, {run.untold} not announced" if run.untold else word


def _word(run: Recorded) -> str:
    if not run.is_readable:
        return UNREADABLE
    if not run.is_done:
        return "not-finished"
    return "left" if run.left else "done"


def _plain(run: Recorded) -> dict[str, object]:
    return {
        "run": run.id,
        "begun": run.asked_on.isoformat(),
        "requested_by": run.requested_by,
        "state": _word(run),
        "not_announced": run.untold,
        "expected": run.expected,
        "ended": run.ended,
        "contracts": len(run.contracts),
    }
