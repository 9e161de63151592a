"""CreateMultiple, UpdateMultiple and UpsertMultiple: shapes, duplicates, all or nothing, and which tables take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from sandbox.dataverse.bulk_tables import offer

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api, Ear

TYPE = {"@odata.type": "Microsoft.Dynamics.CRM.account"}


def bulk(message: str, entity_set: str = "accounts") -> str:
    return f"{entity_set}/Microsoft.Dynamics.CRM.{message}"


def targets(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"Targets": [TYPE | row for row in rows]}


def names(api: Api) -> list[str]:
    return [row["name"] for row in api.get("accounts?$select=name")["value"]]


def test_create_multiple_answers_with_the_ids_in_order(api: Api) -> None:
    mine = uuid4()
    answer = api("POST", bulk("CreateMultiple"), json=targets({"name": "A"}, {"name": "B", "accountid": str(mine)}))
    assert answer.status_code == 200
    first, second = answer.json()["Ids"]
    assert UUID(second) == mine
    assert api.get(f"accounts({first})?$select=name")["name"] == "A"
    assert answer.json()["@odata.context"] == (f"{api.root}/$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse")


def test_create_multiple_is_all_or_nothing_and_each_row_is_an_event_of_its_own(api: Api, ear: Ear) -> None:
    ear.heard.clear()
    assert api.refused("POST", bulk("CreateMultiple"), targets({"name": "A"}, {"nonsense": 1}))[0] == 400
    assert (names(api), ear.heard) == ([], [])
    assert api("POST", bulk("CreateMultiple"), json=targets({"name": "A"}, {"name": "B"})).status_code == 200
    assert [[written.message for written in heard] for heard in ear.heard] == [["Create", "Create"]]


def test_update_multiple_keeps_the_first_of_two_with_one_id_and_says_nothing(api: Api) -> None:
    id, other = api.create("accounts", {"name": "A"}), api.create("accounts", {"name": "B"})
    rows = ({"accountid": str(id), "name": "first"}, {"accountid": str(id).upper(), "name": "second"})
    answer = api("POST", bulk("UpdateMultiple"), json=targets(*rows, {"accountid": str(other), "name": "C"}))
    assert (answer.status_code, answer.content) == (204, b"")
    assert names(api) == ["first", "C"]


def test_update_multiple_makes_no_row_and_undoes_the_others(api: Api) -> None:
    id = api.create("accounts", {"name": "A"})
    rows = ({"accountid": str(id), "name": "B"}, {"accountid": str(uuid4()), "name": "C"})
    assert api.refused("POST", bulk("UpdateMultiple"), targets(*rows))[:2] == (404, "0x80040217")
    assert names(api) == ["A"]


def test_upsert_multiple_makes_and_changes_and_answers_nothing(api: Api) -> None:
    id, new = api.create("accounts", {"name": "A"}), uuid4()
    rows = ({"accountid": str(id), "name": "B"}, {"@odata.id": f"accounts({new})", "name": "C"})
    answer = api("POST", bulk("UpsertMultiple"), json=targets(*rows))
    assert (answer.status_code, answer.content) == (204, b"")
    assert names(api) == ["B", "C"]


def test_upsert_multiple_refuses_two_rows_with_one_key(api: Api) -> None:
    id = str(uuid4())
    refusal = api.refused("POST", bulk("UpsertMultiple"), targets({"accountid": id}, {"accountid": id}))
    assert refusal[:2] == (412, "0x80040237")
    assert names(api) == []


def test_delete_multiple_is_for_elastic_tables_only(api: Api) -> None:
    refusal = api.refused("POST", bulk("DeleteMultiple"), targets({"accountid": str(uuid4())}))
    assert refusal == (501, "", "DeleteMultiple has not yet been implemented.")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Targets": []},
        {"Targets": [{"name": "A"}]},
        {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.contact"}]},
        {"Targets": ["A"]},
        {"Targets": [TYPE | {"name": "A"}, TYPE | {"name": 1}]},
    ],
)
def test_targets_must_be_rows_of_this_table(api: Api, body: Any) -> None:
    assert api.refused("POST", bulk("CreateMultiple"), body)[:2] == (400, "0x80048d19")
    assert names(api) == []


def test_a_step_on_a_bulk_message_is_refused_as_nothing_would_call_it(api: Api) -> None:
    (message,) = api.get("sdkmessages?$select=sdkmessageid&$filter=name eq 'CreateMultiple'")["value"]
    step = {"name": "s", "stage": 40, "mode": 1, "rank": 1, "supporteddeployment": 0}
    bound = {"sdkmessageid@odata.bind": f"/sdkmessages({message['sdkmessageid']})"}
    assert api.refused("POST", "sdkmessageprocessingsteps", step | bound)[0] == 501


def test_a_target_without_a_key_cannot_be_updated(api: Api) -> None:
    assert api.refused("POST", bulk("UpdateMultiple"), targets({"name": "A"}))[:2] == (400, "0x80040203")


def test_a_table_takes_bulk_messages_where_its_message_filters_say_so(api: Api, server: DataverseServer) -> None:
    def listed() -> list[str]:
        found = api.get(
            "sdkmessagefilters?$expand=sdkmessageid($select=name)&$filter=primaryobjecttypecode eq 'invoice'"
        )
        return sorted(row["sdkmessageid"]["name"] for row in found["value"])

    body = {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.invoice", "name": "I"}]}
    assert listed() == ["Create", "Delete", "Update"]
    for message in ("CreateMultiple", "UpdateMultiple", "UpsertMultiple"):
        assert api.refused("POST", bulk(message, "invoices"), body)[:2] == (404, "0x8006088a")
    with server.transaction() as uow:
        offer(uow, "invoice", on=True)
    assert listed() == ["Create", "CreateMultiple", "Delete", "Update", "UpdateMultiple"]
    assert api("POST", bulk("CreateMultiple", "invoices"), json=body).status_code == 200
    with server.transaction() as uow:
        offer(uow, "invoice", on=False)
    assert listed() == ["Create", "Delete", "Update"]
    assert api.refused("POST", bulk("CreateMultiple", "invoices"), body)[0] == 404
