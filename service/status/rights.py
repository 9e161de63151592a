"""Whether this user sees every row of what is counted: what it may not see is not refused, it is just not there."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from connector.dataverse.client import DataverseClient
from mappings import tables
from service.checks.privileges import shallow_reads
from service.status.part import Part, State

RIGHTS = "rights"
COUNTED = (
    tables.ACTUAL,
    tables.ORIGIN,
    tables.APPROVAL,
    tables.TIME_ENTRY,
    tables.EXPENSE,
    tables.CONTRACT,
    tables.MILESTONE,
    tables.SCHEDULE,
    tables.INVOICE,
    tables.COMMAND,
)
"""The tables whose rows are counted, and those that say which count; lines are read with their contracts."""


def rights(client: DataverseClient, me: UUID) -> Iterator[Part]:
    """Which of these tables are seen in part only, or not at all. Raises ``ConnectorError``."""
    shallow = shallow_reads(client, me, COUNTED)
    if not shallow:
        yield Part(RIGHTS, State.OK, "This user sees every row of what is counted.", count=0)
        return
    yield Part(
        RIGHTS,
        State.ATTENTION,
        f"This user does not see every row of {', '.join(shallow)}: what is counted here may be less than there is.",
        "Ask as who reads them for the organization; for the service: psa-connector role apply runtime --to USER",
        len(shallow),
    )
