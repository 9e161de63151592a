"""``psa-connector run``: the service itself."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.options import ConfigOption, DataOption, EnvironmentOption, VerboseOption


def run(
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="With a local Service Bus and Dataverse and the demo company in them.")
    ] = False,
    environment: EnvironmentOption = None,
    data: DataOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write even above the write ceiling.")] = False,
    config: ConfigOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Run the service until Ctrl-C: what is at work is finished and settled, then it ends with exit code 0.

    Example: psa-connector run --sandbox
    """
    if sandbox and config is not None:
        raise typer.BadParameter("--sandbox brings its own settings; leave --config out.")
    if not sandbox and (data is not None or environment is not None):
        raise typer.BadParameter("--data and --environment say how the sandbox is; leave them out, or add --sandbox.")

    import asyncio
    from decimal import Decimal

    from service.telemetry import configure_logs

    configure_logs(verbose=verbose)
    if sandbox:
        from service.cli.local import run_in_sandbox

        run_in_sandbox(data, environment)
        return

    from service.app import compose
    from service.ceiling_settings import WriteCeilingSettings
    from service.exporting import exporting
    from service.health_endpoints import endpoints
    from service.running import is_held_up, until_stopped
    from service.settings_sources import load
    from service.signals import end_at_once
    from service.signing_in import unattended

    settings = unattended(load(config))
    configure_logs(verbose=verbose, format=settings.logs.format)
    if yes:
        settings = settings.model_copy(update={"write_ceiling": WriteCeilingSettings(rows=0, amount=Decimal(0))})
    service = compose(settings)
    with exporting(settings.telemetry), endpoints(settings.health, service.health):
        left = asyncio.run(until_stopped(service))
    if left or is_held_up():
        # A thread that waits for an answer would keep the process for as long.
        end_at_once(0)
