"""How a refusal is told, and what the switches of queries let through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api

ALL = 'odata.include-annotations="*"'


def test_an_error_brings_annotations_where_they_were_asked_for(api: Api) -> None:
    plain = api("GET", "accounts?$select=nothing").json()["error"]
    assert set(plain) == {"code", "message"}
    told = api("GET", "accounts?$select=nothing", Prefer=ALL).json()["error"]
    assert told["@Microsoft.PowerApps.CDS.InnerError.Message"] == told["message"] == plain["message"]
    assert "error=Microsoft.Crm.CrmException%3a80060888" in told["@Microsoft.PowerApps.CDS.HelpLink"]
    only = api("GET", "accounts?$select=nothing", Prefer='odata.include-annotations="Microsoft.PowerApps.CDS.HelpLink"')
    assert set(only.json()["error"]) == {"code", "message", "@Microsoft.PowerApps.CDS.HelpLink"}


def test_an_error_inside_a_batch_brings_the_annotations_its_own_operation_asked_for(api: Api) -> None:
    part = "--b\nContent-Type: application/http\n\nGET accounts?$select=nothing HTTP/1.1\n"
    answer = api.batch(f"{part}Prefer: {ALL}\n\n{part}\n--b--\n", Prefer="odata.continue-on-error")
    assert answer.text.count("InnerError.Message") == 1


@pytest.mark.parametrize(("length", "status"), [(32_768, 200), (32_769, 414)])
def test_a_url_has_a_longest_length_outside_a_batch(api: Api, length: int, status: int) -> None:
    begun = "accounts?$filter=name eq 'x' or name eq '"
    path = begun.replace(" ", "%20").replace("'", "%27")
    path += "x" * (length - len(f"{api.root}/{path}%27")) + "%27"
    assert len(f"{api.root}/{path}") == length
    answer = api("GET", path)
    assert answer.status_code == status, answer.text


def test_messages_of_the_platform_that_are_not_here_say_so_and_unknown_ones_are_not_found(api: Api) -> None:
    for method, path in (("POST", "InsertOptionValue"), ("GET", "RetrieveVersion()"), ("GET", "RetrieveVersion")):
        assert api.refused(method, path, {} if method == "POST" else None)[:2] == (501, "NotSupportedBySandbox")
    for method, path in (("POST", "new_Nothing"), ("GET", "new_Nothing()")):
        assert api.refused(method, path, {} if method == "POST" else None)[:2] == (404, "0x8006088a")


def test_the_page_size_kept_to_is_told(api: Api) -> None:
    for asked, kept in (("2", "2"), ("9000", "5000")):
        answer = api("GET", "accounts?$select=name", Prefer=f"odata.maxpagesize={asked}")
        assert answer.headers["Preference-Applied"] == f"odata.maxpagesize={kept}"


def test_ids_in_quotes_and_distinct_counts_are_refused_unless_switched_on(server: DataverseServer, api: Api) -> None:
    id = api.create("accounts", {"name": "A", "telephone1": "1"})
    api.create("accounts", {"name": "B", "telephone1": "1"})
    quoted = f"accounts?$select=name&$filter=accountid eq '{id}'"
    counted = "accounts?$apply=aggregate(telephone1 with countdistinct as n)"
    assert "Edm.Guid" in api.refused("GET", quoted)[2]
    assert "countdistinct" in api.refused("GET", counted)[2]
    server.control.board.move({"queries": {"quoted_ids": True, "countdistinct": True}})
    assert [row["name"] for row in api.get(quoted)["value"]] == ["A"]
    assert api.get(counted, Prefer=ALL)["value"] == [
        {"n@OData.Community.Display.V1.FormattedValue": "1", "n": 1},
    ]
    assert "Edm.Guid" in api.refused("GET", "accounts?$filter=accountid eq 'A'")[2]
