from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from urllib.parse import unquote
from uuid import UUID

import pytest
import responses

from connector.dataverse.changes import Record, Reference
from connector.dataverse.query import Query, any_of, equals
from connector.errors import Misconfigured
from tests.connector.dataverse.environment import (
    API,
    DEFINITIONS,
    ONE,
    ORIGIN,
    THREE,
    TWO,
    batch_answer,
    boundary_of,
    last_body,
    mocked,
    part,
)

ANNOTATIONS = 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'


def row(key: UUID, **values: object) -> dict[str, object]:
    return {"@odata.etag": 'W/"1"', "contactid": str(key), **values}


def test_one_question_is_one_get_with_these_headers() -> None:
    with mocked("contact") as (client, http, _):
        http.get(
            f"{API}contacts?$select=fullname&$filter=fullname%20eq%20'Ann'",
            json={"value": [row(ONE, fullname="Ann")]},
        )

        answer = client.query([Query("contact", ["fullname"], equals("fullname", "Ann"))])

        assert answer == [[Record(Reference("contact", ONE), 'W/"1"', {"fullname": "Ann"})]]
        sent = http.calls[-1].request
        assert sent.url == f"{API}contacts?$select=fullname&$filter=fullname%20eq%20'Ann'"
        told = {
            name: sent.headers[name]
            for name in ("Accept", "OData-Version", "OData-MaxVersion", "If-None-Match", "Prefer", "Authorization")
        }
        assert told == {
            "Accept": "application/json",
            "OData-Version": "4.0",
            "OData-MaxVersion": "4.0",
            "If-None-Match": "null",
            "Prefer": f"{ANNOTATIONS},odata.maxpagesize=5000",
            "Authorization": "Bearer t0",
        }
        assert UUID(sent.headers["x-ms-client-request-id"])
        assert sent.headers["User-Agent"] == "psa-connector"


def test_a_question_with_a_top_asks_for_no_page_size() -> None:
    with mocked("contact") as (client, http, _):
        http.get(f"{API}contacts?$select=fullname&$top=2", json={"value": []})

        client.query([Query("contact", ["fullname"], top=2)])

        assert http.calls[-1].request.headers["Prefer"] == ANNOTATIONS


@pytest.mark.parametrize("options", ["$top=1&$count=true", "%24count=true&$select=fullname&%24top=1"])
def test_a_count_beside_a_top_is_never_asked_for(options: str) -> None:
    with mocked() as (client, http, _):
        with pytest.raises(ValueError, match="count by pages"):
            client.send("GET", f"contacts?{options}")
        assert not http.calls


def test_a_question_without_columns_asks_for_the_key() -> None:
    with mocked("contact") as (client, http, _):
        http.get(f"{API}contacts?$select=contactid", json={"value": [row(ONE)]})

        assert client.query([Query("contact", [])])[0][0].row == Reference("contact", ONE)


def test_several_questions_are_one_batch_of_gets() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(
            f"{API}$batch",
            **batch_answer(
                part(200, {"value": [row(ONE, fullname="Ann")]}),
                part(200, {"value": [{"accountid": str(TWO), "revenue": 12.50}]}),
            ),
        )

        people, companies = client.query(
            [Query("contact", ["fullname"]), Query("account", ["revenue"], equals("name", "x"))]
        )

        assert [record["fullname"] for record in people] == ["Ann"]
        assert [record["revenue"] for record in companies] == [Decimal("12.5")]
        boundary = boundary_of(http)
        headers = (
            "Accept: application/json\r\nOData-Version: 4.0\r\nOData-MaxVersion: 4.0\r\nIf-None-Match: null\r\n"
            f"Prefer: {ANNOTATIONS},odata.maxpagesize=5000\r\n\r\n\r\n"
        )
        begin = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        assert last_body(http).decode() == (
            f"--{boundary}\r\n{begin}GET /api/data/v9.2/contacts?$select=fullname HTTP/1.1\r\n{headers}"
            f"--{boundary}\r\n{begin}GET /api/data/v9.2/accounts?$select=revenue&$filter=name%20eq%20'x' HTTP/1.1\r\n"
            f"{headers}--{boundary}--\r\n"
        )
        assert "Prefer" not in http.calls[-1].request.headers


def test_every_page_is_followed_word_for_word() -> None:
    second = f"{API}contacts?$select=fullname&$skiptoken=%3Ccookie%20a=%22b%22/%3E"
    with mocked("contact") as (client, http, _):
        http.get(
            f"{API}contacts?$select=fullname",
            json={"value": [row(ONE, fullname="a")], "@odata.nextLink": second},
            match=[responses.matchers.query_param_matcher({"$select": "fullname"})],
        )
        http.get(second, json={"value": [row(TWO, fullname="b")]})

        [found] = client.query([Query("contact", ["fullname"])])

        assert [record["fullname"] for record in found] == ["a", "b"]
        assert http.calls[-1].request.url == second


def test_next_pages_of_several_questions_are_again_one_batch() -> None:
    link = f"{API}contacts?page=2"
    with mocked("account", "contact") as (client, http, _):
        http.post(
            f"{API}$batch",
            **batch_answer(
                part(200, {"value": [row(ONE)], "@odata.nextLink": link}),
                part(200, {"value": [], "@odata.nextLink": f"{API}accounts?page=2"}),
            ),
        )
        http.post(
            f"{API}$batch",
            **batch_answer(part(200, {"value": [row(TWO)]}), part(200, {"value": [{"accountid": str(THREE)}]})),
        )

        people, companies = client.query([Query("contact", []), Query("account", [])])

        assert [record.row.id for record in people] == [ONE, TWO]
        assert [record.row.id for record in companies] == [THREE]
        assert b"GET /api/data/v9.2/contacts?page=2 HTTP/1.1" in last_body(http)
        assert len(http.calls) == 3


def test_a_next_page_on_another_host_is_not_followed() -> None:
    with mocked("contact") as (client, http, _):
        http.get(f"{API}contacts?$select=contactid", json={"value": [], "@odata.nextLink": "https://evil.example/x?y"})

        with pytest.raises(Misconfigured, match="another host"):
            client.query([Query("contact", [])])


def test_a_question_that_can_match_nothing_is_not_asked() -> None:
    with mocked("contact") as (client, http, _):
        assert client.query([Query("contact", [], any_of("contactid", []))]) == [[]]
        assert len(http.calls) == 1


def test_no_question_is_no_request() -> None:
    with mocked() as (client, http, _):
        assert client.query([]) == []
        assert len(http.calls) == 0


def test_a_long_list_of_ids_is_asked_in_parts_and_merged_without_doubles_in_the_order_wanted() -> None:
    ids = [UUID(int=number) for number in range(1000)]
    with mocked("contact") as (client, http, _):
        http.post(
            f"{API}$batch",
            **batch_answer(
                part(200, {"value": [row(ids[3], fullname="c"), row(ids[1], fullname="A")]}),
                part(200, {"value": [row(ids[3], fullname="c"), row(ids[2], fullname="b"), row(ids[4])]}),
            ),
        )

        [found] = client.query(
            [Query("contact", ["fullname"], any_of("contactid", ids), order_by=["fullname desc"], top=3)]
        )

        assert [record["fullname"] for record in found] == ["c", "b", "A"]
        lines = [line for line in last_body(http).decode().split("\r\n") if line.startswith("GET ")]
        assert len(lines) == 2
        assert all(len(line) < 30_100 for line in lines)
        assert all(unquote(" ".join(lines)).count(str(key)) == 1 for key in ids)


def test_an_unknown_column_is_named_and_found_once_it_has_been_added() -> None:
    with mocked("contact") as (client, http, _):
        with pytest.raises(Misconfigured, match="contact has no column nickname"):
            client.query([Query("contact", ["nickname"])])
        definition = deepcopy(DEFINITIONS["contact"])
        definition["Attributes"].append({"LogicalName": "nickname", "AttributeType": "String"})
        http.replace(responses.GET, str(http.calls[0].request.url), json={"value": [definition]})
        http.get(f"{API}contacts?$select=nickname", json={"value": []})

        assert client.query([Query("contact", ["nickname"])]) == [[]]


@pytest.mark.parametrize("body", ["<html>sign in</html>", "[]", '{"value": 1}'])
def test_an_answer_that_is_not_dataverses_is_our_fault(body: str) -> None:
    with mocked("contact") as (client, http, _):
        http.get(f"{API}contacts?$select=contactid", body=body)

        with pytest.raises(Misconfigured, match="unreadable-answer"):
            client.query([Query("contact", [])])


def test_who_am_i_tells_user_and_organization() -> None:
    with mocked() as (client, http, _):
        http.get(f"{API}WhoAmI", json={"UserId": str(ONE), "OrganizationId": str(THREE)})

        told = client.who_am_i()

        assert (told.user_id, told.organization_id) == (ONE, THREE)
        assert client.url == ORIGIN


def test_who_am_i_elsewhere_is_our_fault() -> None:
    with mocked() as (client, http, _):
        http.get(f"{API}WhoAmI", json={"hello": "world"})

        with pytest.raises(Misconfigured, match="WhoAmI"):
            client.who_am_i()
