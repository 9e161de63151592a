"""The ports of the two services: those that are asked for, else those of last time, else free ones."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from sandbox.data_directory import Remembered
from sandbox.dataverse.server import DataverseServer
from sandbox.listening import PortTaken
from sandbox.servicebus import ServiceBusServer

_BUS_PORT: Final = "service_bus_port"
_WEB_PORT: Final = "dataverse_port"


class Ports:
    """Has the services listen. ``moved``: the Service Bus is on another port than last time."""

    def __init__(self, remembered: Remembered, servicebus_port: int, dataverse_port: int) -> None:
        self.moved = False
        self._remembered = remembered
        self._asked = servicebus_port, dataverse_port

    async def listen(self, bus: ServiceBusServer, web: DataverseServer, certificate: Path | None) -> None:
        """Start both services. Raises ``PortTaken``."""
        servicebus_port, dataverse_port = self._asked
        await self._on(_BUS_PORT, servicebus_port, dataverse_port, lambda port: bus.start(port=port))
        await self._on(
            _WEB_PORT,
            dataverse_port,
            bus.port,
            lambda port: web.start("127.0.0.1", port, certificate=certificate),
        )
        self.moved = self._remembered.get(_BUS_PORT) not in (None, str(bus.port))
        self.remember(bus, web)

    def remember(self, bus: ServiceBusServer, web: DataverseServer) -> None:
        """Keep the ports beside the rows."""
        self._remembered.put(**{_BUS_PORT: str(bus.port), _WEB_PORT: web.url.rpartition(":")[2]})

    async def _on(self, name: str, port: int, other: int, start: Callable[[int], Awaitable[None]]) -> None:
        """Listen where it was asked for, else where it was last time, else anywhere; never where the ``other`` is."""
        before = int(self._remembered.get(name) or 0)
        if not port and before and before != other:
            with contextlib.suppress(PortTaken):
                await start(before)
                return
        await start(port)
