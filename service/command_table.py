"""The one table this service installs, as Dataverse's metadata service takes it.

A table or column made through ``EntityDefinitions`` can be written at once; only *changes* to existing definitions, and
forms and views, wait to be published. Nothing here changes one, so nothing is published.
"""

from __future__ import annotations

from collections.abc import Mapping

CRM = "Microsoft.Dynamics.CRM."
LANGUAGE = 1033
LONGEST_TEXT = 1048576


def definition() -> dict[str, object]:
    """The body that creates the table with all its columns.

    It belongs to the organization, not to users: whoever may see commands may see all of them.
    """
    return {
        "@odata.type": f"{CRM}EntityMetadata",
        "SchemaName": "psac_Command",
        "DisplayName": _label("PSA Connector command"),
        "DisplayCollectionName": _label("PSA Connector commands"),
        "Description": _label("What PSA Connector was told to do, what it selected, and what came of it."),
        "OwnershipType": "OrganizationOwned",
        "IsActivity": False,
        "HasActivities": False,
        "HasNotes": False,
        "Attributes": list(columns().values()),
    }


def columns() -> Mapping[str, dict[str, object]]:
    """The columns by logical name, each as the body that creates it."""
    return {
        "psac_name": _text("psac_Name", "Name", 200) | {"IsPrimaryName": True},
        "psac_kind": _text("psac_Kind", "Kind", 50),
        "psac_subject": _text("psac_Subject", "Subject", 100),
        "psac_requestedby": _text("psac_RequestedBy", "Requested by", 200),
        "psac_state": _text("psac_State", "State", 50),
        "psac_selection": _memo("psac_Selection", "Selection"),
        "psac_outcome": _memo("psac_Outcome", "Outcome"),
        "psac_mark": _column("Integer", "psac_Mark", "Mark")
        | {"Format": "None", "MinValue": 0, "MaxValue": 2147483647},
    }


def _text(schema_name: str, label: str, length: int) -> dict[str, object]:
    return _column("String", schema_name, label) | {"MaxLength": length, "FormatName": {"Value": "Text"}}


def _memo(schema_name: str, label: str) -> dict[str, object]:
    return _column("Memo", schema_name, label) | {"MaxLength": LONGEST_TEXT, "Format": "TextArea"}


def _column(kind: str, schema_name: str, label: str) -> dict[str, object]:
    return {
        "@odata.type": f"{CRM}{kind}AttributeMetadata",
        "AttributeType": kind,
        "AttributeTypeName": {"Value": f"{kind}Type"},
        "SchemaName": schema_name,
        "DisplayName": _label(label),
        "RequiredLevel": {"Value": "None", "CanBeChanged": True},
    }


def _label(text: str) -> dict[str, object]:
    return {
        "@odata.type": f"{CRM}Label",
        "LocalizedLabels": [{"@odata.type": f"{CRM}LocalizedLabel", "Label": text, "LanguageCode": LANGUAGE}],
    }
