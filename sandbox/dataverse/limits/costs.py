"""What an operation costs the server in execution time: charged, never slept.

The thin figures follow the bulk-operation samples Microsoft publishes, for 100 rows: about 1 s to create them at once,
3 s to update them at once, 4 s to update them one by one in a batch. The figures of reading and scanning are our own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.unit_of_work import Written

STRINGS: Final = re.compile(r"'(?:[^']|'')*'")
WORD: Final = re.compile(r"\w+")
PROPERTY: Final = re.compile(r"PropertyName\s*=\s*'(\w+)'")
"""How the query functions (``Microsoft.Dynamics.CRM.In`` and the like) name the column they look at."""


@dataclass(frozen=True, slots=True)
class CostModel:
    """Execution time per operation, per row written or read, and for each row of a table a query has to look through.

    ``created_in``: what plug-ins add to each new row of a table.
    """

    name: str
    operation: timedelta
    created: timedelta
    updated: timedelta
    deleted: timedelta
    read: timedelta
    scanned: timedelta
    created_in: Mapping[str, timedelta] = field(default_factory=dict)

    def writes(self, writes: Sequence[Written]) -> timedelta:
        """The cost of rows written."""
        kinds = {"Create": self.created, "Update": self.updated, "Delete": self.deleted}
        total = timedelta()
        for written in writes:
            total += kinds[written.message]
            if written.message == "Create":
                total += self.created_in.get(written.table, timedelta())
        return total


THIN: Final = CostModel(
    name="thin",
    operation=timedelta(milliseconds=10),
    created=timedelta(milliseconds=10),
    updated=timedelta(milliseconds=30),
    deleted=timedelta(milliseconds=30),
    read=timedelta(microseconds=100),
    scanned=timedelta(microseconds=5),
)
PLUGIN_HEAVY: Final = CostModel(
    name="plug-in heavy",
    operation=THIN.operation,
    created=THIN.created,
    updated=THIN.updated,
    deleted=THIN.deleted,
    read=THIN.read,
    scanned=THIN.scanned,
    created_in={
        "msdyn_actual": timedelta(milliseconds=200),
        "msdyn_transactionorigin": timedelta(milliseconds=30),
        "msdyn_transactionconnection": timedelta(milliseconds=30),
    },
)
PRESETS: Final = {model.name: model for model in (THIN, PLUGIN_HEAVY)}


def scans(table: Table, condition: str) -> bool:
    """Whether a ``$filter`` makes the server look through the whole table: it names text columns, and no key or lookup
    that would narrow the search by an index."""
    names = set(WORD.findall(STRINGS.sub("", condition))) | set(PROPERTY.findall(condition))
    columns = [table.properties[name] for name in names if name in table.properties]
    kinds = {column.kind for column in columns}
    if kinds & {"id", "lookup"} or any({*key.columns} <= {column.name for column in columns} for key in table.keys):
        return False
    return bool(kinds & {"string", "memo"})
