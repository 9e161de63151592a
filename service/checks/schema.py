"""Tables, columns, choices and keys as the environment has them, held against what the service relies on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from connector.dataverse.client import DataverseClient
from connector.errors import Transient
from mappings import tables
from service.checks.finding import Finding, Verdict
from service.checks.needed import CHOICES, NEEDED, VERSIONED
from service.column_facts import columns_of

ACTIVE = "Active"
ONLY_WITH_PRODUCT = frozenset({"msdyn_organizationalunit_pricelevel"})
"""Tables that an environment may lack: the profile then goes without them."""
REGISTER = "Run `psa-connector register` with a user who may customize the system."
RESTORE = (
    "Bring it back: install the solution it belongs to, or the version of the product it came with. Where your "
    "environment has it under another name, this version can't work with it."
)


def schema(client: DataverseClient) -> Iterator[Finding]:
    """Every table, column and choice that is missing, by name."""
    columns = columns_of(client, NEEDED)
    there = columns.tables
    absent = [name for name in NEEDED if name not in there and name not in ONLY_WITH_PRODUCT]
    for name in absent:
        if name == tables.COMMAND:
            yield Finding("tables", Verdict.WRONG, f"The table {name} is not there yet.", REGISTER)
        else:
            yield Finding("tables", Verdict.DRIFT, f"The table {name} is missing.", RESTORE)
    if not absent:
        yield Finding("tables", Verdict.OK, f"All {len(there)} tables are there.")
    missing = [(name, column) for name in there for column in NEEDED[name].columns if column not in there[name]]
    for name, column in missing:
        remedy = REGISTER if name == tables.COMMAND else RESTORE
        yield Finding("columns", Verdict.DRIFT, f"The column {name}.{column} is missing.", remedy)
    if not missing:
        count = sum(len(NEEDED[name].columns) for name in there)
        yield Finding("columns", Verdict.OK, f"All {count} columns are there.")
    faults = 0
    for (name, column), values in CHOICES.items():
        found = columns.closely(name, column)
        if found is None:
            continue
        without = [value for value in values if value not in found.options]
        if found.type != "Picklist":
            faults += 1
            yield Finding("choices", Verdict.DRIFT, f"{name}.{column} is a {found.type}, no choice.", RESTORE)
        elif without:
            faults += 1
            words = ", ".join(f"{value.name.lower().replace('_', ' ')} ({value})" for value in without)
            yield Finding("choices", Verdict.DRIFT, f"{name}.{column} lacks {words}.", RESTORE)
    if not faults:
        yield Finding("choices", Verdict.OK, f"The values of all {len(CHOICES)} choices are there.")


def versions_and_keys(client: DataverseClient) -> Iterator[Finding]:
    """Whether rows can be changed as they were read, whether changes are tracked, and keys that don't hold yet."""
    rows = definitions(client, sorted(NEEDED), "Keys($select=LogicalName,EntityKeyIndexStatus)")
    versioned = [row for row in rows if row["LogicalName"] in VERSIONED]
    without = [row for row in versioned if not row["IsOptimisticConcurrencyEnabled"]]
    for row in without:
        yield Finding(
            "keys",
            Verdict.WRONG,
            f"The rows of {row['LogicalName']} have no version to change them by (optimistic concurrency is off).",
            "Without it nothing keeps two from writing at once. It is a property of the table that Microsoft's support "
            "can switch on.",
        )
    idle = [(row["LogicalName"], key) for row in rows for key in row["Keys"]]
    for name, key in ((name, key) for name, key in idle if key["EntityKeyIndexStatus"] != ACTIVE):
        status = key["EntityKeyIndexStatus"]
        yield Finding(
            "keys",
            Verdict.NOTE,
            f"The alternate key {key['LogicalName']} of {name} is {status}: it keeps nothing unique.",
            "This service names its rows by ids and needs no alternate key. Where others do: activate it again.",
        )
    untold = sorted(set(VERSIONED) - {row["LogicalName"] for row in versioned})
    if untold:
        sentence = f"Whether rows of {', '.join(untold)} have versions is not told: no such table, or it can't be seen."
        yield Finding("keys", Verdict.NOT_SEEN, sentence)
    elif not without:
        yield Finding(
            "keys",
            Verdict.OK,
            f"{len(VERSIONED)} tables keep versions of their rows, so nothing somebody else changed is written over.",
        )
    tracked = {row["LogicalName"] for row in rows if row["ChangeTrackingEnabled"]}
    for name in (tables.TIME_ENTRY, tables.EXPENSE, tables.APPROVAL):
        if name not in tracked:
            yield Finding(
                "keys",
                Verdict.NOTE,
                f"Changes of {name} are not tracked: `reconcile` looks for them by the day they were made.",
                "Switch on change tracking of the table where `reconcile` should miss nothing that was deleted.",
            )


def definitions(client: DataverseClient, names: Sequence[str], expand: str = "") -> list[Mapping[str, Any]]:
    """Facts of these tables with their privileges; those that are not there are left out."""
    condition = quote(" or ".join(f"LogicalName eq '{name}'" for name in names), safe="'")
    chosen = "LogicalName,IsOptimisticConcurrencyEnabled,ChangeTrackingEnabled,Privileges"
    path = f"EntityDefinitions?$select={chosen}&$filter={condition}" + (f"&$expand={expand}" if expand else "")
    answer = client.send("GET", path).json
    rows = answer.get("value") if isinstance(answer, Mapping) else None
    if not isinstance(rows, list):
        raise Transient("unreadable-answer", f"{client.url} does not tell the definitions of tables.")
    return cast(list[Mapping[str, Any]], rows)


def by_table(rows: Sequence[tuple[str, str]]) -> Mapping[str, list[str]]:
    """What is said of tables, gathered by table."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for table, what in rows:
        found[table].append(what)
    return found
