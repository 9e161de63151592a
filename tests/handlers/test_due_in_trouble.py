"""What may be everybody's fault ends a sweep soon, however it shows, and whatever was carried out before."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from connector.errors import ConnectorError, Misconfigured, Throttled, Transient, UnknownOutcome
from handlers.fixed_point import Unsettled
from handlers.recorded import Mode
from tests.handlers.test_due_invoices import COMMAND, TODAY, Due, due, words

__all__ = ["due"]
ROLE = Misconfigured("missing-privilege", "prvCreateInvoice")


@pytest.mark.parametrize(
    ("mode", "failure", "called"),
    [
        (Mode.RECORDED, UnknownOutcome("no-answer", "No answer."), 3),
        (Mode.RECORDED, UnknownOutcome("broken-off", "503.", timedelta(seconds=5)), 3),
        (Mode.RECORDED, Transient("unavailable", "503."), 3),
        (Mode.FENCE, Transient("unavailable", "503."), 3),
        # Where the call is in a change set with its record nothing is in doubt: it is safe to call again.
        (Mode.FENCE, UnknownOutcome("no-answer", "No answer."), 12),
        (Mode.FENCE, UnknownOutcome("broken-off", "503.", timedelta(seconds=5)), 12),
    ],
)
def test_calls_that_get_no_answer_end_the_sweep_before_every_contract_is_in_doubt(
    due: Due, mode: Mode, failure: ConnectorError, called: int
) -> None:
    for number in range(15):
        due.trouble[due.contract(number, TODAY)] = failure
    assert isinstance(due.sweep(mode=mode), Unsettled)
    assert len({contract for contract, _ in due.called}) == called
    due.trouble.clear()
    due.world.dataverse.later(minutes=31)
    first = "created" if mode is Mode.FENCE else "in-doubt"
    assert words(due.sweep(mode=mode)) == [first] * called + ["created"] * (15 - called)


@pytest.mark.parametrize("failure", [UnknownOutcome("no-answer", "No answer."), Transient("sql-timeout", "Too long.")])
def test_contracts_that_never_get_an_answer_do_not_keep_those_behind_them_from_their_invoices(
    due: Due, failure: ConnectorError
) -> None:
    for number in range(4):
        due.trouble[due.contract(number, TODAY)] = failure
    others = [due.contract(number, TODAY) for number in range(4, 9)]
    assert isinstance(due.sweep(), Unsettled)
    assert {contract for contract, _ in due.called} >= set(others)
    assert [run["outcome"] for run in due.told].count("created") == 5


def test_who_is_waited_for_since_an_earlier_sweep_holds_up_nobody(due: Due) -> None:
    slow = [due.contract(number, TODAY) for number in range(3)]
    due.trouble = dict.fromkeys(slow, UnknownOutcome("no-answer", "No answer."))
    assert isinstance(due.sweep(mode=Mode.RECORDED), Unsettled)
    for number in range(3, 6):
        due.contract(number, TODAY)
    due.told.clear()
    command = COMMAND.model_copy(update={"command": UUID(int=2, version=4)})
    assert isinstance(due.sweep(mode=Mode.RECORDED, command=command), Unsettled)
    assert [run["outcome"] for run in due.told] == ["already-running"] * 3 + ["created"] * 3


def test_what_was_carried_out_before_does_not_hide_that_a_role_is_gone_now(due: Due) -> None:
    _, second = due.contract(0, TODAY), due.contract(1, TODAY)
    due.trouble[second] = Throttled("busy", "Wait.", timedelta(seconds=5))
    assert isinstance(due.sweep(), Unsettled)
    due.trouble[second] = ROLE
    again = due.sweep()
    assert isinstance(again, Unsettled)
    assert again.failure is ROLE
    due.trouble.clear()
    assert words(due.sweep()) == ["created", "created"]
