"""Tables and columns made at run time, read from the metadata bodies that Dataverse takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.dataverse.catalog import Column, Table, common_columns
from sandbox.dataverse.http.global_choices import bound, label_of, options_of
from sandbox.dataverse.http.table_facts import TYPES
from sandbox.dataverse.refusals import payload, unsupported
from sandbox.dataverse.transaction import Transaction

STANDARD = {"createdby", "createdon", "createdonbehalfby", "importsequencenumber", "modifiedby", "modifiedon"} | {
    "modifiedonbehalfby",
    "overriddencreatedon",
    "statecode",
    "statuscode",
    "timezoneruleversionnumber",
    "utcconversiontimezonecode",
    "versionnumber",
}
OWNED = {
    "UserOwned": ("ownerid", "owningbusinessunit", "owningteam", "owninguser"),
    "OrganizationOwned": ("organizationid",),
}
SCHEMA_NAME = re.compile(r"[a-z][a-z0-9]{1,7}_\w+", re.IGNORECASE)
MADE = {"string", "memo", "integer", "decimal", "double", "money", "picklist", "datetime", "boolean"} | {
    "multiselectpicklist"
}
KINDS = {metadata_type: kind for kind, (_, metadata_type) in TYPES.items() if kind in MADE}
LENGTHS = {"string": (100, 4000), "memo": (2000, 1048576)}
LIMITS = {"decimal": Decimal("100000000000"), "double": Decimal("100000000000"), "integer": Decimal(2**31 - 1)} | {
    "money": Decimal("922337203685477")
}


def new_table(uow: Transaction, body: Mapping[str, Any]) -> Table:
    """The table an EntityMetadata body describes."""
    schema = schema_name(body)
    name = schema.lower()
    ownership = body.get("OwnershipType", "UserOwned")
    if ownership not in OWNED:
        raise unsupported(f"tables with OwnershipType {ownership}")
    attributes = body.get("Attributes", [])
    if not isinstance(attributes, list) or not all(isinstance(entry, Mapping) for entry in attributes):
        raise payload("EntityDefinitions", "Attributes is to be a list of attribute metadata.")
    primary = [entry for entry in attributes if entry.get("IsPrimaryName")]
    if len(primary) != 1 or type_of(primary[0]) != "StringAttributeMetadata":
        raise payload("EntityDefinitions", "Exactly one string attribute is to have IsPrimaryName true.")
    id_column = f"{name}id"
    columns = {column: common_columns()[column] for column in (*STANDARD, *OWNED[ownership])}
    columns[id_column] = Column(id_column, "id", f"{schema}Id")
    for entry in attributes:
        column = new_column(uow, entry)
        columns |= {one.name: one for one in (column, *companions(columns, column))}
    return Table(
        name=name,
        label=label_of(body.get("DisplayName")) or schema,
        set_name=body.get("EntitySetName") or plural(name),
        id_column=id_column,
        name_column=schema_name(primary[0]).lower(),
        columns=dict(sorted(columns.items())),
        schema_name=schema,
        custom=True,
        change_tracking=body.get("ChangeTrackingEnabled") is True,
    )


def new_column(uow: Transaction, body: Mapping[str, Any]) -> Column:
    """The column an AttributeMetadata body describes."""
    schema = schema_name(body)
    metadata_type = type_of(body)
    if metadata_type == "LookupAttributeMetadata":
        raise payload("Attributes", "A lookup is made with its relationship, by POST to RelationshipDefinitions.")
    kind = KINDS.get(metadata_type)
    if kind is None:
        raise unsupported(f"making columns of type '{body.get('@odata.type')}'")
    if body.get("IsSecured") is True:
        raise unsupported("columns with column-level security (IsSecured)")
    label = label_of(body.get("DisplayName")) or ""
    column = Column(schema.lower(), kind, schema, required=required_level(body), label=label)
    if kind in LENGTHS:
        default, longest = LENGTHS[kind]
        length = body.get("MaxLength", default)
        if not isinstance(length, int) or not 1 <= length <= longest:
            raise payload("Attributes", f"MaxLength is to be between 1 and {longest}.")
        return replace(column, length=length)
    if kind in LIMITS:
        low, high = body.get("MinValue"), body.get("MaxValue")
        return replace(
            column,
            minimum=-LIMITS[kind] if low is None else Decimal(low),
            maximum=LIMITS[kind] if high is None else Decimal(high),
            precision=body.get("Precision"),
        )
    if kind in ("picklist", "multiselectpicklist"):
        return _picklist(uow, column, body)
    if kind == "boolean":
        return _flag(column, body)
    if kind == "datetime":
        behavior = (body.get("DateTimeBehavior") or {}).get("Value", "UserLocal")
        if behavior not in ("UserLocal", "DateOnly", "TimeZoneIndependent"):
            raise payload("Attributes", f"DateTimeBehavior {behavior} is not known.")
        return replace(column, behavior=behavior, format=body.get("Format", "DateOnly"))
    return column


def type_of(body: Mapping[str, Any]) -> str:
    """The metadata type a body states; ``CreateEntities`` takes each under a name of its own (``Complex…``)."""
    stated = str(body.get("@odata.type", "")).removeprefix("#").removeprefix("Microsoft.Dynamics.CRM.")
    return stated.removeprefix("Complex")


def companions(there: Mapping[str, Column], column: Column) -> list[Column]:
    """What the platform makes along with a column: an amount has its worth in the base currency, and a currency."""
    if column.kind != "money":
        return []
    base = replace(column, name=f"{column.name}_base", schema_name=f"{column.schema_name}_Base", read_only=True)
    shared = (common_columns()[name] for name in ("transactioncurrencyid", "exchangerate"))
    plain = replace(base, required="", minimum=None, maximum=None, precision=None)
    return [plain, *(one for one in shared if one.name not in there)]


def widened(table: Table, column: Column) -> Table:
    """The table with one more column."""
    return replace(table, columns=dict(sorted({**table.columns, column.name: column}.items())))


def plural(name: str) -> str:
    """The entity set name the platform gives a table."""
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{name}es"
    return f"{name[:-1]}ies" if re.search(r"[^aeiou]y$", name) else f"{name}s"


def schema_name(body: Mapping[str, Any]) -> str:
    """The name a body gives to what is to be made; one without a publisher's prefix is refused."""
    name = body.get("SchemaName")
    if not isinstance(name, str) or not SCHEMA_NAME.fullmatch(name):
        raise payload("EntityDefinitions", f"SchemaName '{name}' is to begin with a publisher's prefix and '_'.")
    return name


def required_level(body: Mapping[str, Any]) -> str:
    """How much a column is required, in the words of the schema files."""
    level = (body.get("RequiredLevel") or {}).get("Value", "None")
    return {"ApplicationRequired": "application", "Recommended": "recommended"}.get(level, "")


def _picklist(uow: Transaction, column: Column, body: Mapping[str, Any]) -> Column:
    shared = bound(uow, body)
    if shared is not None:
        return replace(column, global_choice=shared[0], choices=shared[1])
    return replace(column, choices=options_of(body.get("OptionSet") or {}))


def _flag(column: Column, body: Mapping[str, Any]) -> Column:
    options = body.get("OptionSet") or {}
    named = {0: options.get("FalseOption"), 1: options.get("TrueOption")}
    labels = {value: label_of((option or {}).get("Label")) for value, option in named.items()}
    return replace(column, choices={value: label for value, label in labels.items() if label})
