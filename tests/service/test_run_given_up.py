"""What a run gives up on is written down on the attempts, so that the run can be shown and resumed."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from connector.errors import ConnectorError, Rejected, Transient, UnknownOutcome
from connector.recoverability import Policy
from handlers.fixed_point import Unsettled
from handlers.given_up import GivenUp
from handlers.run_attempts import attempts_of
from mappings import keys
from mappings.messages import CreateInvoices
from sandbox.world import Sandbox
from service.app import App, compose
from service.contracts import Contract
from service.invoice_runs import Run
from service.local_world import sandbox_settings
from tests.handlers.fake_dataverse import FakeDataverse

CONTRACT = Contract(UUID(int=1, version=4), "ORD-1", "One", "USD", 2)
RUN = UUID(int=2, version=4)
NOW = datetime(2026, 2, 16, 12, tzinfo=UTC)


class Interrupted(threading.Event):
    """It is asked to stop as soon as it would wait."""

    def wait(self, timeout: float | None = None) -> bool:
        return True


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        (Transient("sql-timeout", "Rolled back."), "failed"),
        (UnknownOutcome("timed-out", "No answer."), "failed"),
        (Rejected("contract-gone", "It can't be read."), "refused"),
        (Transient("not-yet", "It is not there yet."), None),
    ],
    ids=lambda one: one.code if isinstance(one, ConnectorError) else None,
)
def test_a_contract_a_run_gives_up_on_says_why(failure: ConnectorError, word: str | None) -> None:
    dataverse = FakeDataverse()
    mission = SimpleNamespace(settle=lambda subjects, _: {one: Unsettled(failure) for one in subjects})
    app = SimpleNamespace(mission=mission, fixed_point=None, policy=Policy(), now=lambda: NOW, dataverse=dataverse)
    (invoiced,) = Run(RUN, [CONTRACT], "clerk").carry_out(cast(App, app), 1, Interrupted())
    assert failure.sentence in invoiced.because
    row = Reference("psac_command", keys.attempt_id(CONTRACT.id, keys.run_command_id(RUN, CONTRACT.id, 0)))
    recorded: Any = dataverse.rows.cells.get(row)
    assert (json.loads(recorded["psac_outcome"])["outcome"] if recorded else None) == word
    for attempt in attempts_of(RUN, [CONTRACT.id], dataverse).values():
        is_over = isinstance(failure, Rejected)
        assert (attempt.is_ended, attempt.is_refused, attempt.because) == (is_over, False, failure.sentence)


def test_what_comes_as_a_message_and_is_put_aside_is_written_down_first() -> None:
    with Sandbox(company=False) as sandbox:
        app = compose(sandbox_settings(sandbox))
        assert isinstance(app.pipelines[1].tellers[0], GivenUp)
        app.close()


@pytest.mark.parametrize(
    ("failures", "begun"),
    [
        ([UnknownOutcome("timed-out", "No answer.")], 12),
        ([Transient("sql-timeout", "Too long.")], 12),
        ([UnknownOutcome("timed-out", "No answer."), Transient("not-yet", "It may be under way.")], 3),
        ([Transient("unreachable", "No way.")], 3),
        ([Transient("not-yet", "Somebody else is at it.")], 15),
        ([Rejected("contract-gone", "It can't be read.")], 15),
    ],
    ids=["no answer", "too long", "no answer, and not seen since", "out of reach", "somebody else", "its own fault"],
)
def test_no_other_contract_is_begun_where_enough_in_a_row_speaks_for_everybodys_fault(
    failures: list[ConnectorError], begun: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first failure of each contract, and what every later look at it says."""
    tried: Counter[UUID] = Counter()

    def settle(subjects: Sequence[CreateInvoices], _: object) -> dict[CreateInvoices, Unsettled]:
        ends = {one: Unsettled(failures[min(tried[one.contract], len(failures) - 1)]) for one in subjects}
        tried.update(one.contract for one in subjects)
        return ends

    monkeypatch.setattr("service.invoice_runs.DELAYS", (0.0, 0.0))
    mission, policy = SimpleNamespace(settle=settle), Policy(immediate=0)
    app = SimpleNamespace(mission=mission, fixed_point=None, policy=policy, now=lambda: NOW, dataverse=FakeDataverse())
    contracts = [Contract(UUID(int=number, version=4), str(number), "", "USD", 2) for number in range(1, 16)]
    found = list(Run(RUN, contracts, "clerk").carry_out(cast(App, app), 1, threading.Event()))
    assert (len(tried), len(found)) == (begun, begun)
