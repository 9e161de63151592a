"""A sandbox stops without waiting for those who wait in it."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

from sandbox.dataverse.unit_of_work import Refused
from sandbox.world import Sandbox


def test_a_sandbox_stops_although_a_background_job_waits_for_a_row() -> None:
    world = Sandbox(company=False)
    with world.web.transaction() as work:
        account = work.create("account", {"name": "A"})
    world.start()
    locks = world.row_locks
    locks.enabled, locks.timeout, locks.holds = True, timedelta(days=1), {"account": timedelta(days=1)}
    due = threading.Event()
    looked = threading.Event()

    def rename() -> None:
        try:
            with world.web.transaction() as work:
                work.update("account", account, {"name": "B"})
        except Refused:
            looked.set()

    def look() -> None:
        if not due.is_set():
            due.set()
            rename()

    holder = threading.Thread(target=rename)
    holder.start()
    assert locks.reached(20, writing=1)
    world.background.run_due = look  # type: ignore[method-assign]
    world.clock.advance(timedelta(seconds=1))
    assert locks.reached(20, writing=1, waiting=1)
    begun = time.monotonic()
    world.stop()
    assert time.monotonic() - begun < 10
    assert looked.is_set()
    holder.join(20)
