"""An action that takes rows gets them as a collection of named rows, in the same change set as what fences it."""

from __future__ import annotations

from connector.dataverse.changes import Call, ChangeSet, Committed, Create, Reference
from tests.connector.dataverse.environment import (
    API,
    ONE,
    THREE,
    TWO,
    batch_answer,
    change_set,
    last_body,
    mocked,
    part,
)


def test_a_bound_action_gets_its_rows_beside_the_row_it_is_called_on() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(f"{API}$batch", **batch_answer(change_set(part(204), part(204, content_id="2"))))
        rows = (Reference("contact", TWO), Reference("contact", THREE))
        made = Create(Reference("contact", THREE), {"fullname": "Ann"})
        called = Call("DoThis", Reference("account", ONE), {"Rows": rows})
        assert client.commit([ChangeSet((made, called))]) == [Committed((None, None))]
        sent = last_body(http).decode()
    assert f"POST /api/data/v9.2/accounts({ONE})/Microsoft.Dynamics.CRM.DoThis HTTP/1.1" in sent
    named = ",".join(f'{{"@odata.type":"Microsoft.Dynamics.CRM.contact","contactid":"{one.id}"}}' for one in rows)
    assert f'{{"Rows":[{named}]}}' in sent
    assert sent.index("If-None-Match: *") < sent.index("DoThis")
