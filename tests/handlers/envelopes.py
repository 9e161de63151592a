"""Messages as they come off the bus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from connector.envelope import Envelope

ORGANIZATION = UUID("88888888-8888-4888-8888-888888888888")
OWN_TAG = "psa-connector"
NOW = datetime(2026, 2, 16, 12, tzinfo=UTC)


def context(table: str, id: UUID, **members: Any) -> dict[str, Any]:
    """An execution context as Dataverse posts it after an update, as far as anybody reads it."""
    return {
        "MessageName": "Update",
        "PrimaryEntityName": table,
        "PrimaryEntityId": str(id),
        "OrganizationId": str(ORGANIZATION),
        "OperationId": "77777777-7777-4777-8777-777777777777",
        "IsInTransaction": False,
        "Depth": 1,
        "InputParameters": [],
        "SharedVariables": [],
        "PreEntityImages": [],
        "PostEntityImages": [],
        "OutputParameters": [],
        "ParentContext": None,
    } | members


def envelope(body: Mapping[str, Any], **values: Any) -> Envelope:
    """A message with this JSON body."""
    fixed: dict[str, Any] = {"message_id": "m-1", "content_type": "application/json", "enqueued_at": NOW}
    return Envelope(body=json.dumps(body).encode(), **(fixed | values))
