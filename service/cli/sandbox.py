"""``psa-connector sandbox``: only the outside world."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from service.cli.exits import Exit
from service.cli.options import one_of

Port = Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="The port to listen on; 0 takes a free one.")]


class Environment(StrEnum):
    """Which product the local Dataverse behaves like."""

    PSA_3 = "psa-3"
    PROJECT_OPERATIONS = "project-operations"


def sandbox(
    servicebus_port: Port = 0,
    dataverse_port: Port = 0,
    servicebus_config: Annotated[
        Path | None, typer.Option(help="Not in this version: a file that describes queues.")
    ] = None,
    environment: Annotated[
        Environment,
        typer.Option(
            parser=one_of(Environment),
            metavar="psa-3|project-operations",
            help="Which product to behave like; project-operations: not in this version.",
        ),
    ] = Environment.PSA_3,
    data: Annotated[Path | None, typer.Option(help="Not in this version: a directory to keep everything in.")] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Without the demo company.")] = False,
) -> None:
    """Serve a local Service Bus and a local Dataverse until Ctrl-C.

    The first line on stdout is one JSON object: {"servicebus": connection string, "dataverse": URL, "token": bearer}.
    """
    if servicebus_config is not None:
        _not_offered("--servicebus-config", "the queues are `approvals` and `commands`")
    if data is not None:
        _not_offered("--data", "everything is kept in memory and gone when the sandbox stops")
    if environment is not Environment.PSA_3:
        _not_offered(f"--environment {environment}", "the sandbox behaves like psa-3")

    from service.cli.local import serve

    serve(servicebus_port=servicebus_port, dataverse_port=dataverse_port, with_company=not empty)


def _not_offered(option: str, instead: str) -> None:
    typer.echo(f"{option} is not available in this version: {instead}.", err=True)
    raise typer.Exit(Exit.USAGE)
