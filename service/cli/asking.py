"""Asking whoever sits at the terminal before something is changed; where nobody sits there, ``--yes`` answers."""

from __future__ import annotations

import sys

import typer

from service.cli.exits import Exit


def will_ask(*, yes: bool, needs_yes: bool) -> bool:
    """Whether ``agreed`` is going to ask or to refuse, so that what it is about has to be shown first."""
    return not yes and (needs_yes or is_terminal())


def agreed(question: str, *, yes: bool, needs_yes: bool) -> None:
    """Go on, or end the command with exit code 4 and nothing changed.

    At a terminal it is asked. Elsewhere what ``needs_yes`` is refused without ``--yes``, and the rest is done.
    """
    if yes:
        return
    if is_terminal():
        if not typer.confirm(question, err=True):
            typer.echo("Nothing was changed.", err=True)
            raise typer.Exit(Exit.WORK_LEFT)
    elif needs_yes:
        typer.echo("Nothing was changed: nobody can be asked here. If all of this is meant, say --yes.", err=True)
        raise typer.Exit(Exit.WORK_LEFT)


def is_terminal() -> bool:
    """Whether somebody can answer."""
    return sys.stdin.isatty()
