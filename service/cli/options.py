"""Options that several commands share."""

from __future__ import annotations

import getpass
import ssl
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer

LONGEST_NAME = 200
"""Characters of a name that the record of a command holds."""

E = TypeVar("E", bound=StrEnum)


class Output(StrEnum):
    """How data is written to stdout; ``json`` is stable and meant for programs."""

    TABLE = "table"
    JSON = "json"


def someone() -> str:
    """Who is at the keyboard, for the record of a command; where the system knows no name, it has to be said."""
    try:
        return named(getpass.getuser())
    except (KeyError, OSError, ImportError) as error:
        # A container often runs under a number without a name; which error says so depends on system and version.
        raise typer.BadParameter(
            "This system has no name for whoever runs this command; say who asks with --requested-by."
        ) from error


def named(text: str) -> str:
    """Who asks, as the record can hold it."""
    if len(text) > LONGEST_NAME:
        raise typer.BadParameter(f"A name of {len(text)} characters is too long; the record holds {LONGEST_NAME}.")
    return text


def row_id(text: str) -> UUID:
    """The id of a row, as it is displayed."""
    try:
        return UUID(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no id of a row; copy one from `psa-connector backlog list`.") from error


def command_id(text: str) -> UUID:
    """The id of a command, or of its record."""
    try:
        return UUID(text)
    except ValueError as error:
        known = "copy one from `psa-connector audit list` or `psa-connector status`"
        raise typer.BadParameter(f"{text!r} is no id of a command; {known}.") from error


def certificate_with_key(text: str) -> Path:
    """A PEM file that a server can speak TLS with: its certificate, and its key without a password."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(text, password="")
    except ssl.SSLError as error:
        raise typer.BadParameter(f"{text} does not hold a PEM certificate and its key, without a password.") from error
    except OSError as error:
        raise typer.BadParameter(f"{text} can't be read: {error.strerror}.") from error
    return Path(text)


def one_of(choices: type[E]) -> Callable[[str], E]:
    """Reads one of these words; any other is answered with all of them."""

    def read(text: str) -> E:
        try:
            return choices(text)
        except ValueError as error:
            known = ", ".join(choices)
            raise typer.BadParameter(f"{text!r} is none of these: {known}.") from error

    return read


OutputOption = Annotated[
    Output,
    typer.Option("--output", "-o", parser=one_of(Output), metavar="table|json", help="How data is written to stdout."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A TOML file with settings. [default: psa-connector.toml, if there]"),
]
RequestedByOption = Annotated[
    str | None,
    typer.Option(
        "--requested-by",
        parser=named,
        metavar="NAME",
        help="Who asks; written into the command's record. [default: whoever is signed in]",
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Log every step.")]


class Environment(StrEnum):
    """Which product the sandbox's Dataverse behaves like."""

    PSA_3 = "psa-3"
    PROJECT_OPERATIONS = "project-operations"


EnvironmentOption = Annotated[
    Environment | None,
    typer.Option(
        "--environment",
        parser=one_of(Environment),
        metavar="psa-3|project-operations",
        help="Which product the sandbox behaves like: psa-3, or what the data are of. In project-operations approval "
        "makes the actuals, and nobody else may.",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Keep the sandbox's Dataverse and its messages in this directory, and go on where they were left.",
    ),
]
