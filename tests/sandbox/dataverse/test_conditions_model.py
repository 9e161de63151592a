"""Writes under any conditions, by id and by alternate key, in any order: answered as a model answers them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.clock import Clock
from sandbox.dataverse.server import DataverseServer
from tests.sandbox.dataverse.conftest import Api

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Loop

STALE = 'W/"1"'
NOT_THERE = {False: "0x80040217", True: "0x80060891"}

steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["PATCH", "PATCH", "DELETE", "GET"]),
        st.sampled_from([None, "*", "current", "stale", "none"]),
    ),
    max_size=10,
)


@pytest.fixture(scope="module")
def keyed(loop: Loop) -> Iterator[Api]:
    server = DataverseServer(Clock())
    loop.run(server.start())
    api = Api(server, "service")
    body = {"SchemaName": "psac_Number", "KeyAttributes": ["accountnumber"]}
    assert api("POST", "EntityDefinitions(LogicalName='account')/Keys", json=body).status_code == 204
    yield api
    api.close()
    loop.end(server.stop())


def expected(method: str, condition: str | None, there: bool, by_key: bool) -> tuple[int, str]:
    """Status and code; ``condition``: If-Match with ``*``, the current or an old ETag, or ``none``: If-None-Match *."""
    missing = 404, NOT_THERE[by_key]
    if method == "GET":
        return (200, "") if there else missing
    if method == "DELETE" and not there:
        return missing
    if condition == "none" and method == "PATCH":
        return (412, "0x80040237") if there else (204, "")
    if condition in ("*", "current", "stale") and not there:
        return missing
    return (412, "0x80060882") if condition == "stale" else (204, "")


@settings(max_examples=60, deadline=None)
@given(steps=steps, by_key=st.booleans())
def test_every_write_is_let_through_or_refused_as_its_condition_says(
    keyed: Api, steps: list[tuple[int, str, str | None]], by_key: bool
) -> None:
    names = [uuid4() for _ in range(2)]
    paths = [f"accounts(accountnumber='{name.hex[:20]}')" if by_key else f"accounts({name})" for name in names]
    etags: list[str | None] = [None, None]
    for number, (at, method, condition) in enumerate(steps):
        headers = {
            "*": {"If_Match": "*"},
            "current": {"If_Match": etags[at] or STALE},
            "stale": {"If_Match": STALE},
            "none": {"If_None_Match": "*"},
        }.get(condition or "", {})
        headers = {} if method == "GET" else headers
        answer = keyed(method, paths[at], {"name": f"{number}"} if method == "PATCH" else None, None, **headers)
        status, code = expected(method, condition, etags[at] is not None, by_key)
        assert answer.status_code == status, answer.text
        if code:
            assert answer.json()["error"]["code"] == code
        if status == 204:
            before, row = etags[at], keyed("GET", paths[at])
            etags[at] = None if method == "DELETE" else row.json()["@odata.etag"]
            assert etags[at] != before
        elif etags[at] is not None:
            assert keyed("GET", paths[at]).json()["@odata.etag"] == etags[at]
