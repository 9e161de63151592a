"""A backlog of 100,000 messages: what a worker needs of memory and time for it, next to one of 1,000."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from connector.inbox import Outgoing
from connector.outbox import Outbox
from sandbox.clock import Clock
from sandbox.servicebus import QueueSettings, ServiceBusServer, SharedKey
from tests.benchmarks.rivals import printed
from tests.service.processes import clean_environment

QUEUE = "work"
BODY = b'{"padding": "' + b"x" * 2000 + b'"}'
"""As long as an execution context commonly is."""
MOST_MB = 200


async def drained(count: int) -> dict[str, float]:
    """Fill a queue, have another process empty it, and tell what that process says."""
    server = ServiceBusServer([QueueSettings(QUEUE)], [SharedKey("root", "key")], Clock())
    await server.start()
    try:
        connection = server.connection_string("root")
        async with Outbox(connection, QUEUE) as outbox:
            for first in range(0, count, 10_000):
                await outbox.send([Outgoing(BODY, f"m{first + n}") for n in range(min(10_000, count - first))])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.benchmarks.drain", connection, QUEUE, str(count)),
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env=clean_environment(),
        )
        told, _ = await process.communicate()
        assert process.returncode == 0
        assert server.counts(QUEUE).active == server.counts(QUEUE).locked == 0
        cost: dict[str, float] = json.loads(told)
        return cost
    finally:
        await server.stop()


def bench_memory_and_time_are_the_same_for_each_message_of_any_backlog() -> None:
    costs = {count: asyncio.run(drained(count)) for count in (1_000, 100_000)}
    for count, cost in costs.items():
        told("worker-backlog", count, cost)
    assert all(cost["most_mb"] < MOST_MB for cost in costs.values())
    assert costs[100_000]["most_mb"] < costs[1_000]["most_mb"] + 20


def told(way: str, count: int, cost: dict[str, float]) -> None:
    """Print what it cost."""
    printed(
        way=way,
        messages=count,
        messages_per_second=round(count / cost["seconds"]),
        cpu_ms_per_message=round(1000 * cost["cpu"] / count, 3),
        most_mb=round(cost["most_mb"]),
    )
