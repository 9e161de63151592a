"""The commands that start a sandbox: the whole service in one, or only the world around it."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack

import typer

from sandbox.listening import PortTaken
from sandbox.world import Sandbox
from service.app import compose
from service.cli.output import say, write
from service.local_world import PACE, addresses, register_in, sandbox_settings
from service.running import until_stopped
from service.signals import stop_event


def run_in_sandbox() -> None:
    """Start the world, register in it, and work there until stopped."""
    with Sandbox() as world:
        register_in(world)
        announce(world)
        say("The demo company's entries are submitted. Approve them, and their actuals appear.")
        asyncio.run(until_stopped(compose(sandbox_settings(world), now=world.clock.now, pace=PACE)))


def serve(*, servicebus_port: int, dataverse_port: int, with_company: bool) -> None:
    """Serve the world until stopped. Ports that can't be had are wrong usage."""
    with ExitStack() as opened:
        try:
            world = opened.enter_context(
                Sandbox(servicebus_port=servicebus_port, dataverse_port=dataverse_port, company=with_company)
            )
        except PortTaken as error:
            raise typer.BadParameter(_instead(error.port, servicebus_port, dataverse_port)) from error
        except PermissionError as error:
            asked = f"--servicebus-port {servicebus_port}, --dataverse-port {dataverse_port}"
            raise typer.BadParameter(f"This user may not listen there ({asked}); name ports above 1023.") from error
        announce(world)
        say("The sandbox is up; stop it with Ctrl-C.")
        asyncio.run(_until_stopped())


def _instead(taken: int, servicebus_port: int, dataverse_port: int) -> str:
    if servicebus_port == dataverse_port:
        return f"--servicebus-port and --dataverse-port are both {taken}; give each a port of its own."
    option = "--servicebus-port" if taken == servicebus_port else "--dataverse-port"
    return f"Port {taken} is in use; name another with {option}, or 0 for a free one."


def announce(world: Sandbox) -> None:
    """The first line on stdout: one JSON object that tells other programs where everything is."""
    write(json.dumps(addresses(world)) + "\n")


async def _until_stopped() -> None:
    with stop_event() as stop:
        await stop.wait()
