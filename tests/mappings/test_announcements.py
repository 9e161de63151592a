"""Which event tells of what, and under which id; ids are frozen, because listeners go by them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from mappings.announcements import of_failure, of_outcome
from mappings.invoice_run import Outcome
from mappings.messages import CreateDueInvoices, CreateInvoices
from mappings.replies import Why

CONTRACT = UUID("11111111-1111-4111-8111-111111111111")
COMMAND = UUID("33333333-3333-4333-8333-333333333333")
NOW = datetime(2026, 2, 1, 8, tzinfo=UTC)
ONE = CreateInvoices(command=COMMAND, requested_by="clerk", contract=CONTRACT)
DUE = CreateDueInvoices(command=COMMAND, requested_by="clerk")


@pytest.mark.parametrize(
    ("outcome", "type"),
    [
        ("created", "created"),
        ("created-differs", "differs"),
        ("created-and-gone", "differs"),
        ("nothing-to-invoice", "nothing-to-invoice"),
        ("in-doubt", "in-doubt"),
    ],
)
def test_each_outcome_has_its_type(outcome: str, type: str) -> None:
    (event,) = of_outcome(ONE, {"outcome": outcome, "invoices": []}, NOW)
    assert event.type == f"psa-connector.invoice.{type}"


@pytest.mark.parametrize("word", [Outcome.FAILED, Outcome.REFUSED, Outcome.IN_DOUBT])
def test_a_command_put_aside_failed_or_is_in_doubt(word: Outcome) -> None:
    why = Why(code="contract-gone", sentence="Why.")
    (event,) = of_failure(ONE, word, why, NOW, {})
    assert event.type == f"psa-connector.invoice.{'in-doubt' if word is Outcome.IN_DOUBT else 'failed'}"
    assert event.data.failed == why


def test_of_what_is_still_under_way_nothing_is_told() -> None:
    assert list(of_failure(ONE, Outcome.RUNNING, Why(code="not-yet", sentence="Why."), NOW, {})) == []


def test_what_somebody_else_is_at_is_theirs_to_announce() -> None:
    assert list(of_outcome(ONE, {"outcome": "already-running", "invoices": []}, NOW)) == []


def test_the_id_of_an_event_is_frozen_and_does_not_hang_on_the_time() -> None:
    (event,) = of_outcome(ONE, {"outcome": "created", "invoices": []}, NOW)
    assert str(event.id) == "2d03423d-e63a-5945-a2e6-719e467d5e7c"
    (differs,) = of_outcome(ONE, {"outcome": "created-differs", "invoices": []}, NOW)
    assert differs.id != event.id


def test_each_run_that_was_due_is_told_once_whoever_found_it_due() -> None:
    run: dict[str, Any] = {
        "contract": str(CONTRACT),
        "day": "2026-03-02",
        "command": str(ONE.command),
        "outcome": "created",
    }
    other = {**run, "command": str(CONTRACT)}
    told = list(of_outcome(DUE, {"until": "2026-03-09", "runs": [run, other]}, NOW))
    assert len({event.id for event in told}) == 2
    sweep = CreateDueInvoices(command=CONTRACT, requested_by="daily sweep")
    again = list(of_outcome(sweep, {"until": "2026-03-02", "runs": [run]}, NOW))
    assert again[0].id == told[0].id
    assert str(told[0].id) == "2d03423d-e63a-5945-a2e6-719e467d5e7c"
    assert list(of_outcome(DUE, {"dry_run": True, "runs": [run]}, NOW)) == []


def test_of_a_command_about_many_that_was_put_aside_each_run_is_told() -> None:
    run: dict[str, Any] = {
        "contract": str(CONTRACT),
        "day": "2026-03-02",
        "command": str(COMMAND),
        "outcome": "created",
    }
    why = Why(code="server-error", sentence="Why.")
    brought = {"runs": [run, {**run, "outcome": "failed"}, {**run, "outcome": "waiting"}]}
    told = list(of_failure(DUE, Outcome.FAILED, why, NOW, brought))
    assert [event.type.rpartition(".")[2] for event in told] == ["created", "failed"]
    assert list(of_failure(DUE, Outcome.FAILED, why, NOW, {})) == []
