"""``psa-connector sandbox``: only the outside world."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import DataOption, EnvironmentOption, certificate_with_key

Port = Annotated[
    int,
    typer.Option(
        metavar="PORT",
        min=0,
        max=65535,
        help="The port to listen on; 0 takes that of last time (with --data) or a free one.",
    ),
]


def sandbox(
    servicebus_port: Port = 0,
    dataverse_port: Port = 0,
    servicebus_config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Queues, topics and subscriptions of your own beside the product's, described as for Microsoft's "
            "emulator (its Config.json).",
        ),
    ] = None,
    environment: EnvironmentOption = None,
    data: DataOption = None,
    schema: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="A file, or a folder of files, with tables, columns, choices and keys of your own; may be repeated.",
        ),
    ] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Without the demo company.")] = False,
    certificate: Annotated[
        Path | None,
        typer.Option(
            parser=certificate_with_key,
            metavar="FILE",
            help="A PEM file with a certificate for 127.0.0.1 and its key: Dataverse is then served over https, as "
            "some clients insist on.",
        ),
    ] = None,
) -> None:
    """Serve a local Service Bus and a local Dataverse until Ctrl-C.

    The first line on stdout is one JSON object: {"servicebus": connection string, "dataverse": URL, "token": bearer}.

    Example: psa-connector sandbox --dataverse-port 8080 --data ./world
    """
    from service.cli.local import serve

    serve(
        servicebus_port=servicebus_port,
        dataverse_port=dataverse_port,
        with_company=not empty,
        data=data,
        environment=environment,
        schema=schema or (),
        certificate=certificate,
        servicebus_config=servicebus_config,
    )
