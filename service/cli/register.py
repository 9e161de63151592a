"""``psa-connector register``: makes an environment ready for the service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, DryRunOption, Output, OutputOption

if TYPE_CHECKING:
    from connector.dataverse.client import DataverseClient
    from service.registering.difference import Item
    from service.registering.wanted import EventQueue
    from service.settings import Settings

DEFAULT_SOLUTION = "PSAConnector"
NOTHING_YET = " Nothing was registered. Mend it, or use --no-check where only Dataverse can reach the queue."


def _unique_name(text: str) -> str:
    if not text.isascii() or not text.replace("_", "").isalnum() or text[0].isdigit() or len(text) > 65:
        raise typer.BadParameter(f"{text!r} is no unique name of a solution: letters, digits and _ only.")
    return text


SolutionOption = Annotated[
    str, typer.Option("--solution", metavar="NAME", parser=_unique_name, help="The solution that holds all of it.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


def register(
    renew_key: Annotated[
        bool, typer.Option("--renew-key", help="Hand the key to an existing service endpoint again.")
    ] = False,
    switch_on: Annotated[bool, typer.Option("--switch-on", help="Switch steps on that are switched off.")] = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Don't try whether the sender's key opens the queue from here.")
    ] = False,
    solution: SolutionOption = DEFAULT_SOLUTION,
    package: Annotated[
        Path | None,
        typer.Option("--package", metavar="FILE.zip", help="Write the solution as a file for other environments."),
    ] = None,
    managed: Annotated[bool, typer.Option("--managed", help="With --package: as a managed solution.")] = False,
    bind: Annotated[
        bool,
        typer.Option("--bind", help="After importing the file: set only the endpoint's address and key here."),
    ] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Install the command table, the service endpoint and its steps in Dataverse; a second run changes nothing.

    What is missing or differs is shown first; at a terminal it is asked about, elsewhere what is there already is only
    changed with --yes. Before anything is changed, the queue is opened with the sender's key. Needs somebody who may
    customize the system (`psa-connector role show registrar`), and PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER. Exit code 4:
    a step is switched off (with --bind also: missing, or not as it should be), or somebody did not agree.

    Example: psa-connector register --dry-run
    """
    _usage(renew_key, switch_on, package, managed, bind, dry_run)
    from service.event_sender import VARIABLE
    from service.settings_sources import load

    if package is not None:
        _package(load(config), solution, package, managed, yes, output)
        return
    settings = load(config, also=[VARIABLE])
    _register(settings, None if bind else solution, renew_key, switch_on, no_check, dry_run, yes, output)


def _usage(renew_key: bool, switch_on: bool, package: Path | None, managed: bool, bind: bool, dry_run: bool) -> None:
    if package is not None and (bind or renew_key or switch_on or dry_run):
        raise typer.BadParameter("--package only writes a file; it goes with --solution, --managed and --yes.")
    if managed and package is None:
        raise typer.BadParameter("--managed says how --package writes its file.")
    if bind and switch_on:
        raise typer.BadParameter("--bind sets address and key only; `psa-connector register --switch-on` is for steps.")


def _register(
    settings: Settings,
    solution: str | None,
    renew_key: bool,
    switch_on: bool,
    no_check: bool,
    dry_run: bool,
    yes: bool,
    output: Output,
) -> None:
    from service.app import dataverse_client
    from service.cli.asking import agreed, will_ask
    from service.cli.output import say
    from service.cli.registered_report import of_items, of_registered, report
    from service.event_sender import check, event_queue
    from service.registering.binding import silent_steps
    from service.registration import carry_out

    events = event_queue(settings.servicebus)
    if not no_check:
        # The key is tried before it replaces one that works.
        check(settings.servicebus, NOTHING_YET)
    client = dataverse_client(settings.dataverse)
    try:
        items = _items(client, events, solution, renew_key, switch_on)
        writes = sum(len(one.writes) for one in items)
        if dry_run:
            report(f"Would be registered in {client.url}", client.url, of_items(items), output)
            say(f"{writes} requests would be sent; nothing was changed.")
            _told(silent_steps(client) if solution is None else _off(items))
            return
        if writes:
            needs_yes = any(one.changes for one in items)
            if will_ask(yes=yes, needs_yes=needs_yes):
                report(f"To be registered in {client.url}", client.url, of_items(items), Output.TABLE, on_stderr=True)
            agreed(f"Register this in {client.url}", yes=yes, needs_yes=needs_yes)
        done = carry_out(client, items)
        report(f"Registered in {client.url}", client.url, of_registered(done), output)
        silent = silent_steps(client) if solution is None else _off(items)
    finally:
        client.close()
    say(f"Whether the key {events.key_name} may do more than send can't be seen from here; look at its policy.")
    if not writes:
        there = "The endpoint was bound" if solution is None else "Everything was there"
        say(f"{there} already; nothing was changed. A key can't be read back: --renew-key hands it over.")
    _told(silent)


def _off(items: Sequence[Item]) -> list[str]:
    """Steps that stay switched off, each in a sentence."""
    from service.registering.difference import Standing

    return [
        f"The step on {one.name} is switched off: its events are not posted until it is switched on (--switch-on)."
        for one in items
        if one.standing is Standing.OFF
    ]


def _told(silent: Sequence[str]) -> None:
    """Say what posts nothing, and end the command with exit code 4 where anything doesn't."""
    from service.cli.output import say

    for sentence in silent:
        say(sentence)
    if silent:
        raise typer.Exit(Exit.WORK_LEFT)


def _items(
    client: DataverseClient, events: EventQueue, solution: str | None, renew_key: bool, switch_on: bool
) -> list[Item]:
    from service.registering.binding import binding
    from service.registering.difference import difference
    from service.registering.reading import read

    if solution is None:
        return [binding(client, events, renew_key=renew_key)]
    found = read(client, events.queue, solution)
    return difference(found, events, renew_key=renew_key, switch_on=switch_on)


def _package(settings: Settings, solution: str, path: Path, managed: bool, yes: bool, output: Output) -> None:
    from service.app import dataverse_client
    from service.cli.output import Column, as_json, show
    from service.event_sender import event_queue
    from service.registering.package import export, save

    if path.exists() and not yes:
        raise typer.BadParameter(f"{path} is there already; --yes replaces it.")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"The folder {path.parent} is not there.")
    key = event_queue(settings.servicebus).key if settings.servicebus.event_sender is not None else None
    client = dataverse_client(settings.dataverse)
    try:
        package = export(client, solution, managed=managed, key=key)
    finally:
        client.close()
    try:
        save(package, path)
    except OSError as error:
        raise typer.BadParameter(f"{path} can't be written: {error.strerror}.") from error
    facts: dict[str, object] = {
        "file": str(path),
        "solution": solution,
        "version": package.version,
        "managed": package.managed,
        "components": package.components,
        "bytes": len(package.content),
        "secrets_removed": package.scrubbed,
    }
    if output is Output.JSON:
        as_json(facts)
    else:
        columns = (Column("Fact"), Column("Value"))
        show(f"Written from {client.url}", columns, [(name, str(value)) for name, value in facts.items()])
    typer.echo("Import it elsewhere, then run there: psa-connector register --bind", err=True)
