"""Whatever people did and however often workers looked, stalled or lost an answer: the books end up right."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.dataverse.access import Dataverse
from connector.errors import UnknownOutcome
from mappings.tables import Ref
from tests.handlers.fake_dataverse import Stalled
from tests.handlers.judging import in_balance
from tests.handlers.world import CHARGEABLE, COMPLIMENTARY, COST, NON_CHARGEABLE, UNBILLED, World

PEOPLE = st.sampled_from(["approve", "cancel", "cut to six", "raise to ten", "complimentary"])
WORKER = st.sampled_from(["look", "lose the answer", "fail without a trace"])
STALLED = st.tuples(st.just("stalled"), st.lists(st.one_of(PEOPLE, WORKER), max_size=5))
HISTORIES = st.lists(st.one_of(PEOPLE, WORKER, STALLED), max_size=14)

BILLABLE = {"approve": Decimal(8), "cut to six": Decimal(6), "raise to ten": Decimal(10), "complimentary": Decimal(8)}


class History:
    """One entry, what the people wanted last, and the workers that looked at it."""

    def __init__(self) -> None:
        self.world = World()
        self.entry: Ref = self.world.submit()
        self.last = "cancel"

    def take(self, step: str | tuple[str, list[str]]) -> None:
        """One step of the history."""
        if isinstance(step, tuple):
            self.look(Stalled(self.world.dataverse, lambda: self.take_all(step[1])))
        elif step == "cancel":
            self.last = step
            self.world.cancel(self.entry)
        elif step in BILLABLE:
            self.last = step
            kind = COMPLIMENTARY if step == "complimentary" else CHARGEABLE
            self.world.approve(self.entry, msdyn_salesquantity=BILLABLE[step], msdyn_billingtype=kind)
        else:
            if step == "lose the answer":
                self.world.dataverse.lose_the_answer()
            if step == "fail without a trace":
                self.world.dataverse.fail(UnknownOutcome("lost", "Lost."))
            self.look()

    def take_all(self, steps: list[str]) -> None:
        """Several steps."""
        for step in steps:
            self.take(step)

    def look(self, through: Dataverse | None = None) -> None:
        """A worker handles the entry; it may fail."""
        self.world.settle(self.entry, through=through)

    def expected(self) -> list[tuple[int, int, str, str]]:
        """What must count in the end, by hand."""
        cost = (COST, CHARGEABLE, "8.00", "800.00")
        return {
            "cancel": [],
            "approve": [cost, (UNBILLED, CHARGEABLE, "8.00", "1600.00")],
            "cut to six": [
                cost,
                (UNBILLED, NON_CHARGEABLE, "2.00", "400.00"),
                (UNBILLED, CHARGEABLE, "6.00", "1200.00"),
            ],
            "raise to ten": [cost, (UNBILLED, CHARGEABLE, "10.00", "2000.00")],
            "complimentary": [(COST, COMPLIMENTARY, "8.00", "800.00"), (UNBILLED, COMPLIMENTARY, "8.00", "1600.00")],
        }[self.last]


@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_after_any_history_one_more_look_finds_or_makes_the_books_right(
    steps: list[str | tuple[str, list[str]]],
) -> None:
    history = History()
    for step in steps:
        history.take(step)
    history.world.dataverse.faults.clear()
    history.world.settled(history.entry)
    world, entry = history.world, history.entry
    assert world.live(entry) == history.expected()
    assert in_balance(world, entry)
    billed = sum((Decimal(amount) for kind, *_, amount in history.expected() if kind == UNBILLED), Decimal(0))
    assert world.net(entry, UNBILLED) == billed
    assert world.settled(entry).commits == 0
