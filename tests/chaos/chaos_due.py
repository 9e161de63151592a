"""Due contracts invoiced through a storm, a few by each command: exactly one invoice each, to the cent, in both modes.

``CHAOS_SEED`` repeats a storm, ``CHAOS_DUE`` makes it larger or smaller. A storm in which something did not strike at
all proves nothing about it, and fails.
"""

from __future__ import annotations

import os
import sys
from random import randrange

import pytest

from handlers import due_facts
from handlers.recorded import Mode
from tests.chaos.due_storm import DueStorm
from tests.flow.without_the_fence import remove_the_fence
from tests.flow.world import World

DUE = int(os.environ.get("CHAOS_DUE", "200"))
SEED = int(os.environ.get("CHAOS_SEED", "0")) or randrange(1, 2**32)
FEW = 20
"""Contracts of a storm that is to find a mistake."""
MUST_STRIKE = ("kills", "lost replies", "second deliveries", "double clicks", "rows that failed before", "given up")


@pytest.mark.parametrize("mode", list(Mode))
def chaos_every_contract_that_is_due_is_invoiced_once_to_the_cent(world: World, mode: Mode) -> None:
    world.sandbox.switches.runs_written_back = bool(SEED % 2)
    storm = DueStorm(world, mode, SEED, DUE)
    faults = storm.run()
    sys.stdout.write(f"\n{storm.told()}\n")
    assert faults == []
    assert [what for what in MUST_STRIKE if not storm.struck[what]] == []


def chaos_what_is_due_without_the_fence_turns_it_red(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    remove_the_fence(monkeypatch)
    storm = DueStorm(world, Mode.FENCE, SEED, FEW)
    faults = storm.run()
    sys.stdout.write(f"\nno fence: {len(faults)} faults, {storm.told()}\n")
    assert any("2 invoices" in fault for fault in faults)


def chaos_what_was_called_for_and_is_never_looked_up_turns_it_red(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_facts, "of_due", lambda attempt: None)
    storm = DueStorm(world, Mode.FENCE, SEED, FEW, killed=0.9, given_up=1, ways=("after its call",), deliveries=1)
    faults = storm.run()
    sys.stdout.write(f"\nnothing looked up: {len(faults)} faults, {storm.told()}\n")
    assert any("was never told" in fault for fault in faults)
