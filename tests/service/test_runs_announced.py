"""What a run at the command line announces of a contract is what it says of it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import cast

import pytest

from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Transient, UnknownOutcome
from connector.recoverability import Policy
from handlers.announcing import Announcing
from handlers.fixed_point import Unsettled
from service.app import App
from service.invoice_runs import Run
from tests.handlers.fake_dataverse import FakeDataverse
from tests.service.test_run_given_up import CONTRACT, NOW, RUN, Interrupted


@pytest.mark.parametrize(
    ("failure", "word", "told"),
    [
        (Transient("not-yet", "It is not there yet."), "already-running", None),
        (Conflict("row-changed", "Somebody else is at it."), "already-running", None),
        (UnknownOutcome("timed-out", "No answer."), "in-doubt", "in-doubt"),
        (Rejected("in-doubt", "A person decides."), "in-doubt", "in-doubt"),
        (Rejected("contract-gone", "It can't be read."), "refused", "failed"),
        (Misconfigured("missing-privilege", "prvCreateInvoice"), "failed", "failed"),
        (Transient("sql-timeout", "Rolled back."), "failed", "failed"),
    ],
    ids=lambda one: f"{type(one).__name__}-{one.code}" if isinstance(one, ConnectorError) else None,
)
def test_nothing_is_told_to_have_failed_that_may_be_under_way(
    failure: ConnectorError, word: str, told: str | None
) -> None:
    heard: list[str] = []
    mission = SimpleNamespace(settle=lambda subjects, _: {one: Unsettled(failure) for one in subjects})
    app = SimpleNamespace(
        mission=mission, fixed_point=None, policy=Policy(), now=lambda: NOW, dataverse=FakeDataverse()
    )
    announcing = Announcing(
        lambda where, messages: heard.extend(json.loads(one.body)["type"] for one in messages), lambda: NOW, "invoices"
    )
    (invoiced,) = Run(RUN, [CONTRACT], "clerk", announcing=announcing).carry_out(cast(App, app), 1, Interrupted())
    assert invoiced.outcome == word
    assert heard == ([] if told is None else [f"psa-connector.invoice.{told}"])
