"""Contexts captured from real environments and published by others; skipped where they are not beside the project."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from connector.dataverse.context_values import ContextValue
from connector.dataverse.execution_context import parse_context

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "samples" / "remote-execution-context"


@dataclass(frozen=True)
class Expected:
    """What a person reads in the file: the head of it, how many columns were sent, and one of them."""

    message: str
    table: str
    id: str
    operation: str
    organization: str
    in_transaction: bool
    columns: int
    column: tuple[str, ContextValue]


EXPECTED = {
    "01": Expected(
        "Update",
        "account",
        "ec4e2f7d-9d60-e811-a95a-000d3af24950",
        "08fec203-ec78-4f7a-a024-c96e329a64fe",
        "b0714265-8e72-4d3b-8239-ecf0970a3da6",
        True,
        5,
        ("telephone1", "1111"),
    ),
    "02": Expected(
        "Update",
        "contact",
        "6d81597f-0f9f-e711-8122-000d3aa2331c",
        "4af10637-4ea2-e711-8122-000d3aa2331c",
        "00aa00aa-bb11-cc22-dd33-44ee44ee44ee",
        False,
        7,
        ("firstname", "James"),
    ),
    "03": Expected(
        "Create",
        "albxrm_alltypes",
        "44bfc2a7-903e-eb11-a813-000d3ad9c2e1",
        "45bfc2a7-903e-eb11-a813-000d3ad9c2e1",
        "0ba4ce62-d2d6-4681-bc25-b3bfb695d4d6",
        False,
        26,
        ("albxrm_currency", Decimal("2154.32")),
    ),
    "04": Expected(
        "Create",
        "shko_allfields",
        "6420f0cc-916b-ee11-9ae6-000d3a688809",
        "1ecf6213-9296-4772-b37c-c09138dd0d59",
        "b015df52-a05f-ee11-a382-000d3a64db73",
        True,
        24,
        ("shko_choices", (342490001, 342490002)),
    ),
    "05": Expected(
        "Create",
        "sharepointdocumentlocation",
        "1e3839b3-08d4-ef11-aeb0-00155d000101",
        "203839b3-08d4-ef11-aeb0-00155d000101",
        "f0aabb07-b0c9-4cfe-80be-8effd49bf067",
        False,
        18,
        ("relativeurl", "Mini test"),
    ),
    "06": Expected(
        "Update",
        "new_customactivity",
        "841579d9-7e63-ef11-9e4a-00155d0001ea",
        "b51579d9-7e63-ef11-9e4a-00155d0001ea",
        "e4032af2-cacf-4dd0-92aa-9036176934a5",
        False,
        6,
        ("statuscode", 4),
    ),
    "07": Expected(
        "Create",
        "account",
        "53c52f26-a89d-ef11-8a69-000d3a30b0c1",
        "f8a13ba5-d91d-4dd5-936c-7f3b6d6adb95",
        "f42a590d-a29d-ef11-8a66-6045bd056902",
        True,
        38,
        ("donotemail", False),
    ),
    "08": Expected(
        "Update",
        "msdyn_agentstatus",
        "00aa00aa-bb11-cc22-dd33-44ee44ee44ee",
        "1a14c3ec-9c50-ef11-bfe3-00224802dbb1",
        "66aa66aa-bb77-cc88-dd99-00ee00ee00ee",
        False,
        13,
        ("msdyn_agentid", Reference("systemuser", UUID("97c90b02-4e38-ef11-a315-000d3a5a54dc"))),
    ),
    "09": Expected(
        "Create",
        "msdyn_agentstatus",
        "44ee44ee-ff55-aa66-bb77-88cc88cc88cc",
        "09097f27-6123-4c61-b463-af00adb2e082",
        "55ff55ff-aa66-bb77-cc88-99dd99dd99dd",
        True,
        20,
        ("modifiedon", datetime(2024, 7, 24, 10, 28, 25, tzinfo=UTC)),
    ),
}


@pytest.mark.samples
@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_a_captured_context_is_read_as_a_person_reads_it(file: Path) -> None:
    expected = EXPECTED[file.stem.partition("-")[0]]

    context = parse_context(file.read_bytes(), "application/json")

    assert context.message == expected.message
    assert context.table == expected.table
    assert context.id == UUID(expected.id)
    assert context.operation_id == UUID(expected.operation)
    assert context.organization_id == UUID(expected.organization)
    assert context.in_transaction is expected.in_transaction
    assert (context.tag, context.truncated) == (None, False)
    assert len(context.target) == expected.columns
    name, value = expected.column
    assert context.target[name] == value
