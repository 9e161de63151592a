"""How the end of a command is told as the outcome of a contract, and which ends are worth another try."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome
from handlers.due_course import LITTLE, MUCH
from handlers.fixed_point import AgainstTheRules, Settled, Unsettled
from handlers.invoicing import ANEW, ENDED
from mappings.invoice_run import Outcome
from service.contracts import Contract
from service.invoice_runs import DELAYS, LONGEST_WAIT, invoiced, pause, told

CONTRACT = Contract(UUID(int=1), "ORD-1", "One", "USD", 2)
COMMAND = UUID(int=2)


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (AgainstTheRules("contract-gone", "It is gone."), "refused"),
        (AgainstTheRules("refused-by-business-rule", "The product refused."), "refused"),
        (Rejected("0x80040203", "The product refused."), "refused"),
        (AgainstTheRules("in-doubt", "Nobody knows."), "in-doubt"),
        (AgainstTheRules("earlier-in-doubt", "Nobody knows."), "refused"),
        (UnknownOutcome("timed-out", "No answer."), "in-doubt"),
        (Conflict("row-changed", "Somebody else."), "already-running"),
        (Transient("not-yet", "It is not there yet."), "already-running"),
        (Transient("unreachable", "No way."), "failed"),
        (Misconfigured("missing-privilege", "No right."), "failed"),
    ],
    ids=lambda one: one.code if isinstance(one, ConnectorError) else one,
)
def test_a_failure_is_told_by_what_it_means(failure: ConnectorError, outcome: str) -> None:
    found = invoiced(CONTRACT, COMMAND, Unsettled(failure))
    assert (found.outcome, found.because) == (outcome, f"{failure.sentence} ({failure.code})")
    faults = {"missing-privilege": MUCH, "unreachable": MUCH, "timed-out": LITTLE}
    assert found.fault == faults.get(failure.code or "", 0)


def test_a_run_does_not_ask_for_a_new_command_as_resuming_gives_it() -> None:
    sentence = f"The product refused. {ENDED} mend it, and {ANEW}"
    assert invoiced(CONTRACT, COMMAND, Unsettled(AgainstTheRules("x", sentence))).because == "The product refused. (x)"


@pytest.mark.parametrize(
    ("recorded", "outcome"),
    [
        ({"outcome": "refused", "code": "refused-by-business-rule", "because": "No."}, Outcome.REFUSED),
        ({"outcome": "failed", "because": "Ada found nothing."}, Outcome.FAILED),
        ({"outcome": "refused", "code": "not-allowed", "because": "No."}, Outcome.REFUSED),
        (
            {"outcome": "created-differs", "invoices": [{"id": str(COMMAND), "number": None}], "total": "3.50"},
            Outcome.DIFFERS,
        ),
    ],
)
def test_a_record_is_told_in_the_same_words(recorded: dict[str, Any], outcome: Outcome) -> None:
    assert told(CONTRACT, COMMAND, recorded).outcome is outcome


def test_what_may_pass_is_tried_again_and_what_dataverse_asks_for_is_waited() -> None:
    busy = Unsettled(Transient("unreachable", "No way."))
    assert [pause(busy, tries) for tries in range(len(DELAYS) + 1)] == [*DELAYS, None]
    assert pause(Unsettled(Throttled("throttled", "Slow.", timedelta(seconds=40))), 0) == 40
    assert pause(Unsettled(Throttled("throttled", "Slow.", timedelta(seconds=LONGEST_WAIT + 1))), 0) is None
    assert pause(Unsettled(Rejected("refused", "No.")), 0) is None
    assert pause(Settled("Done."), 0) is None
