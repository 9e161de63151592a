"""Which rows are read for an entry, and that rows that make no sense stop their own entry and no other."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from connector.dataverse.changes import Reference
from connector.dataverse.query import AnyOf
from handlers.fixed_point import Settled
from handlers.rows import reference
from mappings import keys
from mappings.tables import Ref
from tests.handlers.judging import EIGHT_HOURS, refused
from tests.handlers.world import COST, EUR, INDIA, MANAGER, PROJECT, RESOURCE, UNBILLED, UNIT, USD, World


def unknown_billing_type(world: World, entry: Ref) -> None:
    world.dataverse.put(world.approval_of(entry), msdyn_billingtype=192350009)


def unknown_stage(world: World, entry: Ref) -> None:
    world.dataverse.put(world.approval_of(entry), msdyn_recordstage=7)


def unknown_billing_method(world: World, entry: Ref) -> None:
    project = project_of_its_own(world, entry)
    world.dataverse.put(
        world.fresh("salesorderdetail"),
        **world.line_of(project, world.fresh("salesorder"), msdyn_billingmethod=690970000),
    )


def no_date(world: World, entry: Ref) -> None:
    world.dataverse.put(reference(entry), msdyn_date=None)


def a_currency_without_precision(world: World, entry: Ref) -> None:
    unit, currency = world.fresh("msdyn_organizationalunit"), world.fresh("transactioncurrency")
    world.dataverse.put(currency, isocurrencycode="XXX", currencyprecision=None, exchangerate=Decimal(1))
    world.dataverse.put(unit, msdyn_currency=currency)
    project = project_of_its_own(world, entry)
    world.dataverse.put(project, msdyn_contractorganizationalunitid=unit)


def project_of_its_own(world: World, entry: Ref) -> Reference:
    project = world.fresh("msdyn_project")
    world.dataverse.put(project, ownerid=MANAGER, msdyn_contractorganizationalunitid=UNIT)
    world.dataverse.put(reference(entry), msdyn_project=project)
    world.dataverse.put(world.approval_of(entry), msdyn_project=project)
    return project


@pytest.mark.parametrize(
    ("poison", "code"),
    [
        (unknown_billing_type, "unknown-choice"),
        (unknown_stage, "unknown-choice"),
        (unknown_billing_method, "unknown-choice"),
        (no_date, "unreadable-row"),
        (a_currency_without_precision, "currency-missing"),
    ],
)
def test_a_row_that_makes_no_sense_stops_its_own_entry_and_no_other(
    world: World, poison: Callable[[World, Ref], None], code: str
) -> None:
    before, bad, after = (world.approved() for _ in range(3))
    poison(world, bad)
    first, held, last = world.settle(before, bad, after)
    failure = refused(held)
    assert failure.code == code
    assert str(bad.id) in failure.sentence
    assert isinstance(first, Settled)
    assert isinstance(last, Settled)
    assert world.live(before) == world.live(after) == EIGHT_HOURS
    assert not world.actuals(bad)


@pytest.mark.parametrize("text", ["n/a", "", None])
def test_an_origin_that_leads_nowhere_is_passed_over(world: World, text: str | None) -> None:
    entry = world.approved()
    world.dataverse.put(
        world.fresh("msdyn_transactionorigin"),
        msdyn_origin=str(entry.id),
        msdyn_transaction=text,
        msdyn_transactiontype="msdyn_actual",
    )
    world.settled(entry)
    assert len(world.dataverse.rows.of("msdyn_actual")) == 2


@pytest.mark.parametrize("spelled", [str, lambda id: str(id).upper(), lambda id: f"{{{id}}}".upper()])
def test_an_actual_of_others_is_found_however_its_origin_spells_the_ids(
    world: World, spelled: Callable[[object], str]
) -> None:
    entry = world.approved()
    theirs = world.fresh("msdyn_actual")
    world.dataverse.put(
        theirs,
        msdyn_transactiontypecode=COST,
        msdyn_quantity=Decimal(8),
        msdyn_price=Decimal(100),
        msdyn_amount=Decimal(800),
    )
    world.dataverse.put(
        world.fresh("msdyn_transactionorigin"),
        msdyn_origin=spelled(entry.id),
        msdyn_origintype="msdyn_timeentry",
        msdyn_transaction=spelled(theirs.id),
        msdyn_transactiontype="msdyn_actual",
    )
    assert str(theirs.id) in world.settled(entry).because
    assert not world.dataverse.committed


def test_the_ids_an_entry_is_looked_up_by_are_those_of_its_own_contracts(world: World) -> None:
    """A cost row and three sales rows of one customer, in this generation and the next: eight ids an entry."""
    entries = []
    for _ in range(20):
        contract, line = world.fresh("salesorder"), world.fresh("salesorderdetail")
        entry = world.approved()
        project = project_of_its_own(world, entry)
        world.dataverse.put(contract, customerid=world.fresh("account"), transactioncurrencyid=USD)
        world.dataverse.put(line, **world.line_of(project, contract))
        entries.append(entry)
    world.settle(*entries)
    first = next(query for asked in world.dataverse.requests for query in asked if query.table == "msdyn_actual")
    assert isinstance(first.where, AnyOf)
    assert len(first.where.values) == 20 * 8
    assert all(world.live(entry) == EIGHT_HOURS for entry in entries)


def test_an_entry_that_names_no_unit_is_its_resources_unit(world: World) -> None:
    world.dataverse.put(RESOURCE, msdyn_organizationalunit=INDIA)
    world.dataverse.put(INDIA, msdyn_currency=USD)
    (outcome,) = world.settle(world.approved(msdyn_resourceorganizationalunitid=None))
    assert "resourcing unit cost price" in refused(outcome).sentence
    assert not world.dataverse.committed


def test_the_unit_an_entry_names_goes_before_its_resources(world: World) -> None:
    world.dataverse.put(RESOURCE, msdyn_organizationalunit=INDIA)
    entry = world.approved()
    world.settled(entry)
    assert {cells["msdyn_resourceorganizationalunitid"] for cells in world.actuals(entry).values()} == {UNIT}


def test_a_resource_of_the_same_unit_stands_in_for_an_entry_that_names_none(world: World) -> None:
    world.dataverse.put(RESOURCE, msdyn_organizationalunit=UNIT)
    entry = world.approved(msdyn_resourceorganizationalunitid=None)
    world.settled(entry)
    assert world.live(entry) == EIGHT_HOURS


def test_a_cost_that_must_be_converted_at_no_rate_is_refused(world: World) -> None:
    """The contract is in euros, the unit in dollars, and the euro has no exchange rate."""
    entry = world.approved()
    contract, line = world.fresh("salesorder"), world.fresh("salesorderdetail")
    world.dataverse.put(EUR, exchangerate=None)
    project = project_of_its_own(world, entry)
    world.dataverse.put(contract, customerid=world.fresh("account"), transactioncurrencyid=EUR)
    world.dataverse.put(line, **world.line_of(project, contract))
    journal_line = world.fresh("msdyn_journalline")
    world.dataverse.put(
        journal_line, msdyn_transactiontypecode=UNBILLED, msdyn_price=Decimal(180), transactioncurrencyid=EUR
    )
    world.dataverse.put(
        world.fresh("msdyn_transactionorigin"),
        msdyn_origin=str(entry.id),
        msdyn_transaction=str(journal_line.id),
        msdyn_transactiontype="msdyn_journalline",
    )
    failure = refused(world.settle(entry)[0])
    assert failure.code == "rate-missing"
    assert "EUR" in failure.sentence
    assert not world.actuals(entry)


def test_an_entry_covered_by_no_line_of_two_contracts_costs_what_it_costs_and_bills_nothing(world: World) -> None:
    """The project belongs to contracts, so the cost is not an internal project's: its billing type is not available."""
    contract, line = world.fresh("salesorder"), world.fresh("salesorderdetail")
    world.dataverse.put(contract, customerid=world.fresh("account"), transactioncurrencyid=USD)
    world.dataverse.put(line, **world.line_of(PROJECT, contract, msdyn_includetime=False))
    own = next(row for row in world.dataverse.rows.of("salesorderdetail") if row != line)
    world.dataverse.put(own, msdyn_includetime=False)
    entry = world.approved()
    world.settled(entry)
    assert world.live(entry) == [(COST, 192350003, "8.00", "800.00")]
    assert world.actuals(entry).keys() == {reference(Ref("msdyn_actual", keys.row_id(entry.id, 0, "cost")))}
