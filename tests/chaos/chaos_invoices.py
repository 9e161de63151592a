"""Five hundred contracts invoiced through a storm: exactly one invoice each, to the cent, in both modes.

``CHAOS_SEED`` repeats a storm, ``CHAOS_CONTRACTS`` makes it larger or smaller. A storm in which something did not
strike at all proves nothing about it, and fails.
"""

from __future__ import annotations

import os
import sys
from random import randrange

import pytest

from handlers.recorded import Mode
from tests.chaos.storm import Storm
from tests.flow.without_the_fence import remove_the_fence
from tests.flow.world import World

CONTRACTS = int(os.environ.get("CHAOS_CONTRACTS", "500"))
SEED = int(os.environ.get("CHAOS_SEED", "0")) or randrange(1, 2**32)
MUST_STRIKE = ("kills", "lost replies", "second deliveries", "double clicks")


@pytest.mark.parametrize("mode", list(Mode))
def chaos_every_contract_is_invoiced_once_to_the_cent(world: World, mode: Mode) -> None:
    storm = Storm(world, mode, SEED, CONTRACTS)
    faults = storm.run()
    sys.stdout.write(f"\n{storm.told()}\n")
    assert faults == []
    assert [what for what in MUST_STRIKE if not storm.struck[what]] == []


def chaos_without_the_fence_turns_it_red(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    remove_the_fence(monkeypatch)
    storm = Storm(world, Mode.FENCE, SEED, 40)
    faults = storm.run()
    sys.stdout.write(f"\nno fence: {len(faults)} faults, {storm.told()}\n")
    assert any("on 2 invoice line details" in fault for fault in faults)
    assert any("2 invoices" in fault for fault in faults)
