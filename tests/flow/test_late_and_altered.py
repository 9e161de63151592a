"""What outlives the call that asked for it, and what does not stay as it was written; judged by the ledger checker."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connector.auth import StaticToken
from connector.dataverse.access import Dataverse
from connector.dataverse.changes import ChangeSet, Committed, Record
from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Query
from connector.errors import ConnectorError
from connector.settlement import Complete, DeadLetter, Pause, RedeliverAt
from tests.flow.barriers import BeforeCommit, in_background
from tests.flow.test_actuals import ONCE, SALES
from tests.flow.test_invoices import EIGHT_HOURS_OF_ADA, create, mark_ready
from tests.flow.world import World


def test_a_reversal_that_lands_after_everybody_looked_is_found_by_a_second_look(world: World) -> None:
    """The worker's call times out, the approval is given again and handled, and only then the reversal lands."""
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    world.cancel(entry)
    held = world.sandbox.faults.hold(path=r"\$batch", containing="If-None-Match: *")

    def approved_again_meanwhile() -> None:
        assert held.reached.wait(30)
        world.approve(entry)
        world.work_on(entry)

    impatient = impatient_client(world)
    in_background(approved_again_meanwhile)
    (end,) = world.work_on(entry, dataverse=impatient)
    assert isinstance(end, RedeliverAt)
    assert (end.when - world.now()).total_seconds() > 120
    held.release()
    assert world.sandbox.events.idle(30)
    world.until(lambda: world.live(entry) == [])  # the late reversal has landed
    world.work_on(entry)  # the second look
    assert world.live(entry) == ONCE
    assert world.faults() == []


def impatient_client(world: World) -> DataverseClient:
    """A client that waits a second for an answer and no longer."""
    token = StaticToken(world.sandbox.tokens["service"])
    client = DataverseClient(world.sandbox.dataverse, token, tag="psa-connector", timeout=(5.0, 1.0))
    client.metadata.learn({"msdyn_actual", "msdyn_transactionorigin", "msdyn_transactionconnection"})
    return client


class Altering:
    """An environment whose plug-in sets another price on every sales actual that is created."""

    def __init__(self, dataverse: Dataverse, alter: Callable[[], None]) -> None:
        self._dataverse = dataverse
        self._alter = alter

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        return self._dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        outcomes = self._dataverse.commit(change_sets)
        self._alter()
        return outcomes


def test_rows_that_do_not_stay_as_written_are_reported_and_not_written_for_ever(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)

    def alter() -> None:
        for actual in world.books().live(str(entry.id)):
            if actual["msdyn_transactiontypecode"] == SALES and str(actual["msdyn_price"]) != "199.99":
                world.http("PATCH", f"msdyn_actuals({actual['msdyn_actualid']})", {"msdyn_price": 199.99})

    (end,) = world.work_on(entry, dataverse=Altering(world.client, alter))
    assert isinstance(end, DeadLetter)
    assert end.code == "not-as-written"
    assert len(world.books().of_entry(str(entry.id))) == 6  # written, taken back once, written again; then no more


def test_one_row_out_of_reach_does_not_hold_up_the_others(world: World) -> None:
    entries = [world.time("P1", "Ada", number) for number in range(3)]
    world.approve(*entries)
    world.sandbox.faults.refuse(
        times=9,
        path="msdyn_actuals",
        status=403,
        code="0x80040220",
        message="Missing prvCreate.",
        containing=str(entries[0].day),
    )
    ends = world.work_on(*entries)
    assert [type(end) for end in ends] == [RedeliverAt, Complete, Complete]


def test_a_role_that_was_taken_away_pauses_the_service_and_burns_no_message(world: World) -> None:
    entries = [world.time("P1", "Ada", number) for number in range(3)]
    world.approve(*entries)
    world.sandbox.faults.refuse(
        times=99, path="msdyn_actuals", status=403, code="0x80040220", message="Missing prvCreate.", method="PATCH"
    )
    ends = world.work_on(*entries)
    assert Pause in [type(end) for end in ends]
    assert DeadLetter not in [type(end) for end in ends]
    assert Complete not in [type(end) for end in ends]


def test_a_question_refused_once_is_no_verdict_on_the_entries_asked_about(world: World) -> None:
    entries = [world.time("P1", "Ada", number) for number in range(3)]
    world.approve(*entries)
    world.sandbox.faults.refuse(times=1, path=r"\$batch", status=400, message="Bad request.")
    assert [type(end) for end in world.work_on(*entries)] == [Complete] * 3
    assert world.faults() == []


def test_rows_the_product_wrote_after_ours_raise_the_alarm(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    world.write_foreign_cost(entry)
    (end,) = world.work_on(entry)
    assert isinstance(end, DeadLetter)
    assert end.code == "doubled"


def test_sales_that_somebody_else_wrote_again_are_kept_out_of_ready_marking(world: World) -> None:
    entry = world.time("P1", "Ada")
    alone = world.time("P1", "Ada", 1)
    world.approve(entry, alone)
    world.work_on(entry, alone)
    world.write_foreign_sales(entry, "C1")
    command = mark_ready(world)
    world.command(command)
    outcome = world.record(command)
    assert len(outcome["marked"]) == 1
    assert len(outcome["refused"]) == 2
    assert all("counts the same work" in why for why in outcome["refused"].values())
    world.command(create(world))
    assert world.invoiced("C1") == (1, EIGHT_HOURS_OF_ADA)


def test_an_answer_lost_on_a_reading_costs_nothing(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.lose_the_next_answer()
    (end,) = world.work_on(entry, dataverse=BeforeCommit(world.client, lambda: None))
    assert world.lost_answers == 1
    assert isinstance(end, Complete)
    assert world.live(entry) == ONCE
