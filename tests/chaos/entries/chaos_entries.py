"""Entries by the thousand through a storm: nothing lost, nothing doubled, no amount wrong, by the independent judge.

``CHAOS_SEED`` repeats a storm's plan, ``CHAOS_ENTRIES`` makes it larger or smaller. A storm in which something did not
strike at all proves nothing about it, and fails.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import randrange

import pytest

from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.chaos.entries.judge import counted
from tests.chaos.entries.storm import EntryStorm
from tests.chaos.entries.worker import PHASES
from tests.flow.world import World

ENTRIES = int(os.environ.get("CHAOS_ENTRIES", "5000"))
LONGEST = 7200
"""Seconds, on a machine that has other things to do."""
SEED = int(os.environ.get("CHAOS_SEED", "0")) or randrange(1, 2**32)
MUST_STRIKE = (
    *(f"killed: {phase}" for phase in PHASES),
    *(
        "lock lost",
        "settlement refused",
        "message doubled",
        "messages reordered",
        "event lost",
        "repaired by reconcile",
    ),
    *(
        "reply lost after commit",
        "cut inside a batch",
        "429 storm",
        "503",
        "deadlock",
        "token expired",
        "write stalled",
        "reply to bulk lost",
        "bulk write stalled",
        "deadlock in bulk",
    ),
    *("connection dropped", "link detached", "bus busy", "confirmation swallowed"),
    *("event posted twice", "event overtaken", "event late"),
)


@pytest.fixture
def world() -> Iterator[World]:
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        yield world


@pytest.mark.timeout(LONGEST)
def chaos_every_entry_ends_as_its_last_state_says(world: World, tmp_path: Path) -> None:
    began = time.monotonic()
    storm = EntryStorm(world, tmp_path, SEED, ENTRIES)
    faults = storm.run()
    sys.stdout.write(f"\n{storm.told()}\n")
    sys.stdout.write(f"{counted(faults)}; {time.monotonic() - began:.0f} s\n")
    assert faults == []
    assert [what for what in MUST_STRIKE if not storm.struck[what]] == []
