"""Five hundred contracts invoiced through a storm: exactly one invoice each, to the cent, in both modes.

``CHAOS_SEED`` repeats a storm, ``CHAOS_CONTRACTS`` makes it larger or smaller. A storm in which something did not
strike at all proves nothing about it, and fails.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from random import randrange

import pytest

from connector.dataverse.changes import Call, ChangeSet
from handlers import invoicing
from handlers.fence import fence
from handlers.recorded import Mode
from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.chaos.storm import Storm
from tests.flow.world import World

CONTRACTS = int(os.environ.get("CHAOS_CONTRACTS", "500"))
SEED = int(os.environ.get("CHAOS_SEED", "0")) or randrange(1, 2**32)
MUST_STRIKE = ("kills", "lost replies", "second deliveries", "double clicks")


@pytest.fixture
def world() -> Iterator[World]:
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        yield world


@pytest.mark.parametrize("mode", list(Mode))
def chaos_every_contract_is_invoiced_once_to_the_cent(world: World, mode: Mode) -> None:
    storm = Storm(world, mode, SEED, CONTRACTS)
    faults = storm.run()
    sys.stdout.write(f"\n{storm.told()}\n")
    assert faults == []
    assert [what for what in MUST_STRIKE if not storm.struck[what]] == []


def chaos_without_the_fence_turns_it_red(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_the_action(*arguments: object) -> ChangeSet:
        fenced = fence(*arguments)  # type: ignore[arg-type]
        return replace(fenced, changes=tuple(change for change in fenced.changes if isinstance(change, Call)))

    monkeypatch.setattr(invoicing, "fence", only_the_action)
    storm = Storm(world, Mode.FENCE, SEED, 40)
    faults = storm.run()
    sys.stdout.write(f"\nno fence: {len(faults)} faults, {storm.told()}\n")
    assert any("on 2 invoice line details" in fault for fault in faults)
    assert any("2 invoices" in fault for fault in faults)
