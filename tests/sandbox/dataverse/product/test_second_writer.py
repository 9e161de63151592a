"""The product as one of two writers of actuals: when it writes, what its rows can be known by, what it takes back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.company.names import company_id
from sandbox.dataverse.product import Creation, Environment, Replacements
from sandbox.dataverse.product.choices import ContractState, JournalType, Stage, TimeStatus
from sandbox.dataverse.product.ledger import is_live
from sandbox.dataverse.product.traces import originate
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row
from tests.sandbox.dataverse.product.acts import BILLED, CHARGEABLE, COST, UNBILLED, confirmed

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

ORIGIN, CONNECTION = "msdyn_transactionorigin", "msdyn_transactionconnection"
SETS = "msdyn_ProcessProjectApprovalSets"
APPROVE, CANCEL = 192350003, 192350004


def approved(product: Fabrikam, project: str = "T") -> tuple[UUID, UUID]:
    entry, approval = product.submitted_time(project)
    product.call("msdyn_ApprovalStatusApprove", approval)
    return entry, approval


def decide(product: Fabrikam, act: int, approval: UUID) -> None:
    product.call(SETS, ActionType=act, ProjectApprovals=[{"msdyn_projectapprovalid": str(approval)}])


def project(name: str) -> Link:
    return Link("msdyn_project", company_id("msdyn_project", name))


def corrected(product: Fabrikam, entry: UUID, **values: Cell) -> None:
    with product.server.transaction() as work:
        journal = work.create("msdyn_journal", {"msdyn_journaltype": JournalType.TIME_CORRECTION, **values})
        originate(work, Link("msdyn_timeentry", entry), Link("msdyn_journal", journal))
    product.call("msdyn_PostJournal", journal)


def live(product: Fabrikam) -> list[tuple[Cell, Cell, Cell]]:
    rows = [row for row in product.actuals() if is_live(row)]
    return [(row["msdyn_project"], row["msdyn_transactiontypecode"], row["msdyn_amount"]) for row in rows]


def origin_tables(product: Fabrikam, actual: Row) -> list[Cell]:
    rows = product.find(ORIGIN, msdyn_transaction=str(actual["msdyn_actualid"]))
    return [row["msdyn_origintype"] for row in rows]


@pytest.mark.parametrize("kind", list(Replacements))
def test_what_a_correction_makes_is_known_as_the_switch_says(product: Fabrikam, kind: Replacements) -> None:
    """And whichever way that is, the product itself finds it again: to correct it once more, and to cancel."""
    product.switches.replacements = kind
    entry, approval = approved(product)
    corrected(product, entry, msdyn_defaultproject=project("I"))
    (replacement,) = [row for row in product.actuals() if row["msdyn_project"] == project("I")]
    expected: dict[Replacements, list[Cell]] = {
        Replacements.ENTRY: ["msdyn_journalline", "msdyn_timeentry"],
        Replacements.JOURNAL_LINE: ["msdyn_journalline"],
        Replacements.CONNECTION: [],
    }
    assert origin_tables(product, replacement) == expected[kind]
    pairs = product.find(CONNECTION, msdyn_transaction1=str(replacement["msdyn_actualid"]))
    roles = [(pair["msdyn_transaction1role"], pair["msdyn_transaction2role"]) for pair in pairs]
    assert roles == ([("Replacing", "Original")] if kind is Replacements.CONNECTION else [])
    role = Link("bookableresourcecategory", company_id("bookableresourcecategory", "Consultant"))
    corrected(product, entry, msdyn_resourcecategory=role)
    assert live(product) == [(project("I"), COST, 640)]
    decide(product, CANCEL, approval)
    assert live(product) == []
    assert sum(amount for _, _, _, amount in product.ledger()) == 0
    product.call("msdyn_ApprovalStatusApprove", approval)
    assert [amount for _, _, amount in live(product)] == [640]


def test_replacements_may_be_connected_with_what_they_replace(product: Fabrikam) -> None:
    product.switches.replacements_connected = True
    entry, _ = approved(product)
    corrected(product, entry, msdyn_resourcecategory=None)
    pairs = product.find(CONNECTION, msdyn_transaction1role="Replacing")
    assert [product.row("msdyn_actual", UUID(str(pair["msdyn_transaction2"])))["msdyn_amount"] for pair in pairs] == [
        800,
        1600,
    ]


@pytest.mark.parametrize(("traced", "connected"), [(True, True), (True, False), (False, True), (False, False)])
def test_what_a_cancel_takes_back_may_have_lost_its_traces(product: Fabrikam, traced: bool, connected: bool) -> None:
    product.switches.reversals_traced, product.switches.reversals_connected = traced, connected
    _, approval = approved(product)
    decide(product, CANCEL, approval)
    reversals = [row for row in product.actuals() if row["msdyn_quantity"] == -8]
    assert [bool(origin_tables(product, row)) for row in reversals] == [traced, traced]
    assert len(product.find(CONNECTION, msdyn_transaction1role="Reversing")) == (2 if connected else 0)
    product.call("msdyn_ApprovalStatusApprove", approval)
    assert [amount for _, _, amount in live(product)] == [800, 1600]


def test_late_actuals_are_made_once_and_not_at_all_when_cancelled_before(product: Fabrikam) -> None:
    product.switches.actuals, product.switches.actuals_after = Creation.LATER, timedelta(minutes=10)
    _, approval = approved(product)
    product.wait(timedelta(minutes=9))
    decide(product, CANCEL, approval)
    product.wait(timedelta(minutes=10))
    assert product.ledger() == []
    product.call("msdyn_ApprovalStatusApprove", approval)
    product.wait(timedelta(minutes=9))
    assert product.ledger() == []
    product.wait(timedelta(minutes=1))
    product.wait(timedelta(minutes=10))
    assert live(product) == [(project("T"), COST, 800), (project("T"), UNBILLED, 1600)]


def test_late_actuals_come_beside_those_somebody_else_made_meanwhile(product: Fabrikam) -> None:
    product.switches.actuals = Creation.LATER
    entry, approval = approved(product)
    product.ready_actual("8", "200", origins=(Link("msdyn_timeentry", entry),), status=None)
    product.wait(timedelta(minutes=1))
    assert [row[1:] for row in live(product)] == [(COST, 800), (UNBILLED, 1600), (UNBILLED, 1600)]
    decide(product, CANCEL, approval)
    assert live(product) == []


def test_actuals_that_fail_to_come_hold_up_nobody_elses(product: Fabrikam) -> None:
    product.switches.actuals = Creation.LATER
    _, first = approved(product)
    approved(product, "F")
    product.switches.failing[first] = "A time-out."
    with pytest.raises(Refused, match="A time-out"):
        product.wait(timedelta(minutes=1))
    assert live(product) == [(project("F"), COST, 800)]
    product.switches.failing.clear()
    product.wait(timedelta(minutes=1))
    assert len(live(product)) == 3


def test_in_a_set_one_failure_leaves_nothing_of_its_own_and_nothing_out_of_the_others(product: Fabrikam) -> None:
    product.switches.approval_sets_after = timedelta(minutes=1)
    (_, good), (entry, bad) = product.submitted_time(), product.submitted_time()
    members = [{"msdyn_projectapprovalid": str(id)} for id in (bad, good)]
    product.call(SETS, ActionType=APPROVE, ProjectApprovals=members)
    with product.server.transaction() as work:
        work.update("msdyn_timeentry", entry, {"msdyn_date": None})
    product.wait(timedelta(minutes=1))
    (made,) = product.find("msdyn_approvalset")
    assert made["statuscode"] == 192350003
    assert "no date" in str(made["msdyn_description"])
    assert product.row("msdyn_projectapproval", bad)["msdyn_recordstage"] == Stage.SUBMITTED
    assert product.row("msdyn_projectapproval", good)["msdyn_recordstage"] == Stage.APPROVED
    assert len(live(product)) == 2


@pytest.mark.parametrize("lingers", [False, True])
def test_the_target_status_goes_when_it_is_reached_unless_it_lingers(product: Fabrikam, lingers: bool) -> None:
    product.switches.approval_sets_after, product.switches.targets_linger = timedelta(minutes=1), lingers
    entry, approval = product.submitted_time()
    decide(product, APPROVE, approval)
    assert product.row("msdyn_timeentry", entry)["msdyn_targetentrystatus"] == TimeStatus.APPROVED
    product.wait(timedelta(minutes=1))
    product.switches.approval_sets_after = timedelta()
    decide(product, CANCEL, approval)
    row = product.row("msdyn_timeentry", entry)
    assert row["msdyn_entrystatus"] == TimeStatus.SUBMITTED
    assert row["msdyn_targetentrystatus"] == (TimeStatus.APPROVED if lingers else None)


def test_a_contract_confirmed_after_a_correction_keeps_the_correction(product: Fabrikam) -> None:
    product.update("salesorder", product.contract, {"msdyn_psastatusreason": ContractState.DRAFT})
    entry, _ = approved(product, "I")
    corrected(product, entry, msdyn_defaultproject=project("T"))
    assert live(product) == [(project("T"), COST, 800), (project("T"), UNBILLED, 1600)]
    price = company_id("msdyn_resourcecategorypricelevel", "Adatum 2026/Developer")
    product.update("msdyn_resourcecategorypricelevel", price, {"msdyn_price": Decimal(220)})
    confirm_contract(product)
    assert live(product) == [(project("T"), COST, 800), (project("T"), UNBILLED, 1760)]


@pytest.mark.parametrize("kind", list(Replacements))
def test_a_contract_can_be_confirmed_twice(product: Fabrikam, kind: Replacements) -> None:
    product.switches.replacements = kind
    approved(product)
    for _ in range(2):
        product.update("salesorder", product.contract, {"msdyn_psastatusreason": ContractState.DRAFT})
        confirm_contract(product)
    assert live(product) == [(project("T"), COST, 800), (project("T"), UNBILLED, 1600)]
    assert len(product.ledger()) == 10


@pytest.mark.parametrize("environment", list(Environment))
def test_what_a_credit_reopened_is_made_anew_with_its_contract(product: Fabrikam, environment: Environment) -> None:
    product.switches.environment = environment
    _, invoice = confirmed(product)
    product.confirm(product.correction_of(invoice))
    assert live(product) == [(project("T"), COST, 800), (project("T"), UNBILLED, 1600)]
    product.update("salesorder", product.contract, {"msdyn_psastatusreason": ContractState.DRAFT})
    confirm_contract(product)
    assert live(product) == [(project("T"), COST, 800), (project("T"), UNBILLED, 1600)]
    assert [entry for entry in product.ledger() if entry[0] == BILLED] == [
        (BILLED, CHARGEABLE, 8, 1600),
        (BILLED, CHARGEABLE, -8, -1600),
    ]


def confirm_contract(product: Fabrikam) -> None:
    with product.server.organisation.transaction(USERS["clerk"]) as work:
        work.update("salesorder", product.contract, {"msdyn_psastatusreason": ContractState.REASON_CONFIRMED})
