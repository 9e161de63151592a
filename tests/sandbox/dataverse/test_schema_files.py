"""Tables, columns and keys from a folder of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.dataverse.schema_files import add_schema

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api

SHEET: dict[str, Any] = {
    "table": "psac_sheet",
    "label": "Sheet",
    "set": "psac_sheets",
    "id": "psac_sheetid",
    "name": "psac_name",
    "common": ["createdon", "modifiedon", "ownerid", "statecode", "statuscode", "versionnumber"],
    "columns": {
        "psac_sheetid": {"type": "id", "schema": "psac_SheetId"},
        "psac_name": {"type": "string", "length": 50, "schema": "psac_Name"},
        "psac_account": {"type": "lookup", "to": {"account": "psac_Account"}, "schema": "psac_Account"},
        "psac_kind": {"type": "picklist", "choices": {"1": "Paper", "2": "Screen"}, "schema": "psac_Kind"},
    },
    "keys": [{"name": "psac_name_key", "columns": ["psac_name"]}],
}
MORE = {
    "table": "account",
    "columns": {"psac_code": {"type": "string", "length": 20, "schema": "psac_Code"}},
    "keys": [{"name": "psac_code_key", "columns": ["psac_code"]}],
}


def test_tables_columns_and_keys_come_from_files(api: Api, server: DataverseServer, tmp_path: Path) -> None:
    (tmp_path / "sheet.json").write_text(json.dumps(SHEET), "utf-8")
    (tmp_path / "account.json").write_text(json.dumps(MORE), "utf-8")
    for _ in range(2):
        with server.transaction() as uow:
            assert add_schema(uow, tmp_path) == ["account", "psac_sheet"]
    account = api.create("accounts", {"name": "A", "psac_code": "a1"})
    body = {"psac_kind": 2, "psac_Account@odata.bind": "/accounts(psac_code='a1')"}
    assert api("PATCH", "psac_sheets(psac_name='one')", json=body).status_code == 204
    found = api.get(f"accounts({account})?$expand=psac_account_psac_sheet_Account($select=psac_name)")
    assert [sheet["psac_name"] for sheet in found["psac_account_psac_sheet_Account"]] == ["one"]
    assert len(api.get("sdkmessagefilters?$filter=primaryobjecttypecode eq 'psac_sheet'")["value"]) >= 3


@pytest.mark.parametrize("text", ["{}", "[]", "x", json.dumps(SHEET | {"columns": {"psac_x": {"type": "odd"}}})])
def test_a_file_that_describes_no_table_is_named(server: DataverseServer, tmp_path: Path, text: str) -> None:
    (tmp_path / "wrong.json").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"wrong\.json"), server.transaction() as uow:
        add_schema(uow, tmp_path)
