"""What every command does that works on the configured environment: read settings, compose, check, close."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from service.app import App, compose
from service.cli.exits import Exit
from service.cli.output import say
from service.contracts import Contract, NoSuchContract, all_contracts, contracts_named
from service.settings_sources import load


@contextmanager
def session(config: Path | None) -> Iterator[App]:
    """A composed service on the environment the settings name, signed in and found fit."""
    app = compose(load(config))
    try:
        app.check()
        yield app
    finally:
        app.close()


def chosen_contracts(app: App, names: Sequence[str]) -> list[Contract]:
    """The contracts of these names; without names, all. Names that lead nowhere end the command, all of them named."""
    if not names:
        return all_contracts(app.dataverse)
    try:
        return contracts_named(app.dataverse, names)
    except NoSuchContract as error:
        say(str(error))
        raise typer.Exit(Exit.FAILED) from error
