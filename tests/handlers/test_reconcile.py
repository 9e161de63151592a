"""What a survey says of each entry, where the suspects come from, and the mark of how far all was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings

from connector.dataverse.change_tracking import EXPIRED, Changed
from connector.dataverse.changes import Record, Reference
from connector.dataverse.query import Query
from connector.errors import Rejected, Transient
from handlers import watermarks
from handlers.actuals import ActualsHandler
from handlers.parsing import parse_event
from handlers.reconcile import Drift, Survey, moved
from handlers.suspects import told_since
from handlers.verification import VerificationHandler
from mappings.messages import EntryChanged, LookAtEntry
from mappings.tables import Ref
from mappings.watermark import Watermark, look_id, watermark, watermark_id
from tests.handlers.envelopes import OWN_TAG, envelope
from tests.handlers.fake_dataverse import FakeDataverse
from tests.handlers.judging import write
from tests.handlers.test_any_history import HISTORIES, History
from tests.handlers.world import APPROVED, COST, GO_LIVE, UNBILLED, USD, ZONE, World

NOW = datetime(2026, 2, 16, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)
RULES = ActualsHandler(GO_LIVE, ZONE)


def surveyed(
    world: World,
    *entries: Ref,
    handler: ActualsHandler | VerificationHandler = RULES,
    changed: datetime | None = LONG_AGO,
    month: tuple[date, date] | None = None,
) -> tuple[list[Drift], Survey]:
    survey = Survey(handler, world.dataverse, NOW - timedelta(minutes=15), month)
    drifts = list(survey.drifts([dict.fromkeys(entries, changed)]))
    return drifts, survey


def said(world: World, entry: Ref, handler: ActualsHandler | VerificationHandler = RULES) -> tuple[list[str], bool]:
    drifts, _ = surveyed(world, entry, handler=handler)
    return [one.kind.value for drift in drifts for one in drift.findings], any(drift.repairable for drift in drifts)


def test_an_entry_in_order_is_not_told_of(world: World) -> None:
    entry = world.approved()
    world.settle(entry)
    assert said(world, entry) == ([], False)
    assert said(world, world.submit()) == ([], False)


def test_what_the_service_would_write_by_itself_is_repairable(world: World) -> None:
    lost, withdrawn = world.approved(), world.approved()
    world.settle(withdrawn)
    world.cancel(withdrawn)
    assert said(world, lost) == (["missing", "missing"], True)
    assert said(world, withdrawn) == (["not-withdrawn", "not-withdrawn"], True)


def test_what_a_person_must_mend_is_held_once_and_not_repairable(world: World) -> None:
    unpriced, moving, senseless = world.approved(), world.submit(msdyn_targetentrystatus=APPROVED), world.approved()
    world.dataverse.put(world.approval_of(unpriced), msdyn_salesprice=Decimal(0))
    world.dataverse.put(Reference(senseless.table, senseless.id), msdyn_date=None)
    assert said(world, unpriced) == (["held"], False)
    assert said(world, moving) == (["held"], False)
    assert said(world, senseless) == (["held"], False)


def test_rows_of_somebody_else_are_told_with_what_differs(world: World) -> None:
    entry = world.approved()
    write(world, entry, COST)
    kinds, repairable = said(world, entry)
    assert {"foreign", "missing"} <= set(kinds)
    assert not repairable


def test_where_the_product_creates_its_rows_are_not_foreign_and_nothing_is_repairable(world: World) -> None:
    verifying = VerificationHandler(RULES)
    entry, lost = world.approved(), world.approved()
    start = world.dataverse.get(Reference(entry.table, entry.id))["msdyn_date"]
    write(world, entry, COST, msdyn_startdatetime=start)
    write(world, entry, UNBILLED, msdyn_startdatetime=start, msdyn_quantity=Decimal(7))
    assert said(world, entry, verifying) == (["differing"], False)
    assert said(world, lost, verifying) == (["missing", "missing"], False)


def test_what_was_approved_before_the_start_is_nobodys_drift(world: World) -> None:
    entry = world.approved()
    world.dataverse.put(world.approval_of(entry), msdyn_approvedon=datetime(2025, 12, 1, tzinfo=UTC))
    assert said(world, entry) == ([], False)


def test_a_fresh_change_is_in_flight(world: World) -> None:
    drifts, survey = surveyed(world, world.approved(), changed=NOW)
    assert (drifts, len(survey.in_flight)) == ([], 1)


def test_an_entry_in_several_slices_is_told_once(world: World) -> None:
    entry = world.approved()
    survey = Survey(RULES, world.dataverse, NOW)
    assert len(list(survey.drifts([{entry: LONG_AGO}, {entry: LONG_AGO}]))) == 1


def test_a_month_holds_the_work_of_its_days_only(world: World) -> None:
    entry = world.approved()
    assert len(surveyed(world, entry, month=(date(2026, 2, 1), date(2026, 2, 28)))[0]) == 1
    assert surveyed(world, entry, month=(date(2026, 3, 1), date(2026, 3, 31)))[0] == []


def test_a_refused_question_is_no_verdict_on_those_asked_about_together(world: World) -> None:
    one, two = world.approved(), world.approved()
    world.dataverse.query_faults = [Rejected("refused", "No.")]
    drifts, _ = surveyed(world, one, two)
    assert {drift.entry: drift.repairable for drift in drifts} == {one: True, two: True}
    world.dataverse.query_faults = [Rejected("refused", "No.")]
    (drift,), _ = surveyed(world, one)
    assert (drift.findings[0].kind.value, drift.repairable) == ("held", False)


def test_a_repair_moves_every_amount_whichever_way_it_goes(world: World) -> None:
    lost, withdrawn = world.approved(), world.approved()
    world.settle(withdrawn)
    world.cancel(withdrawn)
    assert moved(surveyed(world, lost, withdrawn)[0]) == {USD.id: Decimal(4800)}


def test_a_request_to_look_is_read_as_an_event_without_a_transaction() -> None:
    entry = Ref("msdyn_expense", UUID(int=5))
    body = LookAtEntry.model_validate({"table": entry.table, "id": entry.id}).model_dump(mode="json")
    assert parse_event(envelope(body), None, OWN_TAG) == EntryChanged(table="msdyn_expense", id=entry.id)
    with pytest.raises(Rejected, match="unreadable"):
        parse_event(envelope(body | {"table": "account"}), None, OWN_TAG)


# Where the mark is kept.


def test_the_mark_is_kept_as_it_was_set_and_its_ids_never_change() -> None:
    mark = Watermark(NOW, {"msdyn_expense": "1%2108"}, (Ref("msdyn_expense", UUID(int=5)),))
    assert watermark(mark.plain()) == mark
    assert watermark({"until": "never"}) is None
    assert watermark(None) is None
    assert watermark_id("reconcile") == UUID("3dedfdf7-3ec1-5545-a31e-db3d2fd47b19")
    assert look_id(NOW, mark.open[0]) == UUID("dd31e56f-3a91-5ea7-8dbd-56a270a195d8")


def test_a_mark_moved_by_somebody_else_meanwhile_is_left_to_them(world: World) -> None:
    first = watermarks.read("reconcile", world.dataverse)
    mark = Watermark(NOW, {})
    assert watermarks.move("reconcile", first, mark, "me", world.dataverse)
    assert not watermarks.move("reconcile", first, mark, "somebody else", world.dataverse)
    second, slow = (watermarks.read("reconcile", world.dataverse) for _ in range(2))
    assert second.mark == mark
    later = Watermark(NOW + timedelta(hours=1), {})
    assert watermarks.move("reconcile", second, later, "me", world.dataverse)
    assert not watermarks.move("reconcile", slow, mark, "slow", world.dataverse)
    assert watermarks.read("reconcile", world.dataverse).mark == later


def test_a_mark_that_could_not_be_moved_is_a_failure(world: World) -> None:
    kept = watermarks.read("reconcile", world.dataverse)
    world.dataverse.fail(Transient("busy", "Try later."))
    with pytest.raises(Transient):
        watermarks.move("reconcile", kept, Watermark(NOW, {}), "me", world.dataverse)


# What tables tell of their changes.


class Told(FakeDataverse):
    """Says of one table what changed, and knows no token but one."""

    def __init__(self, *pages: Changed) -> None:
        super().__init__()
        self.pages = pages
        self.asked: list[str | None] = []

    @property
    def tracking(self) -> Told:
        return self

    def enabled(self, tables: Iterable[str]) -> frozenset[str]:
        return frozenset({"msdyn_timeentry"} & set(tables))

    def since(self, name: str, columns: Sequence[str], token: str | None) -> Iterator[Changed]:
        self.asked.append(token)
        if token not in (None, "known"):
            raise Rejected(EXPIRED, "Too old.")
        yield from self.pages

    def scan(self, question: Query) -> Iterator[list[Record]]:
        yield from [self.query([question])[0]]


def record(number: int, changed: datetime) -> Record:
    return Record(Reference("msdyn_timeentry", UUID(int=number)), "", {"modifiedon": changed})


def test_what_went_and_what_bears_an_older_time_is_told_and_the_rest_is_the_windows() -> None:
    older, newer = record(1, NOW - timedelta(days=3)), record(2, NOW)
    dataverse = Told(Changed((older, newer), (), None), Changed((), (UUID(int=3),), "next"))
    tokens: dict[str, str] = {}
    slices = list(told_since({"msdyn_timeentry": "known"}, LONG_AGO, dataverse, tokens.__setitem__))
    assert [ref.id.int for found in slices for ref in found] == [1, 3]
    assert tokens == {"msdyn_timeentry": "next"}


@pytest.mark.parametrize("tokens", [{}, {"msdyn_timeentry": "too old"}])
def test_without_a_token_that_holds_only_a_new_one_is_fetched(tokens: dict[str, str]) -> None:
    dataverse = Told(Changed((record(1, NOW - timedelta(days=3)),), (), "next"))
    new: dict[str, str] = {}
    assert list(told_since(tokens, LONG_AGO, dataverse, new.__setitem__)) == []
    assert new == {"msdyn_timeentry": "next"}
    assert dataverse.asked[-1] is None


def test_another_refusal_than_an_old_token_is_passed_on() -> None:
    class Refusing(Told):
        def since(self, name: str, columns: Sequence[str], token: str | None) -> Iterator[Changed]:
            raise Rejected("refused", "No.")

    with pytest.raises(Rejected, match="refused"):
        list(told_since({}, LONG_AGO, Refusing(), lambda table, token: None))


def test_other_figures_of_somebody_else_are_told_once_and_the_rest_until_it_is_mended(world: World) -> None:
    verifying = VerificationHandler(RULES)
    differing, lost = world.approved(), world.approved()
    start = world.dataverse.get(Reference(differing.table, differing.id))["msdyn_date"]
    write(world, differing, COST, msdyn_startdatetime=start)
    write(world, differing, UNBILLED, msdyn_startdatetime=start, msdyn_quantity=Decimal(7))
    drifts, survey = surveyed(world, differing, lost, handler=verifying)
    assert {drift.entry for drift in drifts} == {differing, lost}
    assert survey.open == {lost}


def test_rows_of_somebody_else_that_are_as_they_should_be_are_no_drift(world: World) -> None:
    entry = world.approved()
    start = world.dataverse.get(Reference(entry.table, entry.id))["msdyn_date"]
    write(world, entry, COST, msdyn_startdatetime=start)
    write(world, entry, UNBILLED, msdyn_startdatetime=start)
    assert said(world, entry) == ([], False)


@settings(max_examples=100, deadline=None)
@given(HISTORIES)
def test_after_any_history_exactly_the_entries_whose_books_are_wrong_are_found_and_one_look_mends_them(
    steps: list[str | tuple[str, list[str]]],
) -> None:
    history = History()
    for step in steps:
        history.take(step)
    history.world.dataverse.faults.clear()
    world, entry = history.world, history.entry
    before = list(world.dataverse.committed)
    drifts = list(Survey(RULES, world.dataverse, NOW).drifts([{entry: LONG_AGO}]))
    assert world.dataverse.committed == before
    assert bool(drifts) == (world.live(entry) != history.expected())
    assert all(drift.repairable for drift in drifts)
    world.settled(entry)
    assert not list(Survey(RULES, world.dataverse, NOW).drifts([{entry: LONG_AGO}]))
