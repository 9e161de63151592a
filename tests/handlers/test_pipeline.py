"""A batch of messages: what each is about, who is settled together, and how every message ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from connector.envelope import Envelope
from connector.errors import Conflict, Misconfigured, Rejected, Throttled, Transient
from connector.recoverability import Policy
from connector.settlement import Complete, DeadLetter, Pause, RedeliverAt, Settlement
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint
from handlers.invoicing import InvoicingHandler
from handlers.parsing import parse_command, parse_event
from handlers.pipeline import SECOND_LOOK, Pipeline
from handlers.readiness import ReadinessHandler
from mappings.tables import Ref
from tests.handlers.envelopes import NOW, ORGANIZATION, OWN_TAG, context, envelope
from tests.handlers.fake_dataverse import touches
from tests.handlers.judging import EIGHT_HOURS
from tests.handlers.test_readiness import sales
from tests.handlers.world import CONTRACT, GO_LIVE, READY, ZONE, World

POLICY = Policy(immediate=2, jitter=0.0, pause_after=3)
BUSY = Transient("busy", "Try later.")


class Service:
    """Both queues' pipelines on one world, with a clock that stands still."""

    def __init__(self, world: World) -> None:
        self.world = world
        mission = Mission(
            ActualsHandler(GO_LIVE, ZONE), ReadinessHandler(), InvoicingHandler(lambda: world.dataverse.rows.now, ZONE)
        )
        build = partial(Pipeline, dataverse=world.dataverse, mission=mission, policy=POLICY, now=lambda: NOW)
        fixed_point = FixedPoint(world.dataverse)
        self.events = build(parse=lambda one: parse_event(one, ORGANIZATION, OWN_TAG), fixed_point=fixed_point)
        self.commands = build(parse=parse_command, fixed_point=fixed_point)

    def about(self, *refs: Ref, **values: Any) -> list[Settlement]:
        """One event per row, in one batch."""
        return self.events.process([event(ref, **values) for ref in refs])


def event(ref: Ref, in_transaction: bool = False, **values: Any) -> Envelope:
    """An event about a row."""
    return envelope(context(ref.table, ref.id, IsInTransaction=in_transaction), **values)


@pytest.fixture
def service(world: World) -> Service:
    """The service on a fresh Fabrikam."""
    return Service(world)


def ends(settlements: Sequence[Settlement]) -> list[type]:
    """The kinds of endings."""
    return [type(one) for one in settlements]


def test_every_envelope_of_a_mixed_batch_ends_in_its_own_way_and_in_order(world: World, service: Service) -> None:
    good, refused, pending = world.approved(), world.approved(), world.submit(msdyn_targetentrystatus=192350002)
    world.dataverse.put(world.approval_of(refused), msdyn_salesprice=Decimal(0))
    settlements = service.events.process(
        [
            envelope({"no": "context"}),
            event(good),
            envelope(context("account", good.id)),
            event(refused),
            event(pending),
        ]
    )
    assert ends(settlements) == [DeadLetter, Complete, Complete, DeadLetter, RedeliverAt]
    unreadable, _, _, held, later = settlements
    assert isinstance(unreadable, DeadLetter)
    assert unreadable.code.startswith("unreadable")
    assert isinstance(held, DeadLetter)
    assert held.code == "price-zero"
    assert str(refused.id) in held.sentence
    assert later == RedeliverAt(NOW + POLICY.delays[0], 1, later.because)  # type: ignore[union-attr]
    assert world.live(good) == EIGHT_HOURS


def test_an_empty_batch_asks_nobody(world: World, service: Service) -> None:
    assert service.events.process([]) == []
    assert not world.dataverse.requests


def test_five_messages_about_one_entry_are_one_piece_of_work(world: World, service: Service) -> None:
    entry = world.approved()
    assert ends(service.about(*[entry] * 5)) == [Complete] * 5
    assert len(world.dataverse.committed) == 1


def test_a_message_about_an_approval_is_about_its_entry(world: World, service: Service) -> None:
    entry = world.approved()
    approval = world.approval_of(entry)
    assert ends(service.about(Ref(approval.table, approval.id), entry)) == [Complete, Complete]
    assert world.live(entry) == EIGHT_HOURS
    assert len(world.dataverse.committed) == 1


def test_an_approval_of_an_expense_leads_to_the_expense(world: World, service: Service) -> None:
    expense, approval = world.fresh("msdyn_expense"), world.fresh("msdyn_projectapproval")
    usd = world.dataverse.get(CONTRACT)["transactioncurrencyid"]
    world.dataverse.put(
        expense,
        msdyn_expensestatus=192350002,
        msdyn_project=world.dataverse.get(next(iter(world.dataverse.rows.of("salesorderdetail"))))["msdyn_project"],
        msdyn_quantity=Decimal(1),
        msdyn_transactiondate=NOW - timedelta(days=2),
        transactioncurrencyid=usd,
    )
    world.dataverse.put(
        approval,
        msdyn_recordstage=2,
        msdyn_expenseentry=expense,
        msdyn_approvedon=NOW,
        msdyn_costquantity=Decimal(1),
        msdyn_salesquantity=Decimal(1),
        msdyn_costprice=Decimal(500),
        msdyn_salesprice=Decimal(550),
        msdyn_billingtype=192350001,
        transactioncurrencyid=usd,
    )
    assert ends(service.about(Ref(approval.table, approval.id))) == [Complete]
    amounts = [amount for _, _, _, amount in world.live(Ref(expense.table, expense.id))]
    assert amounts == ["500.00", "550.00"]


def test_an_approval_that_is_gone_is_let_go(service: Service) -> None:
    gone = Ref("msdyn_projectapproval", UUID(int=4711))
    (ending,) = service.about(gone, attempt=1)
    assert isinstance(ending, Complete)


def test_an_approval_that_is_not_committed_yet_is_looked_for_once_more(world: World, service: Service) -> None:
    entry = world.approved()
    approval = world.approval_of(entry)
    committed = world.dataverse.rows.cells.pop(approval)
    about = Ref(approval.table, approval.id)
    assert ends(service.about(about, in_transaction=True)) == [RedeliverAt]
    world.dataverse.rows.cells[approval] = committed
    assert ends(service.about(about, in_transaction=True, attempt=1)) == [Complete]
    assert world.live(entry) == EIGHT_HOURS


def test_an_announcement_from_an_open_transaction_is_looked_at_twice(world: World, service: Service) -> None:
    entry = world.submit()
    (first,) = service.about(entry, in_transaction=True)
    assert isinstance(first, RedeliverAt)
    assert (first.when, first.attempt) == (NOW + SECOND_LOOK, 1)
    world.approve(entry)
    assert ends(service.about(entry, in_transaction=True, attempt=1)) == [Complete]
    assert world.live(entry) == EIGHT_HOURS


def test_an_announcement_that_found_work_needs_no_second_look(world: World, service: Service) -> None:
    entry = world.approved()
    assert ends(service.about(entry, in_transaction=True)) == [Complete]


def test_a_passing_fault_is_tried_again_at_once(world: World, service: Service) -> None:
    entry = world.approved()
    world.dataverse.fail(BUSY, times=2)
    assert ends(service.about(entry)) == [Complete]
    assert world.live(entry) == EIGHT_HOURS


@pytest.mark.parametrize(("attempt", "delay"), [(0, 0), (1, 1), (8, 8)])
def test_a_fault_that_does_not_pass_at_once_is_tried_again_later(
    world: World, service: Service, attempt: int, delay: int
) -> None:
    entry = world.approved()
    world.dataverse.fail(BUSY, times=99)
    (ending,) = service.about(entry, attempt=attempt)
    assert ending == RedeliverAt(NOW + POLICY.delays[delay], attempt + 1, BUSY.sentence)
    assert len(world.dataverse.requests) == 3 * 4


def test_a_fault_that_never_passes_is_put_before_a_person(world: World, service: Service) -> None:
    entry = world.approved()
    world.dataverse.fail(BUSY, times=99)
    (ending,) = service.about(entry, attempt=len(POLICY.delays))
    assert isinstance(ending, DeadLetter)
    assert ending.code == "busy"


def test_a_reading_in_flux_is_not_asked_for_again_at_once(world: World, service: Service) -> None:
    entry = world.submit(msdyn_targetentrystatus=192350002)
    (ending,) = service.about(entry)
    assert isinstance(ending, RedeliverAt)
    assert len(world.dataverse.requests) == 4


def test_a_throttled_request_comes_back_when_told_and_not_before(world: World, service: Service) -> None:
    world.dataverse.query_faults.append(Throttled("throttled", "Wait.", timedelta(minutes=4)))
    (ending,) = service.about(world.approved())
    assert isinstance(ending, RedeliverAt)
    assert ending.when >= NOW + timedelta(minutes=4)


def test_a_fault_of_our_own_pauses_and_burns_no_message(world: World, service: Service) -> None:
    world.dataverse.query_faults.append(Misconfigured("no-role", "The role is missing."))
    assert service.about(world.approved(), world.approved()) == [Pause("no-role", "The role is missing.")] * 2


def test_a_conflict_that_stays_names_the_row_and_is_not_tried_again_at_once(world: World, service: Service) -> None:
    world.dataverse.fail(Conflict("exists", "A row exists.", "msdyn_actual(1)"), times=99)
    (ending,) = service.about(world.approved())
    assert isinstance(ending, DeadLetter)
    assert "msdyn_actual(1)" in ending.sentence
    assert len(world.dataverse.requests) == 3 * 4


def zero_priced(world: World) -> Ref:
    """An approved entry that is refused."""
    entry = world.approved()
    world.dataverse.put(world.approval_of(entry), msdyn_salesprice=Decimal(0))
    return entry


def test_the_same_refusal_on_many_subjects_in_a_row_is_our_fault(world: World, service: Service) -> None:
    entries = [world.approved() for _ in range(4)]
    world.dataverse.fail(Rejected("refused", "Dataverse refused."), touches("msdyn_actual"), 4)
    assert ends(service.about(*entries)) == [DeadLetter, DeadLetter, Pause, Pause]


def test_data_that_break_a_rule_of_ours_never_pause_the_service(world: World, service: Service) -> None:
    assert ends(service.about(*(zero_priced(world) for _ in range(9)))) == [DeadLetter] * 9


def test_a_success_between_refusals_starts_the_count_over(world: World, service: Service) -> None:
    good = world.approved()
    endings = service.about(zero_priced(world), zero_priced(world), good, zero_priced(world), zero_priced(world))
    assert ends(endings) == [DeadLetter, DeadLetter, Complete, DeadLetter, DeadLetter]


def test_many_messages_about_one_bad_entry_are_one_bad_entry(world: World, service: Service) -> None:
    assert ends(service.about(*[zero_priced(world)] * 9)) == [DeadLetter] * 9


def test_a_lookup_of_approvals_that_fails_keeps_their_messages_and_settles_the_others(
    world: World, service: Service
) -> None:
    entry, other = world.approved(), world.approved()
    approval = world.approval_of(entry)
    world.dataverse.query_faults.append(BUSY)
    first, second = service.about(Ref(approval.table, approval.id), other)
    assert isinstance(first, RedeliverAt)
    assert isinstance(second, Complete)
    assert world.live(other) == EIGHT_HOURS


def test_a_command_is_obeyed_and_a_redelivery_of_it_completed(world: World, service: Service) -> None:
    fine = sales(world)
    mark = {
        "kind": "mark-ready",
        "command": str(UUID(int=1)),
        "requested_by": "ada@fabrikam.com",
        "backlog": "time-and-material",
        "rows": [str(fine)],
    }
    invoice = {
        "kind": "create-invoices",
        "command": str(UUID(int=2)),
        "requested_by": "ada@fabrikam.com",
        "contract": str(CONTRACT.id),
    }
    for _ in range(2):
        assert ends(service.commands.process([envelope(mark)])) == [Complete]
        assert ends(service.commands.process([envelope(invoice), envelope(invoice)])) == [Complete, Complete]
    assert len(world.invoices()) == 1
    assert READY not in [cells.get("msdyn_billingstatus") for cells in world.actuals().values()]


def test_a_command_the_product_refuses_is_put_before_a_person_in_the_products_words(
    world: World, service: Service
) -> None:
    sales(world, msdyn_billingstatus=READY)
    world.dataverse.fail(Rejected("closed", "The contract is closed."), lambda one: len(one.changes) == 3, times=9)
    invoice = {
        "kind": "create-invoices",
        "command": str(UUID(int=2)),
        "requested_by": "ada@fabrikam.com",
        "contract": str(CONTRACT.id),
    }
    (ending,) = service.commands.process([envelope(invoice)])
    assert isinstance(ending, DeadLetter)
    assert (ending.code, "The contract is closed." in ending.sentence) == ("closed", True)
