"""Whatever people, the product and workers do to an entry, in whatever order: the books end as the last state says.

Approve, edit, cancel, approve again, recall, submit again, correction journal, contract confirmation, marking, invoice,
draft deletion, confirmation and credit, the product as second writer, lost answers, stalled workers, redelivery. The
judge is the independent ledger checker.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from sandbox.dataverse.product import Creation, Released, Replacements
from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.flow.interleaving import RELEASED, REVISED, Interleaving
from tests.flow.world import World

ACTS = (
    *RELEASED,
    *REVISED,
    *("cancel", "recall", "accept recall", "refuse recall", "submit"),
    *("edit project", "edit resource", "edit day", "undo edits"),
    *("product creates", "product rests", "move to academy", "move to northwind", "move back", "confirm contract"),
    *("ready", "invoice", "bill", "post", "credit", "delete the draft"),
    *("look", "look unanswered"),
)
ACT = st.sampled_from(ACTS)
STALLED = st.tuples(st.just("stalled"), st.lists(ACT, min_size=1, max_size=3))
ENOUGH = timedelta(minutes=2)


@pytest.fixture(scope="module")
def begun() -> Iterator[tuple[World, bytes]]:
    """One sandbox for all examples, and how it was before the first."""
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        yield world, sandbox.snapshot()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    steps=st.lists(st.one_of(ACT, ACT, ACT, STALLED), min_size=3, max_size=12),
    replacements=st.sampled_from(Replacements),
    connected=st.booleans(),
    released=st.sampled_from(Released),
    linger=st.booleans(),
    blocks=st.booleans(),
    expense=st.booleans(),
)
@example(
    steps=["approve", "look", "cancel", "look unanswered", "approve six", ("stalled", ["cancel", "approve ten"])],
    replacements=Replacements.ENTRY,
    connected=False,
    released=Released.READY,
    linger=False,
    blocks=True,
    expense=False,
)
@example(
    steps=["approve six", "bill", "credit", "cancel", "look", "approve", "look", "move to northwind", "look", "cancel"],
    replacements=Replacements.CONNECTION,
    connected=True,
    released=Released.EMPTY,
    linger=True,
    blocks=False,
    expense=False,
)
@example(
    steps=["product creates", "approve", "look", "cancel", "product rests", "approve free", "confirm contract"],
    replacements=Replacements.JOURNAL_LINE,
    connected=False,
    released=Released.READY,
    linger=False,
    blocks=True,
    expense=True,
)
def test_any_interleaving_ends_as_the_last_state_says(
    begun: tuple[World, bytes],
    steps: list[Any],
    replacements: Replacements,
    connected: bool,
    released: Released,
    linger: bool,
    blocks: bool,
    expense: bool,
) -> None:
    world, before = begun
    world.sandbox.restore(before)
    world.sandbox.faults.release_all()
    world.client = world.signed_in("service")
    world.sandbox.clock.advance(ENOUGH)
    switches = world.sandbox.switches
    switches.actuals, switches.entries_locked = Creation.NEVER, False
    switches.replacements, switches.replacements_connected = replacements, connected
    switches.released, switches.targets_linger, switches.draft_blocks_cancel = released, linger, blocks
    of_project = world.company.of_project("P1")
    entry = next(one for one in of_project if one.table == "msdyn_expense") if expense else world.time("P1", "Ada")
    interleaving = Interleaving(world, entry)
    interleaving.act_all(steps)
    assert interleaving.finish() == []
    for act in interleaving.struck:
        event(act)
