"""A mocked environment to register in, and rows as registering leaves them."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import responses

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from service.registering.difference import Item, difference
from service.registering.reading import read
from service.registering.wanted import ENDPOINT, WATCHED, EventQueue, endpoint_values, step_values

API = "https://contoso.crm4.dynamics.com/api/data/v9.2/"
EVENTS = EventQueue("sb://contoso.servicebus.windows.net/", "approvals", "send-events", "the-key")
UPDATE = "20bebb1b-ea3e-db11-86a7-000a3a5473e8"
FILTERS = {
    "msdyn_timeentry": "11111111-0000-0000-0000-000000000001",
    "msdyn_expense": "11111111-0000-0000-0000-000000000002",
    "msdyn_projectapproval": "11111111-0000-0000-0000-000000000003",
}


class Environment:
    """A mocked environment: answers reads from ``rows`` and remembers writes."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.writes: list[tuple[str, str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.filters: list[str] = []
        for method in ("GET", "POST", "PATCH"):
            mock.add_callback(method, re.compile(f"{re.escape(API)}.*"), self._answer)

    def _answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        parts = urlsplit(request.url)
        path = parts.path.removeprefix("/api/data/v9.2/")
        if request.method != "GET":
            self.writes.append((request.method, path, json.loads(request.body)))
            self.headers.append(dict(request.headers))
            return 204, {}, ""
        condition = unquote(parts.query)
        self.filters.append(f"{path}?{condition}")
        if path == "sdkmessagefilters":
            found = [
                {"sdkmessagefilterid": id, "primaryobjecttypecode": table, "_sdkmessageid_value": UPDATE}
                for table, id in FILTERS.items()
                if f"'{table}'" in condition
            ]
            return 200, {}, json.dumps({"value": found})
        return 200, {}, json.dumps({"value": self.rows.get(path, [])})


def ours(**others: object) -> dict[str, Any]:
    return {"serviceendpointid": str(ENDPOINT), "issaskeyset": True, **endpoint_values(EVENTS), **others}


def our_step(number: int, **others: object) -> dict[str, Any]:
    tied = {
        "_eventhandler_value": str(ENDPOINT),
        "_sdkmessageid_value": UPDATE,
        "_sdkmessagefilterid_value": FILTERS[WATCHED[number].table],
    }
    id = {"sdkmessageprocessingstepid": str(WATCHED[number].id), "statecode": 0}
    return {**id, **step_values(WATCHED[number]), **tied, **others}


def difference_of(solution: str | None = None, **asked: bool) -> list[Item]:
    client = DataverseClient(API.removesuffix("/api/data/v9.2/"), StaticToken("administrator"))
    try:
        return difference(read(client, EVENTS.queue, solution), EVENTS, **asked)
    finally:
        client.close()
