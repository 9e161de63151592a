"""Explaining entries for which nothing is written: withdrawn, refused, somebody else's, or not to be written at all."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from connector.dataverse.changes import Create, Reference
from handlers.actuals import ActualsHandler
from handlers.explanation import Standing, Whose, explain
from handlers.plan import NothingToDo, NotYet, Plan, Refuse
from handlers.rows import reference
from handlers.verification import VerificationHandler
from mappings import tables
from mappings.choices import TransactionType
from mappings.tables import Ref
from tests.handlers.judging import write
from tests.handlers.situations import explained, written_by
from tests.handlers.world import APPROVED, COST, GO_LIVE, MANAGER, SUBMITTED, UNBILLED, USD, ZONE, World


def test_a_withdrawn_entry_names_the_rows_that_go_and_plans_none(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.cancel(entry)
    explanation = explained(world, entry)
    assert isinstance(explanation.decisions[0], Plan)
    assert explanation.planned == ()
    assert [held.goes for held in explanation.held] == [True, True]
    announced = {change.row: dict(change.values) for change in explanation.changes if isinstance(change, Create)}
    assert announced == written_by(world, entry)


def test_rows_of_somebody_else_are_theirs_and_nothing_is_written(world: World) -> None:
    entry = world.approved()
    write(world, entry, COST, msdyn_quantity=Decimal(7), msdyn_amount=Decimal(700))
    write(world, entry, UNBILLED)
    explanation = explained(world, entry)
    assert [held.whose for held in explanation.held] == [Whose.PRODUCT, Whose.PRODUCT]
    assert {one.standing for one in explanation.planned} == {Standing.COUNTED}
    assert any("quantity 7" in one.sentence for one in explanation.findings)
    (decision,) = explanation.decisions
    assert isinstance(decision, NothingToDo)
    assert decision.is_news
    assert not written_by(world, entry)


def test_doubled_rows_are_told_apart(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    theirs = write(world, entry, UNBILLED)
    explanation = explained(world, entry)
    whose = {held.actual.id: held.whose for held in explanation.held}
    assert whose.pop(theirs.id) is Whose.PRODUCT
    assert set(whose.values()) == {Whose.SERVICE}
    (decision,) = explanation.decisions
    assert isinstance(decision, Refuse)
    assert decision.code == "doubled"
    assert not written_by(world, entry)


@pytest.mark.parametrize("kind", [192350001, 192350002])
def test_a_correction_journals_rows_are_the_journals(world: World, kind: int) -> None:
    entry = world.approved()
    row = write(world, entry, COST)
    line, journal = world.fresh("msdyn_journalline"), world.fresh("msdyn_journal")
    world.dataverse.put(journal, msdyn_journaltype=kind)
    world.dataverse.put(line, msdyn_journal=journal)
    come_from(world, row, line)
    assert [held.whose for held in explained(world, entry).held] == [Whose.JOURNAL]


@pytest.mark.parametrize("kind", [None, 192350000])
def test_a_journal_line_of_submission_makes_a_row_no_journals(world: World, kind: int | None) -> None:
    entry = world.approved()
    row = write(world, entry, COST)
    line, journal = world.fresh("msdyn_journalline"), world.fresh("msdyn_journal")
    world.dataverse.put(journal, msdyn_journaltype=kind)
    world.dataverse.put(line, msdyn_journal=journal if kind else None)
    come_from(world, row, line)
    assert [held.whose for held in explained(world, entry).held] == [Whose.PRODUCT]


def test_a_row_that_leads_to_a_journal_line_and_not_to_the_entry_is_a_journals(world: World) -> None:
    entry = world.approved()
    line, row = world.fresh("msdyn_journalline"), world.fresh("msdyn_actual")
    world.dataverse.put(row, msdyn_transactiontypecode=COST, msdyn_quantity=Decimal(8), transactioncurrencyid=USD)
    come_from(world, line, reference(entry))
    come_from(world, row, line)
    assert [held.whose for held in explained(world, entry).held] == [Whose.JOURNAL]


def test_what_came_from_an_invoice_is_the_invoices_and_what_came_from_nowhere_is_somebodys(world: World) -> None:
    entry = world.approved()
    sales = write(world, entry, UNBILLED)
    billed = write(world, entry, TransactionType.BILLED_SALES)
    reversal = write(world, entry, UNBILLED, msdyn_quantity=Decimal(-8), msdyn_adjustmentstatus=192350002)
    come_from(world, reversal, world.fresh("invoice"))
    loose = world.fresh("msdyn_actual")
    world.dataverse.put(loose, msdyn_transactiontypecode=COST, msdyn_quantity=Decimal(1), transactioncurrencyid=USD)
    world.dataverse.put(
        world.fresh("msdyn_transactionconnection"),
        msdyn_transaction1=str(loose.id),
        msdyn_transaction1type="msdyn_actual",
        msdyn_transaction2=str(sales.id),
        msdyn_transaction2type="msdyn_actual",
    )
    whose = {held.actual.id: held.whose for held in explained(world, entry).held}
    assert whose == {
        sales.id: Whose.PRODUCT,
        billed.id: Whose.INVOICE,
        reversal.id: Whose.INVOICE,
        loose.id: Whose.OTHER,
    }


def test_who_wrote_a_row_is_told(world: World) -> None:
    entry = world.approved()
    world.dataverse.rows.user = MANAGER
    write(world, entry, COST)
    assert [held.by for held in explained(world, entry).held] == [Ref(MANAGER.table, MANAGER.id)]


def come_from(world: World, row: Reference, source: Reference) -> None:
    world.dataverse.put(
        world.fresh("msdyn_transactionorigin"),
        msdyn_origin=str(source.id),
        msdyn_origintype=source.table,
        msdyn_transaction=str(row.id),
        msdyn_transactiontype=row.table,
    )


def test_a_refused_price_is_told_with_what_is_known(world: World) -> None:
    entry = world.submit()
    world.approve(entry, msdyn_salesprice=Decimal(0))
    explanation = explained(world, entry)
    (decision,) = explanation.decisions
    assert isinstance(decision, Refuse)
    assert explanation.unknown is not None
    assert decision.code == explanation.unknown.code == "price-zero"
    assert explanation.planned == ()
    assert not written_by(world, entry)


def test_an_entry_that_makes_no_sense_is_refused_and_nothing_else_is_told(world: World) -> None:
    entry = world.approved()
    world.dataverse.put(world.approval_of(entry), msdyn_billingtype=7)
    explanation = explained(world, entry)
    assert explanation.facts is None
    assert explanation.unknown is not None
    assert explanation.unknown.code == "unknown-choice"


def test_a_reading_in_flux_is_not_yet(world: World) -> None:
    entry = world.submit()
    world.dataverse.put(reference(entry), msdyn_targetentrystatus=APPROVED)
    (decision,) = explained(world, entry).decisions
    assert isinstance(decision, NotYet)
    assert not written_by(world, entry)


def test_an_entry_that_is_only_submitted_calls_for_nothing(world: World) -> None:
    explanation = explained(world, world.submit(msdyn_entrystatus=SUBMITTED))
    assert explanation.planned == ()
    assert explanation.unknown is None


def test_a_vacation_calls_for_nothing(world: World) -> None:
    entry = world.approved(msdyn_type=192350002, msdyn_project=None)
    explanation = explained(world, entry)
    (decision,) = explanation.decisions
    assert isinstance(decision, NothingToDo)
    assert "Not project work" in decision.because
    assert explanation.planned == ()
    assert not written_by(world, entry)


def test_before_go_live_the_rows_are_told_and_not_written(world: World) -> None:
    entry = world.submit()
    world.approve(entry, msdyn_approvedon=datetime(2025, 12, 30, 15, tzinfo=UTC))
    explanation = explained(world, entry)
    (decision,) = explanation.decisions
    assert isinstance(decision, NothingToDo)
    assert "before the go-live date 2026-01-01" in decision.because
    assert [one.standing for one in explanation.planned] == [Standing.NOT_WRITTEN] * 2
    assert explanation.findings == ()
    assert not written_by(world, entry)


def test_where_the_product_creates_actuals_its_rows_are_compared_and_nothing_is_written(world: World) -> None:
    handler = VerificationHandler(ActualsHandler(GO_LIVE, ZONE))
    entry = world.approved()
    lacking = explain(entry, handler, world.dataverse)
    (decision,) = lacking.decisions
    assert isinstance(decision, Refuse)
    assert decision.code == "actuals-missing"
    assert [one.standing for one in lacking.planned] == [Standing.NOT_WRITTEN] * 2
    for kind in (COST, UNBILLED):
        write(world, entry, kind, msdyn_startdatetime=datetime(2026, 2, 10, 5, tzinfo=UTC))
    there = explain(entry, handler, world.dataverse)
    assert [one.standing for one in there.planned] == [Standing.COUNTED] * 2
    assert [held.whose for held in there.held] == [Whose.PRODUCT] * 2
    assert there.findings == ()
    assert not there.changes
    assert not world.dataverse.committed


def test_an_entry_that_does_not_exist_is_told_as_gone(world: World) -> None:
    explanation = explained(world, Ref(tables.TIME_ENTRY, UUID(int=1)))
    (decision,) = explanation.decisions
    assert "no longer exists" in getattr(decision, "because", "")
