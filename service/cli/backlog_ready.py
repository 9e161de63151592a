"""``psa-connector backlog ready``, ``not-ready`` and ``resume``: marking rows, and taking the mark off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

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
    ToOption,
    Which,
    filter_of,
)
from service.cli.exits import Exit
from service.cli.options import (
    ConfigOption,
    DryRunOption,
    Output,
    OutputOption,
    RequestedByOption,
    command_id,
    one_of,
    row_id,
    someone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mappings.messages import Marking
    from service.app import App
    from service.backlog_view import BacklogLine
    from service.marking import Marked, Preview

BacklogArgument = Annotated[Which, typer.Argument(parser=one_of(Which), metavar="BACKLOG", help=f"{WHICH_ONE}.")]
RowsArgument = Annotated[
    list[UUID] | None, typer.Argument(parser=row_id, metavar="ID", help="Ids of the rows that are meant.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Whatever can be, on every contract.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Carry on even above the ceilings.")]


def ready(
    backlog: BacklogArgument,
    rows: RowsArgument = None,
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
    everything: AllOption = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Mark rows ready to invoice. Exit code 4: some were not, and why is shown.

    Example: psa-connector backlog ready time-and-material --contract ORD-C1 --dry-run
    """
    asked = Asked(contract, customer, project, resource, role, of_class, dated_from, dated_to, at_least, at_most)
    _mark("mark-ready", backlog, rows or [], asked, everything, yes, dry_run, requested_by, config, output)


def not_ready(
    backlog: BacklogArgument,
    rows: RowsArgument = None,
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
    everything: AllOption = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take the mark off rows that are ready. Exit code 4: some kept it, and why is shown.

    Example: psa-connector backlog not-ready milestones --contract ORD-C2
    """
    asked = Asked(contract, customer, project, resource, role, of_class, dated_from, dated_to, at_least, at_most)
    _mark("mark-not-ready", backlog, rows or [], asked, everything, yes, dry_run, requested_by, config, output)


def resume(
    command: Annotated[
        list[UUID],
        typer.Argument(
            parser=command_id, metavar="COMMAND", help="Ids of commands that were broken off, or of their records."
        ),
    ],
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Carry commands on that were broken off: the rows they selected, and no others.

    Example: psa-connector backlog resume 3b1c7f6e-0000-4000-8000-000000000001
    """
    from service.cli.output import say
    from service.cli.session import session
    from service.marking import recorded

    with session(config) as service:
        found = recorded(service, command)
        unknown = [id for id in command if id not in found]
        for id in unknown:
            say(f"{id} is no command to mark that was recorded here; nothing came of it, so give it anew.")
        _carry_out(service, list(found.values()), output)
    if unknown:
        raise typer.Exit(Exit.FAILED)


def _mark(
    kind: str,
    backlog: Which,
    rows: list[UUID],
    asked: Asked,
    everything: bool,
    yes: bool,
    dry_run: bool,
    requested_by: str | None,
    config: Path | None,
    output: Output,
) -> None:
    if sum((bool(rows), any(_given(asked)), everything)) != 1:
        raise typer.BadParameter("Name row ids, or say by options like --contract which are meant, or --all.")

    from mappings.backlog import Backlog
    from mappings.business_date import business_date
    from mappings.marking import Mark
    from service.backlog_view import Review
    from service.cli.output import say
    from service.cli.session import session
    from service.marking import Preview, ceiling_of, commands, selection

    mark, who = Mark(kind), requested_by or someone()
    with session(config) as service:
        found = Preview(mark, Backlog(backlog))
        zone = service.settings.business_time_zone
        today = business_date(service.now(), zone)
        review = Review(service.dataverse, zone, today, service.rules.profile.not_to_exceed)
        pages = found.pages(review, selection(mark, rows, filter_of(service, asked, found.backlog)))
        if dry_run:
            _show(found, pages, output)
            return
        for _ in pages:
            pass
        say(_how_much(found))
        if (above := found.above(ceiling_of(service))) and not yes:
            say(f"{' '.join(above)} Nothing was done. If that is meant, say --yes.")
            raise typer.Exit(Exit.WORK_LEFT)
        _carry_out(service, list(commands(mark, found.backlog, who, found.every)), output)


def _given(asked: Asked) -> Iterator[bool]:
    for value in vars(asked).values():
        yield value not in (None, [])


def _how_much(found: Preview) -> str:
    rows = "1 row" if len(found.rows) == 1 else f"{len(found.rows)} rows"
    worth = ", ".join(f"{amount:,f} {code}".strip() for code, amount in sorted(found.sums.items()))
    aside = (
        f"; {len(found.already)} so already, {len(found.refused)} can't be" if found.already or found.refused else ""
    )
    return f"To be {found.mark.done}: {rows} of {found.backlog}, {worth or 'of no amount'}{aside}."


def _show(found: Preview, pages: Iterator[list[BacklogLine]], output: Output) -> None:
    from service.cli.backlog_report import as_data, rows_as_table
    from service.cli.output import as_json, say

    word = "mark" if found.mark.done == "marked" else "unmark"
    if output is Output.JSON:
        lines = [as_data(line) for page in pages for line in page]
        refused = {str(id): why for id, why in found.refused.items()}
        already = [str(id) for id in found.already]
        as_json({f"would_{word}": lines, "already": already, "would_refuse": refused})
    else:
        say(f"These rows would be {found.mark.done}:")
        rows_as_table(found.backlog, pages)
        _show_rows("Would be refused", [(str(id), why) for id, why in found.refused.items()])
    say(_how_much(found))
    if found.refused:
        raise typer.Exit(Exit.WORK_LEFT)


def _carry_out(service: App, given: list[Marking], output: Output) -> None:
    from service.cli.output import say
    from service.marking import carry_out

    done = []
    for number, command in enumerate(given, 1):
        # Said before it is carried out: whoever closes the window knows how to go on.
        say(f"Command {command.command}.")
        done.append(carry_out(service, command))
        if len(given) > 1:
            say(f"{number} of {len(given)} commands carried out.")
    _tell(done, output)


def _tell(done: list[Marked], output: Output) -> None:
    from service.cli.output import Column, as_json, figure, key, say, show

    refused = [(str(id), why) for one in done for id, why in one.outcome.refused.items()]
    changed = [(str(id), why) for one in done for id, why in one.outcome.changed.items()]
    if output is Output.JSON:
        as_json(
            [
                {"command": one.command, "backlog": one.backlog, **one.outcome.as_data(), "failure": one.failure}
                for one in done
            ]
        )
    else:
        columns = (figure("Done"), figure("Already"), figure("Refused"), figure("Changed"))
        show(
            "What came of it",
            (key("Command"), Column("Backlog"), *columns),
            [
                (
                    str(one.command),
                    one.backlog.value,
                    *(
                        str(len(part))
                        for part in (one.outcome.done, one.outcome.already, one.outcome.refused, one.outcome.changed)
                    ),
                )
                for one in done
            ],
            empty="No row was selected, so nothing was done.",
        )
        _show_rows("Refused", refused)
        _show_rows("Changed by somebody else, and left alone", changed)
    failed = [one for one in done if one.failure is not None]
    for one in failed:
        say(f"{one.failure} Carry it on with `psa-connector backlog resume {one.command}`.")
    if failed or refused or changed:
        raise typer.Exit(Exit.FAILED if failed else Exit.WORK_LEFT)


def _show_rows(title: str, rows: list[tuple[str, str]]) -> None:
    from service.cli.output import Column, key, show

    if rows:
        show(title, (key("Row"), Column("Why")), rows)
