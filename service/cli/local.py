"""The commands that start a sandbox: the whole service in one, or only the world around it."""

from __future__ import annotations

import asyncio
import json
import sys

from connector.worker import Pace
from sandbox.world import Sandbox
from service.app import compose
from service.cli.output import say
from service.local_world import addresses, register_in, sandbox_settings
from service.running import until_stopped
from service.signals import stop_event

PACE = Pace(max_wait=1.0)
"""Whoever tries something out does not want to wait for it to stop."""


def run_in_sandbox() -> None:
    """Start the world, register in it, and work there until stopped."""
    with Sandbox() as world:
        register_in(world)
        announce(world)
        say("The demo company's entries are submitted. Approve them, and their actuals appear.")
        asyncio.run(until_stopped(compose(sandbox_settings(world), now=world.clock.now, pace=PACE)))


def serve(*, servicebus_port: int, dataverse_port: int, with_company: bool) -> None:
    """Serve the world until stopped."""
    with Sandbox(servicebus_port=servicebus_port, dataverse_port=dataverse_port, company=with_company) as world:
        announce(world)
        say("The sandbox is up; stop it with Ctrl-C.")
        asyncio.run(_until_stopped())


def announce(world: Sandbox) -> None:
    """The first line on stdout: one JSON object that tells other programs where everything is."""
    sys.stdout.write(json.dumps(addresses(world)) + "\n")
    sys.stdout.flush()


async def _until_stopped() -> None:
    with stop_event() as stop:
        await stop.wait()
