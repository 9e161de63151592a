"""A Service Bus in a process of its own, so that what it costs is seen apart from what its clients cost.

``python bus_process.py MILLISECONDS [FILE]``: so much is added to each round trip; with a file messages are durable.
Its first line is a connection string. For each line on stdin it says how many seconds of a processor it has used.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from sandbox.clock import Clock
from sandbox.servicebus import QueueSettings, ServiceBusServer, SharedKey
from sandbox.servicebus.sqlite_storage import SqliteStorage


async def main(milliseconds: float, file: str | None) -> None:
    """Serve until stdin ends."""
    storage = None if file is None else SqliteStorage(Path(file))
    server = ServiceBusServer([QueueSettings("q")], [SharedKey("k", "k")], Clock(), storage=storage)
    if milliseconds:
        server.faults.latency(milliseconds / 2)
    await server.start()
    print(server.connection_string("k"), flush=True)  # noqa: T201
    while await asyncio.to_thread(sys.stdin.readline):
        print(time.process_time(), flush=True)  # noqa: T201
    await server.stop()
    if storage is not None:
        storage.close()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
