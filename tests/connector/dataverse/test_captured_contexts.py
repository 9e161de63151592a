"""Contexts captured from real environments and published by others; skipped where they are not beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.dataverse.execution_context import parse_context

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "samples" / "remote-execution-context"

pytestmark = pytest.mark.samples


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_a_captured_context_is_read(file: Path) -> None:
    context = parse_context(file.read_bytes(), "application/json")

    assert context.message in ("Create", "Update")
    assert context.table in file.name.replace("-", "_") or context.table
    assert context.id.int
    assert context.organization_id is not None
    assert context.operation_id is not None
    assert context.depth >= 1
    assert context.target
    assert context.created_on is not None
    assert context.created_on.tzinfo is not None
