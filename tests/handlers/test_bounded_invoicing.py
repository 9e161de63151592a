"""A contract whose invoice would be above the ceiling is invoiced when a person has seen how much it is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from handlers.bounded_invoicing import BoundedInvoicing
from handlers.fixed_point import FixedPoint, Outcome, Settled, Unsettled
from handlers.invoicing import InvoicingHandler
from mappings.ceiling import Ceiling
from mappings.messages import CreateInvoices
from tests.handlers.test_invoicing import command, ready
from tests.handlers.world import USD, ZONE, World


def given(world: World, ceiling: Ceiling | None, *commands: CreateInvoices) -> list[Outcome]:
    handler = BoundedInvoicing(InvoicingHandler(lambda: world.dataverse.rows.now, ZONE), ceiling)
    outcomes = FixedPoint(world.dataverse).settle(handler, commands)
    return [outcomes[one] for one in commands]


@pytest.mark.parametrize(
    ("ceiling", "said"),
    [
        (Ceiling(250, Decimal(3000)), "3,200.00 USD is more than the ceiling of 3,000."),
        (Ceiling(250, (("EUR", Decimal(9000)),)), "3,200.00 USD is more than the ceiling of 0."),
        (Ceiling(1, Decimal(9000)), "The number of rows, 2, is more than the ceiling of 1."),
    ],
)
def test_above_the_ceiling_nothing_is_called_before_it_is_confirmed(world: World, ceiling: Ceiling, said: str) -> None:
    ready(world, transactioncurrencyid=USD)
    ready(world, transactioncurrencyid=USD)
    (outcome,) = given(world, ceiling, command())
    assert isinstance(outcome, Unsettled)
    assert (outcome.failure.code, world.dataverse.calls()) == ("over-ceiling", 0)
    assert outcome.failure.sentence.startswith(f"{said} If that is meant, say so: ")
    (outcome,) = given(world, ceiling, command().model_copy(update={"confirmed": True}))
    assert isinstance(outcome, Settled)
    assert (outcome.outcome["outcome"], len(world.invoices())) == ("created", 1)


@pytest.mark.parametrize("ceiling", [None, Ceiling(2, Decimal(3200))])
def test_at_the_ceiling_or_without_one_no_word_is_needed(world: World, ceiling: Ceiling | None) -> None:
    ready(world, transactioncurrencyid=USD)
    ready(world, transactioncurrencyid=USD)
    (outcome,) = given(world, ceiling, command())
    assert isinstance(outcome, Settled)
    assert outcome.outcome["outcome"] == "created"


def test_what_was_carried_out_is_answered_however_low_the_ceiling_is_now(world: World) -> None:
    ready(world, transactioncurrencyid=USD)
    first, again = (given(world, ceiling, command()) for ceiling in (None, Ceiling(0, Decimal(0))))
    assert isinstance(first[0], Settled)
    assert isinstance(again[0], Settled)
    assert again[0].outcome == first[0].outcome


def test_rows_that_the_invoice_would_not_take_do_not_count(world: World) -> None:
    ready(world, transactioncurrencyid=USD)
    ready(world, transactioncurrencyid=USD, msdyn_startdatetime=world.dataverse.rows.now.replace(year=2027))
    (outcome,) = given(world, Ceiling(1, Decimal(1600)), command())
    assert isinstance(outcome, Settled)
    assert outcome.outcome["outcome"] == "created"
