"""Actions that are bound to nothing: what they take is read from ``$metadata``, and they are called in a batch."""

from __future__ import annotations

from uuid import UUID

import pytest

from connector.dataverse.action_metadata import parameters_of
from connector.dataverse.changes import Call, ChangeSet, Committed, Reference
from connector.errors import Misconfigured
from tests.connector.dataverse.environment import API, ONE, TWO, batch_answer, change_set, last_body, mocked, part

DOCUMENT = b"""<?xml version="1.0"?><edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
<edmx:DataServices><Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Microsoft.Dynamics.CRM">
<Action Name="Bound" IsBound="true"><Parameter Name="entity" Type="mscrm.account"/></Action>
<Action Name="DoThis"><Parameter Name="Rows" Type="Collection(mscrm.account)"/>
<Parameter Name="Yes" Type="Edm.Boolean"/></Action><Action Name="Bare"/></Schema></edmx:DataServices></edmx:Edmx>"""


@pytest.mark.parametrize(
    ("action", "taken"),
    [
        ("DoThis", {"Rows": "Collection(mscrm.account)", "Yes": "Edm.Boolean"}),
        ("Bare", {}),
        ("Bound", None),
        ("Missing", None),
    ],
)
def test_what_an_action_takes_is_read_from_the_environment(action: str, taken: dict[str, str] | None) -> None:
    with mocked() as (client, http, _):
        http.get(f"{API}$metadata", body=DOCUMENT, content_type="application/xml")
        assert client.action_parameters(action) == taken
        assert http.calls[-1].request.headers["Accept"] == "application/xml"


def test_what_is_no_schema_is_a_fault_of_the_environment() -> None:
    with pytest.raises(Misconfigured):
        parameters_of(b"<html>", "DoThis")


def test_rows_are_passed_as_a_list_and_the_address_names_no_row() -> None:
    with mocked("account") as (client, http, _):
        http.post(f"{API}$batch", **batch_answer(change_set(part(204))))
        rows = (Reference("account", ONE), Reference("account", TWO))
        called = Call("DoThis", rows[0], {"Rows": rows, "Yes": False}, is_bound=False)
        assert client.commit([ChangeSet((called,))]) == [Committed((None,))]
        sent = last_body(http).decode()
        assert "POST /api/data/v9.2/DoThis HTTP/1.1" in sent
        named = ",".join(_named(one.id) for one in rows)
        assert f'{{"Rows":[{named}],"Yes":false}}' in sent


def _named(id: UUID) -> str:
    return f'{{"@odata.type":"Microsoft.Dynamics.CRM.account","accountid":"{id}"}}'
