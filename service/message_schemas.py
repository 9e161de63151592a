"""The JSON Schema of every message that others send or receive: ``python -m service.message_schemas docs/messages``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from mappings.announcements import Announcement
from mappings.messages import CreateDueInvoices, CreateInvoices, CreateManyInvoices, MarkNotReady, MarkReady
from mappings.replies import Reply

DRAFT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[BaseModel]] = {
    "mark-ready": MarkReady,
    "mark-not-ready": MarkNotReady,
    "create-invoices": CreateInvoices,
    "create-many-invoices": CreateManyInvoices,
    "create-due-invoices": CreateDueInvoices,
    "reply": Reply,
    "event": Announcement,
}


def schemas() -> dict[str, str]:
    """By file name: the schema as text."""
    return {f"{name}.schema.json": json.dumps(_schema(model), indent=2) + "\n" for name, model in MODELS.items()}


def _schema(model: type[BaseModel]) -> dict[str, object]:
    schema = {"$schema": DRAFT, **model.model_json_schema()}
    if "kind" in model.model_fields:
        # What tells commands apart is always said; what it is by default is known of none until then.
        schema["required"] = ["kind", *schema["required"]]
    if {"rows", "where"} <= model.model_fields.keys():
        schema["oneOf"] = [{"required": [one]} for one in ("rows", "contracts", "where")]
    if model is CreateManyInvoices:
        schema["oneOf"] = [{"required": [one]} for one in ("contracts", "where", "everything")]
    return schema


if __name__ == "__main__":
    for name, text in schemas().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
