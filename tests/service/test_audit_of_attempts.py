"""Attempts that are not done are told by what is known of them: in doubt, given up, or not finished."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast
from uuid import UUID

import pytest

from connector.dataverse.access import Scanner
from connector.dataverse.changes import Record, Reference
from connector.dataverse.query import Query
from service.audit_record import RUNNING, Change
from service.audit_view import Asked, audited
from service.unreadable import UNREADABLE
from tests.handlers.fake_dataverse import FakeDataverse
from tests.handlers.world import CONTRACT, ZONE

ROW = str(UUID(int=3))


class Pages(FakeDataverse):
    """Reads everything as one page, too."""

    def scan(self, question: Query) -> Iterator[list[Record]]:
        yield self._answer(question)


@pytest.mark.parametrize(
    ("state", "outcome", "told", "why"),
    [
        ("called", {}, "not finished", ""),
        ("calling", {"record": "token"}, "not finished", ""),
        ("in-doubt", {"outcome": "in-doubt", "because": "Nobody knows."}, "in-doubt", "Nobody knows."),
        ("withdrawn", {"outcome": "failed", "because": "Busy."}, "not finished", "Busy."),
        ("withdrawn", {"outcome": "failed", "because": "Busy.", "given_up": True}, "failed", "Busy."),
        ("done", {"outcome": "refused", "because": "No price.", "invoices": []}, "refused", "No price."),
    ],
)
def test_an_attempt_is_told_with_its_word_and_why(state: str, outcome: dict[str, object], told: str, why: str) -> None:
    dataverse = Pages()
    dataverse.put(
        Reference("psac_command", UUID(int=1)),
        psac_kind="attempt",
        psac_subject=str(CONTRACT.id),
        psac_requestedby="ada",
        psac_state=state,
        psac_selection=json.dumps({"rows": [["products", ROW]]}),
        psac_outcome=json.dumps(outcome),
    )
    (found,) = audited(cast(Scanner, dataverse), Asked(), ZONE)
    assert (found.outcome, [(str(one.row), one.outcome, one.why) for one in found.changes]) == (
        told,
        [(ROW, "chosen", why)],
    )


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"psac_kind": "attempt", "psac_subject": "nonsense"}, "create-invoices"),
        ({"psac_kind": "attempt", "psac_subject": str(CONTRACT.id), "psac_outcome": "[1"}, "create-invoices"),
        ({"psac_kind": "run", "psac_subject": str(CONTRACT.id), "psac_selection": "{"}, "create-many-invoices"),
        ({"psac_kind": "run", "psac_subject": str(CONTRACT.id), "psac_selection": '{"contracts":[1]}'}, RUNNING),
        ({"psac_kind": "sweep", "psac_subject": "x"}, "create-due-invoices"),
        ({"psac_kind": "replay", "psac_selection": '{"letters":[{}]}'}, "replay-dead-letters"),
        ({"psac_kind": "command", "psac_subject": "mark-ready nothing"}, "mark-ready"),
    ],
)
@pytest.mark.parametrize("contract", [None, CONTRACT.id])
def test_a_record_that_somebody_wrote_by_hand_is_told_and_hides_no_other(
    columns: dict[str, str], kind: str, contract: UUID | None
) -> None:
    dataverse = Pages()
    good = {"psac_kind": "attempt", "psac_subject": str(CONTRACT.id), "psac_state": "done"}
    dataverse.put(Reference("psac_command", UUID(int=1)), psac_requestedby="eve", **columns)
    dataverse.put(Reference("psac_command", UUID(int=2)), psac_requestedby="ada", **good)
    found = {one.requested_by: one for one in audited(cast(Scanner, dataverse), Asked(contract=contract), ZONE)}
    assert (found["eve"].outcome, found["eve"].kind, found["eve"].record) == (UNREADABLE, kind, UUID(int=1))
    assert found["ada"].outcome == "done"


def test_a_command_that_called_for_nothing_tells_why_by_its_contract() -> None:
    dataverse = Pages()
    dataverse.put(
        Reference("psac_command", UUID(int=1)),
        psac_kind="attempt",
        psac_subject=str(CONTRACT.id),
        psac_requestedby="ada",
        psac_state="withdrawn",
        psac_outcome=json.dumps({"outcome": "refused", "because": "Too much.", "given_up": True}),
    )
    (found,) = audited(cast(Scanner, dataverse), Asked(), ZONE)
    assert found.changes == (Change(CONTRACT.id, "refused", why="Too much."),)
    assert found.count("refused") == 1
