"""What is explained is what the handler then does: the same rows under the same ids, to the last column."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connector.dataverse.changes import Create, Reference
from handlers.explanation import Explanation, Standing, Whose
from handlers.plan import NothingToDo
from handlers.rows import create
from mappings.choices import BillingType, TransactionType
from mappings.comparison import Kind
from mappings.tables import Ref
from tests.handlers.fake_dataverse import Cells
from tests.handlers.situations import WRITES, explained, split, written_by
from tests.handlers.world import World


def told(explanation: Explanation) -> dict[Reference, dict[str, Any]]:
    """The planned rows that are to be written, as the handler would send them."""
    ledger = explanation.entry.id
    facts = explanation.facts
    assert facts is not None
    rows = {}
    for one in explanation.planned:
        if one.standing is Standing.TO_BE_WRITTEN:
            generation = next(g for g in range(9) if one.actual.row(ledger, g).row == one.row)
            sent = create(one.actual.row(ledger, generation))
            rows[sent.row] = dict(sent.values)
    return rows


@pytest.mark.parametrize(("situation", "count"), WRITES, ids=lambda one: getattr(one, "__name__", None))
def test_the_planned_rows_are_those_the_handler_then_writes(
    world: World, situation: Callable[[World], Ref], count: int
) -> None:
    entry = situation(world)
    explanation = explained(world, entry)
    announced = {change.row: dict(change.values) for change in explanation.changes if isinstance(change, Create)}
    planned = told(explanation)
    sent = written_by(world, entry)
    assert announced == sent
    live = {row for row, cells in world.dataverse.rows.of("msdyn_actual").items() if _is_new(cells, row, sent)}
    assert planned == {row: sent[row] for row in live}
    assert len(planned) == count
    assert isinstance(explanation.decisions[-1], NothingToDo)


def _is_new(cells: Cells, row: Reference, sent: dict[Reference, dict[str, Any]]) -> bool:
    return row in sent and cells.get("msdyn_adjustmentstatus") is None


@pytest.mark.parametrize(("situation", "count"), WRITES, ids=lambda one: getattr(one, "__name__", None))
def test_once_written_everything_is_there_and_of_this_service(
    world: World, situation: Callable[[World], Ref], count: int
) -> None:
    entry = situation(world)
    world.settled(entry)
    explanation = explained(world, entry)
    assert {one.standing for one in explanation.planned} == {Standing.THERE}
    assert {one.whose for one in explanation.held} == {Whose.SERVICE}
    assert {one.kind for one in explanation.findings} <= {Kind.EDITED}
    assert not explanation.changes
    counting = {held.actual.id for held in explanation.held if held.actual.is_live}
    assert counting == {one.row.id for one in explanation.planned}


def test_every_planned_row_says_why_in_sentences(world: World) -> None:
    for one in explained(world, split(world)).planned:
        assert any("Implementation" in sentence for sentence in one.actual.because)
        assert any("price" in sentence for sentence in one.actual.because)
        assert all(sentence.endswith(".") for sentence in one.actual.because)


def test_before_anything_is_written_what_is_missing_is_told(world: World) -> None:
    explanation = explained(world, world.approved())
    assert [(one.kind, one.amount) for one in explanation.findings] == [
        (Kind.MISSING, Decimal(-800)),
        (Kind.MISSING, Decimal(-1600)),
    ]
    assert explanation.held == ()


def test_planned_figures_are_those_of_the_rules(world: World) -> None:
    figures = [
        (one.actual.type, one.actual.billing_type, one.actual.quantity, one.actual.amount)
        for one in explained(world, split(world)).planned
    ]
    assert figures == [
        (TransactionType.COST, BillingType.CHARGEABLE, Decimal(8), Decimal(800)),
        (TransactionType.UNBILLED_SALES, BillingType.CHARGEABLE, Decimal(6), Decimal(1200)),
        (TransactionType.UNBILLED_SALES, BillingType.NON_CHARGEABLE, Decimal(2), Decimal(400)),
    ]
