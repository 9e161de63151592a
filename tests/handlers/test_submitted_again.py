"""An entry submitted again has new journal lines; a reversal leads to where its original came from."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from connector.dataverse.changes import Reference
from mappings import keys
from mappings.tables import Ref
from tests.handlers.world import COST, UNBILLED, USD, World


def submission(world: World, entry: Ref, kind: int) -> str:
    """What submitting leaves for a side of the entry: a journal line and its origin."""
    line = world.fresh("msdyn_journalline")
    world.dataverse.put(line, msdyn_transactiontypecode=kind, msdyn_price=Decimal(1), transactioncurrencyid=USD)
    world.dataverse.put(
        world.fresh("msdyn_transactionorigin"),
        msdyn_origin=str(entry.id),
        msdyn_origintype=entry.table,
        msdyn_transaction=str(line.id),
        msdyn_transactiontype=line.table,
    )
    return str(line.id)


def sources(world: World, actual: Reference) -> set[str]:
    """The ids an actual's origins lead from."""
    origins = world.dataverse.rows.of("msdyn_transactionorigin").values()
    return {cells["msdyn_origin"] for cells in origins if cells["msdyn_transaction"] == str(actual.id)}


@pytest.mark.parametrize("submitted", [True, False])
def test_a_reversal_comes_from_the_journal_line_of_its_original(world: World, submitted: bool) -> None:
    entry = world.submit()
    first = {kind: {submission(world, entry, kind)} if submitted else set() for kind in (COST, UNBILLED)}
    world.approve(entry)
    world.settled(entry)
    originals = dict(world.actuals(entry))
    world.cancel(entry)
    world.dataverse.rows.now += timedelta(days=1)
    again = {kind: submission(world, entry, kind) for kind in (COST, UNBILLED)}
    world.settled(entry)
    assert len(originals) == 2
    for original, cells in originals.items():
        came_from = first[cells["msdyn_transactiontypecode"]] | {str(entry.id)}
        assert sources(world, original) == came_from
        assert sources(world, Reference("msdyn_actual", keys.reversal_id(original.id))) == came_from
    world.approve(entry)
    world.settled(entry)
    for actual, cells in world.actuals(entry).items():
        if cells.get("msdyn_adjustmentstatus") is None:
            assert sources(world, actual) == {again[cells["msdyn_transactiontypecode"]], str(entry.id)}
