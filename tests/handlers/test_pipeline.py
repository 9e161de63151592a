"""A batch of messages: what each is about, who is settled together, and how every message ends."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from connector.errors import Rejected, Throttled, UnknownOutcome
from connector.settlement import Complete, DeadLetter, RedeliverAt
from handlers.pipeline import SECOND_LOOK
from mappings.tables import Ref
from tests.handlers.envelopes import NOW, context, envelope
from tests.handlers.fake_dataverse import calls_an_action, touches
from tests.handlers.judging import EIGHT_HOURS
from tests.handlers.service import POLICY, Service, ends, event
from tests.handlers.test_readiness import sales
from tests.handlers.world import CONTRACT, READY, World


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
    assert ends(service.about(about, in_transaction=True, attempt=1, enqueued_at=NOW - SECOND_LOOK)) == [Complete]
    assert world.live(entry) == EIGHT_HOURS


def test_an_announcement_from_an_open_transaction_is_looked_at_twice(world: World, service: Service) -> None:
    entry = world.submit()
    (first,) = service.about(entry, in_transaction=True)
    assert isinstance(first, RedeliverAt)
    assert (first.when, first.attempt) == (NOW + SECOND_LOOK, 1)
    world.approve(entry)
    assert ends(service.about(entry, in_transaction=True, attempt=1, enqueued_at=NOW - SECOND_LOOK)) == [Complete]
    assert world.live(entry) == EIGHT_HOURS


def test_a_retry_for_another_reason_does_not_stand_for_the_second_look(world: World, service: Service) -> None:
    """A blip brings the message back within seconds, while the transaction it tells of may still be open."""
    entry = world.submit()
    (end,) = service.about(entry, in_transaction=True, attempt=1)
    assert isinstance(end, RedeliverAt)
    assert end.when == NOW + SECOND_LOOK


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(minutes=4)])
def test_a_host_that_is_minutes_ahead_takes_no_announcement_for_older_than_its_transaction(
    world: World, service: Service, ahead: timedelta
) -> None:
    """Locks of five minutes keep within themselves how far it is ahead."""
    service.events.now = lambda: NOW + ahead

    def waits(about: Ref) -> timedelta:
        (end,) = service.about(about, in_transaction=True, enqueued_at=NOW)
        assert isinstance(end, RedeliverAt)
        return end.when - NOW - ahead

    entry = world.submit()
    assert waits(entry) == SECOND_LOOK
    world.dataverse.query_faults.append(Throttled("busy", "Wait.", timedelta(seconds=5)))
    assert waits(entry) == SECOND_LOOK
    approval = world.approval_of(entry)
    world.dataverse.query_faults.append(Rejected("refused", "Bad request."))
    assert waits(Ref(approval.table, approval.id)) == SECOND_LOOK


def test_what_was_refused_inside_an_open_transaction_is_no_verdict_on_what_it_leaves_behind(
    world: World, service: Service
) -> None:
    entry = world.approved()
    world.dataverse.fail(Rejected("refused", "No."), touches("msdyn_actual"))
    assert ends(service.about(entry, in_transaction=True)) == [RedeliverAt]
    world.dataverse.fail(Rejected("refused", "No."), touches("msdyn_actual"))
    late = NOW - SECOND_LOOK
    assert ends(service.about(entry, in_transaction=True, attempt=1, enqueued_at=late)) == [DeadLetter]


def test_a_refused_lookup_of_approvals_is_no_verdict_on_them(world: World, service: Service) -> None:
    approvals = [world.approval_of(world.approved()) for _ in range(3)]
    world.dataverse.query_faults.append(Rejected("refused", "Bad request."))
    endings = service.about(*(Ref(one.table, one.id) for one in approvals))
    assert ends(endings) == [RedeliverAt] * 3
    assert all(isinstance(one, RedeliverAt) and one.when > NOW for one in endings)


def test_a_write_that_may_still_land_is_waited_for_whatever_comes_after_it(world: World, service: Service) -> None:
    entry = world.approved()
    world.dataverse.fail(UnknownOutcome("lost", "The connection was lost."), touches("msdyn_actual"))
    world.dataverse.before_commit = [
        lambda: world.dataverse.query_faults.append(Throttled("busy", "Wait.", timedelta(seconds=5)))
    ]
    (end,) = service.about(entry)
    assert isinstance(end, RedeliverAt)
    assert end.when >= NOW + SECOND_LOOK


def test_an_announcement_inside_a_transaction_is_looked_at_again_even_when_work_was_found(
    world: World, service: Service
) -> None:
    """What was found may be another change's work; its own may become visible only later."""
    entry = world.approved()
    (end,) = service.about(entry, in_transaction=True)
    assert end == RedeliverAt(NOW + timedelta(minutes=3), 1, "Announced inside an open transaction.")


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
    world.dataverse.fail(Rejected("closed", "The contract is closed."), calls_an_action, times=9)
    invoice = {
        "kind": "create-invoices",
        "command": str(UUID(int=2)),
        "requested_by": "ada@fabrikam.com",
        "contract": str(CONTRACT.id),
    }
    (ending,) = service.commands.process([envelope(invoice)])
    assert isinstance(ending, DeadLetter)
    assert (ending.code, "The contract is closed." in ending.sentence) == ("closed", True)


def test_an_approval_that_leads_to_neither_time_nor_expense_is_put_aside_as_material(
    world: World, service: Service
) -> None:
    approval = world.fresh("msdyn_projectapproval")
    world.dataverse.put(approval, msdyn_recordstage=2)
    (ending,) = service.about(Ref(approval.table, approval.id))
    assert isinstance(ending, DeadLetter)
    assert ending.code == "material"
    assert str(approval.id) in ending.sentence


def test_material_is_put_aside_with_a_sentence(service: Service) -> None:
    usage = Ref("msdyn_materialusage", UUID(int=77, version=4))
    (ending,) = service.about(usage)
    assert isinstance(ending, DeadLetter)
    assert ending.code == "material"
    assert str(usage.id) in ending.sentence
