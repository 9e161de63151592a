"""Every known mistake turns the judge red in a weave that leaves the sound service green: each safety is needed.

``CHAOS_SEED`` repeats a weave.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from random import randrange

import pytest

from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.chaos.entries.saboteurs import SABOTEURS
from tests.chaos.entries.weave import Weave
from tests.flow.world import World

SEED = int(os.environ.get("CHAOS_SEED", "0")) or randrange(1, 2**32)
MUST_STRIKE = (
    "made by the product",
    "second delivery",
    "event lost",
    "write stalled",
    "deadlock",
    "confirmation of a copy swallowed",
)


@pytest.fixture
def world() -> Iterator[World]:
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        yield world


def chaos_the_weave_leaves_the_sound_service_green(world: World, tmp_path: Path) -> None:
    weave = Weave(world, tmp_path, SEED)
    faults = weave.run()
    sys.stdout.write(f"\n{weave.told()}\n")
    assert faults == []
    assert [what for what in MUST_STRIKE if not weave.struck[what]] == []


@pytest.mark.parametrize("saboteur", SABOTEURS)
def chaos_every_saboteur_turns_it_red(world: World, tmp_path: Path, saboteur: str) -> None:
    weave = Weave(world, tmp_path, SEED, saboteur)
    faults = weave.run()
    sys.stdout.write(f"\n{saboteur}: {len(faults)} faults, for example {faults[:1]}\n{weave.told()}\n")
    assert any(SABOTEURS[saboteur].seen_as in fault for fault in faults)
