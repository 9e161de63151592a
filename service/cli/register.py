"""``psa-connector register``: makes an environment ready for the service."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.options import ConfigOption, Output, OutputOption


def register(
    renew_key: Annotated[
        bool, typer.Option("--renew-key", help="Hand the key to an existing service endpoint again.")
    ] = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Don't try whether the sender's key opens the queue from here.")
    ] = False,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Install the command table, the service endpoint and its steps in Dataverse; a second run changes nothing.

    Before anything is changed, the queue is opened with the sender's key. Needs an application user that may customize
    the system, and PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER.
    """
    from service.app import dataverse_client
    from service.cli.output import Column, as_json, say, show
    from service.event_sender import VARIABLE, check, event_queue
    from service.registration import Result
    from service.registration import register as make_ready
    from service.settings_sources import load

    settings = load(config, also=[VARIABLE])
    events = event_queue(settings.servicebus)
    if not no_check:
        check(settings.servicebus)
    client = dataverse_client(settings.dataverse)
    try:
        done = make_ready(client, events, renew_key=renew_key)
    finally:
        client.close()
    if output is Output.JSON:
        as_json([{"what": one.what, "name": one.name, "result": one.result} for one in done])
    else:
        columns = (Column("What"), Column("Name"), Column("Result"))
        show(f"Registered in {client.url}", columns, [(one.what, one.name, one.result) for one in done])
    say(f"Whether the key {events.key_name} may do more than send can't be seen from here; look at its policy.")
    if all(one.result is Result.THERE for one in done):
        say("Everything was there already; nothing was changed.")
    if any(one.result is Result.OFF for one in done):
        say("A step is switched off: its events are not posted until somebody switches it on.")
