"""``psa-connector resume``: services that were paused go on."""

from __future__ import annotations

from service.cli.options import ConfigOption, DryRunOption, Output, OutputOption, RequestedByOption, someone


def resume(
    dry_run: DryRunOption = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let every running service of this environment go on, within half a minute; whoever is not paused stays at work.

    A service that paused itself for a fault goes on by itself once the fault is gone: see `psa-connector check`.

    Example: psa-connector resume
    """
    from service.app import dataverse_client
    from service.cli.pause_report import show_pause
    from service.pausing import read, write
    from service.settings_sources import load

    settings = load(config)
    who = requested_by or someone()
    dataverse = dataverse_client(settings.dataverse)
    try:
        before = read(dataverse).paused
        now = dataverse.far_now()
        if before is not None and not before.is_over(now) and not dry_run:
            write(None, who, dataverse)
    finally:
        dataverse.close()
    show_pause(None, before, now, dataverse.url, output, dry_run=dry_run)
