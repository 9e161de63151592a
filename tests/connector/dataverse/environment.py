"""A small environment for mocked HTTP: three tables as EntityDefinitions tells them, and the answers of a batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import responses

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from connector.dataverse.metadata import Table, read_definitions

ORIGIN = "https://org.example.com"
API = f"{ORIGIN}/api/data/v9.2/"
NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
ONE = UUID("11111111-1111-1111-1111-111111111111")
TWO = UUID("22222222-2222-2222-2222-222222222222")
THREE = UUID("33333333-3333-3333-3333-333333333333")


def _relation(column: str, target: str, navigation: str) -> dict[str, str]:
    return {
        "ReferencingAttribute": column,
        "ReferencedEntity": target,
        "ReferencingEntityNavigationPropertyName": navigation,
    }


def _definition(
    name: str, set_name: str, columns: dict[str, str], relations: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    key = f"{name}id"
    return {
        "LogicalName": name,
        "EntitySetName": set_name,
        "PrimaryIdAttribute": key,
        "Attributes": [
            {"LogicalName": column, "AttributeType": kind}
            for column, kind in {key: "Uniqueidentifier", **columns}.items()
        ],
        "ManyToOneRelationships": relations or [],
    }


DEFINITIONS = {
    "account": _definition(
        "account",
        "accounts",
        {
            "name": "String",
            "revenue": "Money",
            "exchangerate": "Decimal",
            "employees": "Integer",
            "onhold": "Boolean",
            "createdon": "DateTime",
            "founded": "DateTime",
            "statecode": "State",
            "primarycontactid": "Lookup",
            "ownerid": "Owner",
            "parties": "PartyList",
        },
        [
            _relation("primarycontactid", "contact", "primarycontactid"),
            _relation("ownerid", "owner", "ownerid"),
        ],
    ),
    "team": _definition("team", "teams", {"name": "String"}),
    "contact": _definition("contact", "contacts", {"fullname": "String"}),
    "order": _definition(
        "order",
        "orders",
        {"customerid": "Customer", "number": "String"},
        [
            _relation("customerid", "account", "customerid_account"),
            _relation("customerid", "contact", "customerid_contact"),
        ],
    ),
}


def table(name: str) -> Table:
    """One of the tables, as the client knows it."""
    return read_definitions({"value": [DEFINITIONS[name]]})[0]


def definitions_url(*names: str) -> str:
    """The exact request that learns these tables."""
    condition = " or ".join(f"LogicalName eq '{name}'" for name in sorted(names))
    return (
        f"{API}EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute&$filter="
        + quote(condition, safe="'")
        + "&$expand=Attributes($select=LogicalName,AttributeType),ManyToOneRelationships"
        "($select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName)"
    )


def teach(http: responses.RequestsMock, *names: str) -> None:
    """Answer the one request that learns these tables."""
    http.get(definitions_url(*names), json={"value": [DEFINITIONS[name] for name in names]})


class Time:
    """A clock that only moves when somebody sleeps or says so."""

    def __init__(self) -> None:
        self.present = NOW
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The present."""
        return self.present

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self.present += timedelta(seconds=seconds)


@contextmanager
def mocked(*tables: str, **options: Any) -> Iterator[tuple[DataverseClient, responses.RequestsMock, Time]]:
    """A client before mocked HTTP; ``tables`` are preloaded and their request is already answered."""
    time = Time()
    with responses.RequestsMock() as http:
        if tables:
            teach(http, *tables)
        client = DataverseClient(ORIGIN, StaticToken("t0"), tables=tables, now=time.now, sleep=time.sleep, **options)
        yield client, http, time
        client.close()


def last_body(http: responses.RequestsMock) -> bytes:
    """The body of the last request, as bytes."""
    body = http.calls[-1].request.body
    return body if isinstance(body, bytes) else str(body or "").encode()


def boundary_of(http: responses.RequestsMock) -> str:
    """The boundary the last request announced."""
    return str(http.calls[-1].request.headers["Content-Type"]).partition('boundary="')[2].rstrip('"')


def part(status: int, body: object = None, headers: dict[str, str] | None = None, content_id: str = "") -> str:
    """One answer inside a batch."""
    text = "" if body is None else json.dumps(body)
    told = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    named = f"Content-ID: {content_id}\r\n" if content_id else ""
    return (
        f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{named}\r\n"
        f"HTTP/1.1 {status} Said\r\n{told}Content-Type: application/json\r\n\r\n{text}\r\n"
    )


def change_set(*parts: str) -> str:
    """The answers of one change set, as one part of a batch answer."""
    inner = "".join(f"--changesetresponse_1\r\n{each}" for each in parts)
    return f"Content-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n{inner}--changesetresponse_1--\r\n"


def batch_answer(*parts: str, close: bool = True) -> dict[str, Any]:
    """The keyword arguments that make ``responses`` answer a batch."""
    text = "".join(f"--batchresponse_1\r\n{each}" for each in parts) + ("--batchresponse_1--\r\n" if close else "")
    return {"body": text.encode(), "content_type": "multipart/mixed; boundary=batchresponse_1"}


def error(code: str, message: str) -> dict[str, object]:
    """Dataverse's error body."""
    return {"error": {"code": code, "message": message}}


def sequence(*answers: object) -> Callable[[Any], Any]:
    """A callback that gives one answer after the other; exceptions are raised."""
    left = list(answers)

    def answer(_: Any) -> Any:
        following = left.pop(0)
        if isinstance(following, Exception):
            raise following
        return following

    return answer
