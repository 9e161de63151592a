"""The acceptance scenarios of cancelling, recalling and correcting, through the whole service."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.settlement import Complete, DeadLetter, RedeliverAt
from sandbox.company.company import LoadedEntry
from tests.flow.acceptance import Acceptance, adjusted, cost, in_order, reversal, unbilled
from tests.flow.interleaving import Interleaving
from tests.flow.queue_world import listen, run_until_drained
from tests.flow.test_invoices import create, mark_ready
from tests.flow.world import World

OF_EIGHT = ("8", "100", "800")
COST, SALES = cost("8", "100", "800"), unbilled("8", "200", "1600", OF_EIGHT)
TAKEN_BACK = [adjusted(COST), reversal(COST), adjusted(SALES), reversal(SALES)]


@pytest.fixture
def scenario(world: World) -> Acceptance:
    return Acceptance(world)


def state(scenario: Acceptance, entry: LoadedEntry) -> tuple[object, object]:
    """The status of an entry and the stages of its approvals."""
    time = entry.table == "msdyn_timeentry"
    table, column = ("msdyn_timeentries", "msdyn_entrystatus") if time else ("msdyn_expenses", "msdyn_expensestatus")
    row = scenario.world.http("GET", f"{table}({entry.id})").json()
    approval = scenario.world.http("GET", f"msdyn_projectapprovals({entry.approval})").json()
    return row[column], approval["msdyn_recordstage"]


def test_scenario_28_a_cancelled_approval_is_taken_back_in_full(scenario: Acceptance) -> None:
    world, entry = scenario.world, scenario.time()
    assert scenario.billed(entry) == [COST, SALES]
    world.cancel(entry)
    assert isinstance(scenario.work(entry), Complete)
    assert scenario.rows(entry) == TAKEN_BACK
    assert state(scenario, entry) == (192350003, 0)
    assert world.faults() == []
    world.command(mark := mark_ready(world))
    assert world.record(mark)["marked"] == []


def test_scenario_28_over_the_queue_and_approved_again(scenario: Acceptance) -> None:
    world, entry = scenario.world, scenario.time()
    listen(world)
    scenario.approve(entry)
    run_until_drained(world)
    world.cancel(entry)
    run_until_drained(world)
    assert scenario.rows(entry) == TAKEN_BACK
    world.approve(entry)
    run_until_drained(world)
    assert scenario.rows(entry) == in_order([*TAKEN_BACK, COST, SALES])
    assert world.faults() == []


def test_scenario_30_an_accepted_recall_is_taken_back_and_the_time_returned(scenario: Acceptance) -> None:
    entry = scenario.time()
    scenario.billed(entry)
    people = Interleaving(scenario.world, entry)
    people.act("recall")
    assert isinstance(scenario.work(entry), Complete)
    assert scenario.rows(entry) == [COST, SALES]
    people.act("accept recall")
    assert isinstance(scenario.work(entry), Complete)
    assert scenario.rows(entry) == TAKEN_BACK
    assert state(scenario, entry) == (192350001, 1)
    assert scenario.world.faults() == []


def test_scenario_30_an_expense_is_rejected_and_taken_back(scenario: Acceptance) -> None:
    entry = scenario.expense("Airfare", "500")
    before = scenario.billed(entry)
    people = Interleaving(scenario.world, entry)
    people.act_all(["recall", "accept recall"])
    assert isinstance(scenario.work(entry), Complete)
    sums = [sum(Decimal(str(row[column])) for row in scenario.rows(entry)) for column in ("quantity", "amount")]
    assert sums == [0, 0]
    assert [row for row in scenario.rows(entry) if row["adjustment"] == "adjusted"] == [adjusted(row) for row in before]
    assert state(scenario, entry) == (192350003, 1)
    assert scenario.world.faults() == []


def test_scenario_30_a_refused_recall_changes_nothing(scenario: Acceptance) -> None:
    entry = scenario.time()
    scenario.billed(entry)
    people = Interleaving(scenario.world, entry)
    people.act_all(["recall", "refuse recall"])
    assert isinstance(scenario.work(entry), Complete)
    assert scenario.rows(entry) == [COST, SALES]
    assert people.struck == {"recall": 1, "refuse recall": 1}
    assert scenario.world.faults() == []


def test_what_stands_on_a_draft_waits_loudly_and_what_was_posted_is_refused(
    scenario: Acceptance, caplog: pytest.LogCaptureFixture
) -> None:
    """Withdrawal beside an invoice: an approval that was withdrawn all the same is never quietly taken back.

    It warns at every look, and is put aside under a code of its own when the draft outlasts all of them.
    """
    world, entry = scenario.world, scenario.time()
    scenario.billed(entry)
    people = Interleaving(world, entry)
    world.command(mark_ready(world))
    world.command(create(world))
    world.sandbox.switches.entries_locked = False
    for table, id, values in (
        ("msdyn_projectapprovals", entry.approval, {"msdyn_recordstage": 0}),
        ("msdyn_timeentries", entry.id, {"msdyn_entrystatus": 192350003}),
    ):
        world.http("PATCH", f"{table}({id})", values)
    (invoice,) = world.books()["invoices"]
    (sales,) = (row for row in world.books().live(str(entry.id)) if row["msdyn_billingstatus"] == 192350001)
    told = (
        f"but msdyn_actual({sales['msdyn_actualid']}) stands on a draft invoice, invoice({invoice['invoiceid']}); "
        "delete the draft."
    )
    for _ in range(2):
        caplog.clear()
        waits = scenario.work(entry)
        assert isinstance(waits, RedeliverAt)
        assert told in waits.because
        (warning,) = (record for record in caplog.records if told in record.getMessage())
        assert (warning.levelname, str(entry.id) in warning.getMessage()) == ("WARNING", True)
    given_up = scenario.at_the_retry_limit(entry)
    assert isinstance(given_up, DeadLetter)
    assert given_up.code == "on-draft-invoice"
    assert told in given_up.sentence
    people.act("post")
    refused = scenario.work(entry)
    assert isinstance(refused, DeadLetter)
    assert refused.code == "already-invoiced"
    assert [row["adjustment"] for row in scenario.rows(entry) if row["kind"] == "cost"] == [None]


@pytest.mark.parametrize("creator", ["the service", "the product"])
def test_scenario_32_a_correction_moves_the_hours_to_another_project(scenario: Acceptance, creator: str) -> None:
    world, entry = scenario.world, scenario.time()
    people = Interleaving(world, entry)
    if creator == "the product":
        people.act("product creates")
    scenario.approve(entry)
    assert isinstance(scenario.work(entry), Complete)
    people.act("move to academy")
    for _ in range(3):
        assert isinstance(scenario.work(entry), Complete)
    rows = scenario.rows(entry)
    of_p = [row for row in rows if row["project"] == "Adatum rollout"]
    assert [(row["kind"], row["quantity"], row["amount"], row["adjustment"]) for row in of_p] == [
        ("cost", 8, 800, "adjusted"),
        ("cost", -8, -800, "unadjustable"),
        ("unbilled", 8, 1600, "adjusted"),
        ("unbilled", -8, -1600, "unadjustable"),
    ]
    (of_q,) = [row for row in rows if row["project"] != "Adatum rollout"]
    assert (of_q["kind"], of_q["quantity"], of_q["amount"], of_q["contract"]) == ("cost", 8, 800, None)
