"""``psa-connector role``: the security roles this service comes with."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, DryRunOption, Output, OutputOption, one_of
from service.cli.register import DEFAULT_SOLUTION, SolutionOption, YesOption

if TYPE_CHECKING:
    from service.roles.applying import Holder
    from service.roles.standing import Standing

app = typer.Typer(help="Security roles: show, make and give them.")


class Name(StrEnum):
    """The roles there are."""

    RUNTIME = "runtime"
    OPERATOR = "operator"
    REGISTRAR = "registrar"


NameArgument = Annotated[Name, typer.Argument(parser=one_of(Name), metavar="runtime|operator|registrar")]


@app.command("show", short_help="Say what a role may do, and why.")
def show_role(
    name: Annotated[Name | None, typer.Argument(parser=one_of(Name), metavar="runtime|operator|registrar")] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only what whoever is signed in lacks of it. Exit code 4: something.")
    ] = False,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say what a role may do and why; without a name, which roles there are.

    Example: psa-connector role show runtime
    """
    from service.cli.role_report import definition, overview

    if name is None:
        if missing:
            raise typer.BadParameter("Say of which role: psa-connector role show runtime --missing")
        overview(output)
    elif missing:
        _missing(name, config, output)
    else:
        definition(name, output)


@app.command("apply", short_help="Create or complete a role, and give it to somebody.")
def apply_role(
    name: NameArgument,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="USER", help="Give it to this user or application user: an id, a name, a sign-in."
        ),
    ] = None,
    solution: SolutionOption = DEFAULT_SOLUTION,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Create or complete a role in the root business unit; a second run changes nothing.

    What it lacks is shown first; what it has beyond its definition stays. Whoever gives privileges must hold them: run
    it as a System Administrator. Exit code 4: something is lacking all the same, or somebody did not agree.

    Example: psa-connector role apply runtime --to "PSA Connector"
    """
    from service.app import dataverse_client
    from service.cli.asking import agreed, will_ask
    from service.cli.output import say
    from service.cli.role_report import applied, in_words, not_there
    from service.roles.applying import give, holder, make
    from service.roles.definition import shipped
    from service.roles.standing import standing
    from service.settings_sources import load

    settings = load(config)
    role = shipped(name)
    client = dataverse_client(settings.dataverse)
    try:
        found = standing(client, role, settings, solution)
        whom = None if to is None else holder(client, to, role.id)
        if dry_run:
            applied(client.url, found, whom, "missing" if found.row is None else "there", found.lacking, output)
            say("Nothing was changed.")
            return
        if _something(found, whom):
            if will_ask(yes=yes, needs_yes=False):
                in_words(found, whom)
            agreed(f"Do this in {client.url}", yes=yes, needs_yes=False)
        lacking = make(client, found)
        if whom is not None and not whom.has_it:
            give(client, found, whom)
        result = "made" if found.row is None else "changed" if found.lacking or found.outside else "already there"
        applied(client.url, found, whom, result, lacking, output, given_to=whom is not None and not whom.has_it)
    finally:
        client.close()
    if lacking:
        names = ", ".join(one.name for one in lacking)
        say(f"Dataverse took the privileges, and the role lacks these all the same: {names}.")
    if found.absent:
        say(not_there(found.absent))
    if found.absent or lacking:
        raise typer.Exit(Exit.WORK_LEFT)


def _something(found: Standing, whom: Holder | None) -> bool:
    """Whether anything would be written."""
    return found.row is None or bool(found.lacking) or found.outside or (whom is not None and not whom.has_it)


def _missing(name: Name, config: ConfigOption, output: Output) -> None:
    from service.app import dataverse_client
    from service.checks.privileges import depths
    from service.cli.role_report import lacked
    from service.roles.definition import DEPTHS, shipped
    from service.roles.standing import privileges_of
    from service.settings_sources import load

    settings = load(config)
    client = dataverse_client(settings.dataverse)
    try:
        wanted, absent = privileges_of(client, shipped(name), settings, by_name=True)
        held = depths(client, client.who_am_i().user_id, [one.name for one in wanted])
        url = client.url
    finally:
        client.close()
    short = [
        (one, held.get(one.name))
        for one in wanted
        if one.name not in held or DEPTHS.index(held[one.name]) < DEPTHS.index(one.depth)
    ]
    lacked(url, name, short, absent, output)
    if short or absent:
        raise typer.Exit(Exit.WORK_LEFT)
