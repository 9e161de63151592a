"""``psa-connector dead-letters``: what was put aside, why, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.dead_letter_options import (
    CodeOption,
    ContractOption,
    Filters,
    Names,
    PersonOption,
    ProjectOption,
    QueueOption,
    SinceOption,
    TableOption,
    UntilOption,
)
from service.cli.exits import Exit
from service.cli.options import ConfigOption, DryRunOption, Output, OutputOption, RequestedByOption, someone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.app import App
    from service.dead_letters.letters import Letter
    from service.dead_letters.rehearsal import Rehearsal

app = typer.Typer(help="Messages that were put aside.", no_args_is_help=True, rich_markup_mode=None)

ReceiptsOption = Annotated[
    Path | None, typer.Option("--receipts", metavar="FILE", help="Append a line of JSON per message to this file.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Even if they are more than the ceiling.")]
AllOption = Annotated[bool, typer.Option("--all", help="All there are, or all of that queue.")]
LimitOption = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="The most that are taken in one go.")
]


@app.callback()
def _group() -> None:
    """Messages that were put aside."""


@app.command("list")
def list_(
    queue: QueueOption = None,
    code: CodeOption = None,
    table: TableOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    person: PersonOption = None,
    project: ProjectOption = None,
    contract: ContractOption = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, max=1000, help="The most that are shown one by one.")
    ] = 20,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what was put aside by its cause, with what to do, and the first ones with whose work it is.

    Nothing is locked or changed. Exit code 4: there are some.

    Example: psa-connector dead-letters list --code price-missing --since 2026-03-01
    """
    from service.cli.dead_letter_options import of_queue, post, told_about, wanted
    from service.cli.dead_letters_report import Causes, letter_as_data, show_causes, show_letters
    from service.cli.output import as_json, say

    filters = Filters(queue, code, table, since, until, person, project, contract)
    with post(config, rows=filters.needs_rows) as (service, found):
        meant, causes = wanted(service, filters), Causes()
        first: list[Letter] = []
        for page in of_queue(found, queue).pages(meant):
            causes.add(page)
            first += page[: limit - len(first)]
        abouts, url = told_about(found, first), service.dataverse.url
        zone = service.settings.business_time_zone
    if output is Output.JSON:
        told = [letter_as_data(one, abouts[one.name], url) for one in first]
        as_json({"total": causes.total, "causes": [one.as_data() for one in causes.most_first], "letters": told})
    else:
        show_causes(causes, zone)
        if first:
            show_letters(first, abouts, url)
        if causes.total > len(first):
            say(f"{len(first)} of {causes.total} are shown one by one; --limit shows more, filters choose.")
    if causes.total:
        raise typer.Exit(Exit.WORK_LEFT)
    if meant.is_nobody:
        raise typer.Exit(Exit.FAILED)


@app.command("show")
def show(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Dead letters as `dead-letters list` names them.")],
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="DIR",
            help="Also write each into this folder as a test fixture: names, texts, amounts and ids replaced.",
        ),
    ] = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show everything about single ones, and what sending them again would come to now. Writes nothing in Dataverse.

    Example: psa-connector dead-letters show approvals/42
    """
    from service.cli.dead_letter_options import named, post, told_about
    from service.cli.dead_letters_report import letter_as_data, replay_as_data, show_one, whole_as_data
    from service.cli.output import as_json

    with post(config, rows=False) as (service, found):
        letters, gone = named(found, names)
        abouts = told_about(found, letters)
        replays = _rehearsal(service).of(letters, abouts) if found.subjects is not None else {}
        url, zone = service.dataverse.url, service.settings.business_time_zone
    if output is Output.JSON:
        as_json(
            [
                {
                    **letter_as_data(one, abouts[one.name], url),
                    **whole_as_data(one),
                    "replay": replay_as_data(replays[one.name]) if one.name in replays else None,
                }
                for one in letters
            ]
        )
    else:
        for one in letters:
            show_one(one, abouts[one.name], url, zone, replays.get(one.name))
    if export is not None:
        _export(letters, export)
    if gone:
        raise typer.Exit(Exit.FAILED)


@app.command("replay")
def replay(
    names: Names = None,
    everything: AllOption = False,
    queue: QueueOption = None,
    code: CodeOption = None,
    table: TableOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    person: PersonOption = None,
    project: ProjectOption = None,
    contract: ContractOption = None,
    limit: LimitOption = 10_000,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what each would come to now, by the service's own rules; send none.")
    ] = False,
    yes: YesOption = False,
    receipts: ReceiptsOption = None,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Send messages again, and take them out of the dead letters. However often: nothing is written twice by that.

    Exit code 4: something is left. After Ctrl-C the same command goes on.

    Example: psa-connector dead-letters replay --code price-missing --dry-run
    """
    filters = Filters(queue, code, table, since, until, person, project, contract)
    _must_say_which(names, filters, everything=everything)

    from handlers.command_record import Kind
    from service.cli import dead_letters_carried_out as carried_out
    from service.cli.dead_letter_options import post

    with post(config, rows=True) as (service, found):
        chosen = carried_out.chosen(service, found, filters, names or (), limit)
        if dry_run:
            carried_out.rehearse(service, chosen, _rehearsal(service), output)
            return
        how = carried_out.How(Kind.REPLAY, "", requested_by or someone(), yes, receipts, output)
        carried_out.carry_out(service, chosen, how)


@app.command("discard")
def discard(
    names: Names = None,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why nobody needs them; kept in the record of the command.")
    ] = "",
    everything: AllOption = False,
    queue: QueueOption = None,
    code: CodeOption = None,
    table: TableOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    person: PersonOption = None,
    project: ProjectOption = None,
    contract: ContractOption = None,
    limit: LimitOption = 10_000,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    receipts: ReceiptsOption = None,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Remove messages for good, for a reason that is kept with what they were about. Exit code 4: something is left.

    Example: psa-connector dead-letters discard approvals/42 --reason "Reversed by journal J-17"
    """
    filters = Filters(queue, code, table, since, until, person, project, contract)
    _must_say_which(names, filters, everything=everything)
    if not reason.strip() and not dry_run:
        raise typer.BadParameter("Say why nobody needs them, with --reason; it is kept.")
    if len(reason) > 1000:
        raise typer.BadParameter("A reason has 1000 characters at the most.")

    from handlers.command_record import Kind
    from service.cli import dead_letters_carried_out as carried_out
    from service.cli.dead_letter_options import post

    with post(config, rows=True) as (service, found):
        chosen = carried_out.chosen(service, found, filters, names or (), limit)
        if dry_run:
            carried_out.preview(service, chosen, output)
            return
        how = carried_out.How(Kind.DISCARD, reason.strip(), requested_by or someone(), yes, receipts, output)
        carried_out.carry_out(service, chosen, how)


def _must_say_which(names: Sequence[str] | None, filters: Filters, *, everything: bool) -> None:
    others = Filters(**{**{one: getattr(filters, one) for one in Filters.__slots__}, "queue": None})
    if names and (everything or not filters.is_empty):
        raise typer.BadParameter("Name dead letters, or choose them by filters or --all; not both.")
    if everything and not others.is_empty:
        raise typer.BadParameter("--all goes with --queue alone; leave it out, as filters choose.")
    if not names and not everything and others.is_empty:
        raise typer.BadParameter("Name dead letters, or choose them by filters; all there are: --all.")


def _rehearsal(service: App) -> Rehearsal:
    from service.dead_letters.rehearsal import Rehearsal

    bus = service.settings.servicebus
    queues = (bus.approvals_queue, bus.commands_queue)
    pipelines = dict(zip(queues, service.pipelines, strict=True))
    return Rehearsal(pipelines, service.dataverse, any_organization=service.settings.organization_id is None)


def _export(letters: Sequence[Letter], folder: Path) -> None:
    """Write each that can be scrubbed; a file that is there is not written over."""
    import json
    from uuid import uuid4

    from service.cli.output import say
    from service.dead_letters.scrubbing import NotScrubbed, Scrubber

    scrubber, left = Scrubber(uuid4()), False
    for one in letters:
        file = folder / f"{one.queue.replace('/', '-')}-{one.put_aside.sequence}.json"
        try:
            fixture = scrubber.fixture(one)
            folder.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as written:
                written.write(json.dumps(fixture, indent=2) + "\n")
        except (NotScrubbed, OSError) as error:
            left = True
            say(f"Not written: {error}")
        else:
            say(f"Written: {file}")
    if left:
        raise typer.Exit(Exit.FAILED)
