"""Whoever else cancels, corrects or edits in between, in whatever order: nothing counts twice, nothing is lost."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import event, given, settings
from hypothesis import strategies as st

from connector.dataverse.changes import Reference
from handlers.fixed_point import Settled
from handlers.rows import reference
from tests.handlers.fake_dataverse import Stalled
from tests.handlers.judging import write
from tests.handlers.test_any_history import History
from tests.handlers.test_ledger_found import by_journal_line, connect, take_back, untie
from tests.handlers.world import COST, RESOURCE, UNBILLED, World, new

COLLEAGUE = new("bookableresource", 25)
TIES = ("origin", "journal line", "connection")
PEOPLE = st.sampled_from(["approve", "cancel", "cut to six", "raise to ten", "complimentary", "edit", "edit back"])
OTHERS = st.tuples(st.sampled_from(["product cancels", "correction"]), st.sampled_from(TIES))
WORKER = st.sampled_from(["look", "lose the answer", "fail without a trace"])
STEPS = st.one_of(PEOPLE, OTHERS, WORKER)
STALLED = st.tuples(st.just("stalled"), st.lists(STEPS, max_size=4))


class Company(History):
    """One entry in a company where the product and its users write too."""

    def __init__(self) -> None:
        super().__init__()
        self.corrected = False

    def act(self, step: object) -> None:
        """One step, of whomever."""
        match step:
            case ("stalled", list(steps)):
                self.look(Stalled(self.world.dataverse, lambda: self.act_all(steps)))
            case ("product cancels", str(tie)):
                self.taken_back(tie)
                self.take("cancel")
            case ("correction", str(tie)):
                self.correct(tie)
            case "edit":
                self.world.dataverse.put(reference(self.entry), msdyn_bookableresource=COLLEAGUE)
            case "edit back":
                self.world.dataverse.put(reference(self.entry), msdyn_bookableresource=RESOURCE)
            case str(known):
                self.take(known)

    def act_all(self, steps: list[object]) -> None:
        """Several steps."""
        for step in steps:
            self.act(step)

    def counting(self) -> list[Reference]:
        """The rows that count, whoever wrote them."""
        rows = self.world.dataverse.rows.of("msdyn_actual")
        return [row for row, cells in rows.items() if cells.get("msdyn_adjustmentstatus") is None]

    def taken_back(self, tie: str) -> None:
        """All that counts is taken back by the product, which ties its reversals in one way or another."""
        for original in self.counting():
            reversal = take_back(self.world, self.entry, original)
            self.tie(tie, reversal, "Reversing", original)

    def correct(self, tie: str) -> None:
        """A correction journal replaces what counts, while the approval stands."""
        if self.last == "cancel":
            return
        for original in self.counting():
            cells = dict(self.world.dataverse.get(original))
            take_back(self.world, self.entry, original)
            kept = {name: cells[name] for name in ("msdyn_quantity", "msdyn_amount", "msdyn_billingtype")}
            replacement = write(self.world, self.entry, cells["msdyn_transactiontypecode"], **kept)
            self.tie(tie, replacement, "Replacing", original)
            self.corrected = True

    def tie(self, tie: str, row: Reference, role: str, original: Reference) -> None:
        if tie != "origin":
            untie(self.world, row)
        if tie == "journal line":
            by_journal_line(self.world, self.entry, row)
        if tie == "connection":
            connect(self.world, row, role, original)


def quantity(world: World, kind: int) -> Decimal:
    """What counts on one side, all rows there are."""
    rows = world.dataverse.rows.of("msdyn_actual").values()
    live = [c for c in rows if c["msdyn_transactiontypecode"] == kind and c.get("msdyn_adjustmentstatus") is None]
    return sum((cells["msdyn_quantity"] for cells in live), Decimal(0))


@settings(max_examples=250, deadline=None)
@given(st.lists(st.one_of(STEPS, STALLED), max_size=14))
def test_nothing_counts_twice_and_nothing_is_lost_whoever_writes_in_between(steps: list[object]) -> None:
    company = Company()
    company.act_all(steps)
    world, entry = company.world, company.entry
    world.dataverse.faults.clear()
    world.settle(entry)
    assert quantity(world, COST) in (0, 8)
    assert quantity(world, UNBILLED) in (0, 8, 10)
    # What an edit held up goes on once it is undone.
    approved_for = world.dataverse.get(world.approval_of(entry)).get("msdyn_bookableresource", RESOURCE)
    world.dataverse.put(reference(entry), msdyn_bookableresource=approved_for)
    (outcome,) = world.settle(entry)
    assert isinstance(outcome, Settled), outcome
    again = world.settled(entry)
    assert again.commits == 0
    if company.corrected:
        event("corrected")
        return
    event(company.last)
    assert sorted(row[2:] for row in world.live(entry)) == sorted(row[2:] for row in company.expected())
    gone = [cells for cells in world.actuals().values() if cells.get("msdyn_adjustmentstatus") is not None]
    assert sum(cells["msdyn_amount"] for cells in gone) == 0
