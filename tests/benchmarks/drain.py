"""A process that receives and settles so many messages with a handler that does nothing, and says what it cost.

python -m tests.benchmarks.drain CONNECTION QUEUE COUNT
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from connector.envelope import Envelope
from connector.servicebus import ServiceBusInbox
from connector.settlement import Complete, Settlement
from connector.worker import Pace, Worker

DONE = Complete("it is done")


def process(envelopes: Sequence[Envelope]) -> Sequence[Settlement]:
    """Nothing."""
    return [DONE for _ in envelopes]


async def drained(connection: str, queue: str, count: int) -> float:
    """Seconds from the first message to the last."""
    worker = Worker(lambda: ServiceBusInbox(connection, queue), process, lambda: None, pace=Pace(max_wait=0.5))
    run = asyncio.ensure_future(worker.run())
    begun = 0.0
    while (done := worker.status().counts.get("completed", 0)) < count:
        begun = begun or (time.perf_counter() if done else 0.0)
        await asyncio.sleep(0.01)
    seconds = time.perf_counter() - begun
    worker.stop()
    await run
    return seconds


def most_memory() -> int:
    """The most that was resident, in KB; what the system adds up besides counts the process that started this one."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    _, connection, queue, count = sys.argv
    before = resource.getrusage(resource.RUSAGE_SELF)
    seconds = asyncio.run(drained(connection, queue, int(count)))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(json.dumps({"seconds": seconds, "cpu": cpu, "most_mb": most_memory() / 1024}))
