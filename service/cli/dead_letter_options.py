"""Which dead letters are meant, by the options of a command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.days import day
from service.cli.exits import Exit

if TYPE_CHECKING:
    from service.app import App
    from service.dead_letters.choosing import Post, Wanted
    from service.dead_letters.letters import Letter, Parse
    from service.dead_letters.subjects import About

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="Dead letters as `dead-letters list` names them: approvals/42."),
]
QueueOption = Annotated[
    str | None, typer.Option(metavar="QUEUE", help="Of this queue alone. [default: events and commands]")
]
CodeOption = Annotated[
    list[str] | None, typer.Option("--code", metavar="CODE", help="Put aside under this code; may be repeated.")
]
TableOption = Annotated[
    list[str] | None,
    typer.Option(
        "--table", metavar="TABLE", help="About rows of this table, or this kind of command; may be repeated."
    ),
]
SinceOption = Annotated[
    date | None, typer.Option(parser=day, metavar="DATE", help="First came on this business day or later.")
]
UntilOption = Annotated[
    date | None, typer.Option(parser=day, metavar="DATE", help="First came on this business day or before.")
]
PersonOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Work of this person, or commands they gave; by name or id.")
]
ProjectOption = Annotated[str | None, typer.Option(metavar="PROJECT", help="Work on this project, by name or id.")]
ContractOption = Annotated[
    str | None, typer.Option(metavar="CONTRACT", help="Work or commands on this contract, by id, number or name.")
]


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for, as it was typed."""

    queue: str | None = None
    codes: Sequence[str] | None = None
    tables: Sequence[str] | None = None
    since: date | None = None
    until: date | None = None
    person: str | None = None
    project: str | None = None
    contract: str | None = None

    @property
    def needs_rows(self) -> bool:
        """It takes rows of Dataverse to tell."""
        return not (self.person is None and self.project is None and self.contract is None)

    @property
    def is_empty(self) -> bool:
        """Nothing is asked for."""
        return not any((self.queue, self.codes, self.tables, self.since, self.until)) and not self.needs_rows


@contextmanager
def post(config: Path | None, *, rows: bool) -> Iterator[tuple[App, Post]]:
    """The service, and the dead letters of its two queues.

    Where rows are not needed, they are shown without names as long as Dataverse can't be asked.
    """
    from functools import partial

    from connector.errors import ConnectorError
    from handlers.parsing import parse_command, parse_event
    from service.app import compose
    from service.cli.output import say
    from service.dead_letters.boxes import opened
    from service.dead_letters.choosing import Post
    from service.dead_letters.subjects import Subjects
    from service.far_side import TAG
    from service.settings_sources import load
    from service.signing_in import access_to

    app = compose(load(config))
    try:
        organization, subjects = app.settings.organization_id, None
        try:
            app.check()
            organization = organization or app.probe.who_am_i().organization_id
            profile = app.profile
            subjects = Subjects(
                app.dataverse, app.settings.business_time_zone, lambda table: profile.day_of(table) if profile else None
            )
        except ConnectorError as failure:
            if rows:
                raise
            say(f"Without names, as Dataverse can't be asked: {failure.sentence} ({failure.code})")
        bus = app.settings.servicebus
        parses: dict[str, Parse] = {
            bus.approvals_queue: partial(parse_event, organization=organization, own_tag=TAG),
            bus.commands_queue: parse_command,
        }
        with opened(lambda queue: access_to(queue, bus, app.bus)) as boxes:
            yield app, Post(boxes, parses, subjects)
    finally:
        app.close()


def of_queue(found: Post, queue: str | None) -> Post:
    """The dead letters of that queue alone, if one is named."""
    if queue is None:
        return found
    if queue not in found.parses:
        known = ", ".join(found.parses)
        raise typer.BadParameter(f"{queue!r} is no queue that the settings name; they name {known}.")
    return replace(found, parses={queue: found.parses[queue]})


def named(found: Post, names: Sequence[str]) -> tuple[list[Letter], list[str]]:
    """The ones of these names, and the names of those that are gone, which are said. Where none is left it ends."""
    from service.cli.output import say

    letters: dict[str, Letter] = {}
    gone = []
    for name in dict.fromkeys(names):
        try:
            letter = found.named(name)
        except ValueError:
            shown = f"`psa-connector dead-letters list` shows names like {next(iter(found.parses))}/42."
            raise typer.BadParameter(f"{name!r} names no dead letter; {shown}") from None
        if letter is None:
            gone.append(name)
        else:
            # One and the same may be written in several ways: commands/2, commands/002.
            letters[letter.name] = letter
    if gone:
        say(f"No longer there: {', '.join(gone)}.")
    if not letters:
        raise typer.Exit(Exit.FAILED)
    return list(letters.values()), gone


def told_about(found: Post, letters: Sequence[Letter]) -> dict[str, About]:
    """What each is about; where that can't be read it is said, and they are shown all the same."""
    from connector.errors import ConnectorError
    from service.cli.output import say
    from service.dead_letters.subjects import NOTHING

    try:
        return found.about(letters)
    except ConnectorError as failure:
        say(f"Without names, as they can't be read: {failure.sentence} ({failure.code})")
        return {one.name: NOTHING for one in letters}


def wanted(app: App, filters: Filters) -> Wanted:
    """What is meant; names that lead nowhere end the command."""
    from service.cli.output import say
    from service.cli.session import chosen_contracts
    from service.dead_letters.choosing import Wanted
    from service.dead_letters.subjects import projects_of
    from service.rows_named import NoSuchRow, ids_named

    zone = app.settings.business_time_zone
    meant = Wanted(
        codes=frozenset(filters.codes or ()),
        kinds=frozenset(filters.tables or ()),
        since=None if filters.since is None else datetime.combine(filters.since, time.min, zone),
        before=None if filters.until is None else datetime.combine(filters.until + timedelta(days=1), time.min, zone),
    )
    if filters.person is not None:
        try:
            people = ids_named(app.dataverse, "resource", [filters.person])
        except NoSuchRow as error:
            people = ()
            say(f"{error} Commands that were given by that name are looked for alone.")
        meant = replace(meant, people=frozenset(people), asking=filters.person)
    if filters.project is not None:
        try:
            meant = replace(meant, projects=frozenset(ids_named(app.dataverse, "project", [filters.project])))
        except NoSuchRow as error:
            say(str(error))
            raise typer.Exit(Exit.FAILED) from error
    if filters.contract is not None:
        (contract,) = chosen_contracts(app, [filters.contract])
        of = projects_of(contract.id, app.dataverse)
        meant = replace(meant, contracts=frozenset([contract.id]), of_contracts=of)
    return meant
