"""What arrives is read strictly: a message that is not exactly right is no message."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter, ValidationError

from mappings.backlog import Backlog
from mappings.messages import AnyCommand, Command, CreateDueInvoices, CreateInvoices, EntryChanged, MarkReady

COMMANDS: TypeAdapter[AnyCommand] = TypeAdapter(Command)
ID = UUID("11111111-1111-4111-8111-111111111111")
MARK: dict[str, Any] = {
    "kind": "mark-ready",
    "command": str(ID),
    "requested_by": "ada@fabrikam.com",
    "backlog": "time-and-material",
    "rows": [str(ID)],
}
INVOICE: dict[str, Any] = {
    "kind": "create-invoices",
    "command": str(ID),
    "requested_by": "ada@fabrikam.com",
    "contract": str(ID),
}


def test_commands_are_told_apart_by_their_kind() -> None:
    mark, invoice = COMMANDS.validate_python(MARK), COMMANDS.validate_python(INVOICE)
    assert isinstance(mark, MarkReady)
    assert mark.backlog is Backlog.TIME_AND_MATERIAL
    assert mark.rows == (ID,)
    assert isinstance(invoice, CreateInvoices)
    assert invoice.contract == ID


@pytest.mark.parametrize("backlog", ["time-and-material", "products", "milestones"])
def test_each_backlog_has_a_name(backlog: str) -> None:
    assert COMMANDS.validate_python({**MARK, "backlog": backlog})


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "mark-unready"},
        {"kind": None},
        {"command": "not an id"},
        {"command": None},
        {"requested_by": ""},
        {"requested_by": "x" * 201},
        {"backlog": "retainers"},
        {"rows": []},
        {"rows": [], "contracts": []},
        {"contracts": [str(ID)]},
        {"rows": [str(ID)] * 5001},
        {"rows": [], "contracts": [str(ID)] * 501},
        {"rows": "everything"},
        {"surprise": True},
        {"dry_run": "false"},
        {"dry_run": 1},
        {"confirmed": "yes"},
    ],
)
def test_a_marking_command_that_is_not_exactly_right_is_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        COMMANDS.validate_python({**MARK, **fault})


@pytest.mark.parametrize("fault", [{"contract": None}, {"contract": "all"}, {"requested_by": ""}, {"rows": [str(ID)]}])
def test_an_invoicing_command_that_is_not_exactly_right_is_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        COMMANDS.validate_python({**INVOICE, **fault})


def test_rows_of_contracts_may_be_named_instead_of_rows() -> None:
    mark = COMMANDS.validate_python({**MARK, "rows": [], "contracts": [str(ID)]})
    assert isinstance(mark, MarkReady)
    assert mark.contracts == (ID,)


def test_two_deliveries_of_one_command_are_equal() -> None:
    assert len({COMMANDS.validate_python(MARK), COMMANDS.validate_python(MARK)}) == 1


@pytest.mark.parametrize("table", ["msdyn_timeentry", "msdyn_expense", "msdyn_projectapproval"])
def test_an_event_is_about_an_entry_or_its_approval(table: str) -> None:
    event = EntryChanged.model_validate({"table": table, "id": str(ID)})
    assert (event.table, event.id, event.may_roll_back) == (table, ID, False)


def test_an_event_about_another_table_is_refused() -> None:
    with pytest.raises(ValidationError):
        EntryChanged.model_validate({"table": "msdyn_actual", "id": str(ID)})


def test_a_command_is_named_by_what_it_is_and_its_id() -> None:
    mark, invoice = COMMANDS.validate_python(MARK), COMMANDS.validate_python(INVOICE)
    assert str(mark) == f"mark-ready time-and-material {ID}"
    assert str(invoice) == f"create-invoices salesorder({ID}) {ID}"


def test_a_command_to_invoice_what_is_due_may_name_a_day_and_contracts() -> None:
    said = {"kind": "create-due-invoices", "command": str(ID), "requested_by": "ada@fabrikam.com"}
    today = COMMANDS.validate_python(said)
    assert isinstance(today, CreateDueInvoices)
    assert (today.due, today.contracts, today.confirmed) == (None, (), False)
    some = COMMANDS.validate_json(json.dumps(said | {"due": "2026-03-02", "contracts": [str(ID)]}))
    assert isinstance(some, CreateDueInvoices)
    assert (some.due, some.contracts) == (date(2026, 3, 2), (ID,))
    with pytest.raises(ValidationError):
        COMMANDS.validate_python(said | {"due": "2026-03-02T06:00:00Z"})
