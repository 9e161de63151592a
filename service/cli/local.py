"""The commands that start a sandbox: the whole service in one, or only the world around it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from sandbox.dataverse.product.switches import Environment
from sandbox.listening import PortTaken
from sandbox.servicebus.config import Entities, WrongConfig, read_config
from sandbox.servicebus.sas import emulator_key
from sandbox.world import QUEUES, DataInUse, NoData, Sandbox, WrongSchema
from service.app import compose
from service.cli.exits import Exit
from service.cli.output import say, write
from service.local_world import PACE, addresses, register_in, sandbox_settings
from service.running import until_stopped
from service.signals import stop_event

MOVED = "The Service Bus is not on the port of last time: `psa-connector register` tells Dataverse where it is now."


def run_in_sandbox(data: Path | None = None, environment: str | None = None) -> None:
    """Start the world, register in it, and work there until stopped."""
    with _started(data=data, environment=environment) as world:
        register_in(world)

        def tell() -> None:
            announce(world)
            _tell_of_data(data)
            if world.company is not None:
                say("The demo company's entries are submitted. Approve them, and their actuals appear.")

        asyncio.run(until_stopped(compose(sandbox_settings(world), now=world.clock.now, pace=PACE), tell))


def serve(
    *,
    servicebus_port: int,
    dataverse_port: int,
    with_company: bool,
    data: Path | None,
    environment: str | None,
    schema: Sequence[Path],
    certificate: Path | None,
    servicebus_config: Path | None,
) -> None:
    """Serve the world until stopped."""
    asked = (servicebus_port, dataverse_port, with_company, data, environment, schema, certificate, servicebus_config)
    with _started(*asked) as world:
        asyncio.run(_serve(world, data))


@contextmanager
def _started(
    servicebus_port: int = 0,
    dataverse_port: int = 0,
    company: bool = True,
    data: Path | None = None,
    environment: str | None = None,
    schema: Sequence[Path] = (),
    certificate: Path | None = None,
    servicebus_config: Path | None = None,
) -> Iterator[Sandbox]:
    """A running sandbox. What keeps it from starting is one sentence: wrong usage (2), or a directory of data that
    another one has (1) or that can't be used (3)."""
    try:
        described = Entities((), ()) if servicebus_config is None else read_config(servicebus_config)
        entities = described.beside(QUEUES)
        world = Sandbox(
            entities.queues,
            topics=entities.topics,
            keys=[emulator_key(described.names)],
            servicebus_port=servicebus_port,
            dataverse_port=dataverse_port,
            company=company,
            data=data,
            environment=None if environment is None else Environment(environment),
            schema=schema,
            certificate=certificate,
        ).start()
    except PortTaken as error:
        raise typer.BadParameter(_instead(error.port, servicebus_port, dataverse_port)) from error
    except NoData as error:
        say(str(error))
        raise typer.Exit(Exit.FAILED if isinstance(error, DataInUse) else Exit.NOT_CONFIGURED) from error
    except WrongSchema as error:
        raise typer.BadParameter(f"--schema: {error}") from error
    except WrongConfig as error:
        raise typer.BadParameter(f"--servicebus-config: {error}") from error
    except PermissionError as error:
        asked = f"--servicebus-port {servicebus_port}, --dataverse-port {dataverse_port}"
        raise typer.BadParameter(f"This user may not listen there ({asked}); name ports above 1023.") from error
    try:
        yield world
    finally:
        world.stop()


def _instead(taken: int, servicebus_port: int, dataverse_port: int) -> str:
    if servicebus_port == dataverse_port:
        return f"--servicebus-port and --dataverse-port are both {taken}; give each a port of its own."
    option = "--servicebus-port" if taken == servicebus_port else "--dataverse-port"
    return f"Port {taken} is in use; name another with {option}, or 0 for a free one."


def _tell_of_data(data: Path | None) -> None:
    if data is not None:
        say(f"Dataverse and the messages in the queues are kept in {data}.")


def announce(world: Sandbox) -> None:
    """The first line on stdout: one JSON object that tells other programs where everything is."""
    write(json.dumps(addresses(world)) + "\n")


async def _serve(world: Sandbox, data: Path | None) -> None:
    """Tell where it is once it can be stopped: whoever reads the first line may ask for that at once."""
    with stop_event() as stop:
        announce(world)
        _tell_of_data(data)
        if world.moved:
            say(MOVED)
        say("The sandbox is up; stop it with Ctrl-C.")
        await stop.wait()
