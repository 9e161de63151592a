"""Options that several commands share."""

from __future__ import annotations

import getpass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Output(StrEnum):
    """How data is written to stdout; ``json`` is stable and meant for programs."""

    TABLE = "table"
    JSON = "json"


def someone() -> str:
    """Who is at the keyboard, for the record of a command; where the system knows no name, it has to be said."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError) as error:
        # A container often runs under a number without a name; which error says so depends on system and version.
        raise typer.BadParameter(
            "This system has no name for whoever runs this command; say who asks with --requested-by."
        ) from error


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How data is written to stdout.")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="A TOML file with settings. [default: psa-connector.toml, if there]")
]
RequestedByOption = Annotated[
    str | None,
    typer.Option("--requested-by", help="Who asks; written into the command's record. [default: whoever is signed in]"),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Log every step.")]
