"""Row locks as callers of the Web API meet them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sandbox.dataverse.server import DataverseServer
from tests.sandbox.dataverse.writers import LONG, MINUTE, until_done

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

CHANGES = """--b
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

PATCH accounts({first}) HTTP/1.1
Content-Type: application/json

{{"name": "{name}"}}
--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

PATCH accounts({second}) HTTP/1.1
Content-Type: application/json

{{"name": "{name}"}}
--c--
--b--
"""


def test_over_http_the_second_of_two_that_read_the_same_version_is_refused(
    server: DataverseServer, as_user: Callable[[str], Api]
) -> None:
    locks, clock = server.organisation.row_locks, server.organisation.clock
    first, second = as_user("service"), as_user("clerk")
    account = first.create("accounts", {"name": "A"})
    etag = first.get(f"accounts({account})")["@odata.etag"]
    locks.enabled, locks.holds, locks.timeout = True, {"account": MINUTE}, timedelta(days=1)

    def change(api: Api, name: str) -> tuple[int, str]:
        answer = api("PATCH", f"accounts({account})", json={"name": name}, If_Match=etag)
        return answer.status_code, answer.json()["error"]["code"] if answer.content else ""

    with ThreadPoolExecutor() as pool:
        one = pool.submit(change, first, "one")
        assert locks.reached(LONG, writing=1)
        other = pool.submit(change, second, "other")
        assert locks.reached(LONG, writing=1, waiting=1)
        until_done(clock, [one, other])
        assert (one.result(0), other.result(0)) == ((204, ""), (412, "0x80060882"))
    assert first.get(f"accounts({account})")["name"] == "one"


def test_over_http_one_of_two_change_sets_in_opposite_order_is_told_1205_and_comes_through_when_sent_again(
    server: DataverseServer, as_user: Callable[[str], Api]
) -> None:
    locks, clock = server.organisation.row_locks, server.organisation.clock
    forth, back = as_user("service"), as_user("service")
    one, other = (forth.create("accounts", {"name": "before"}) for _ in range(2))
    locks.enabled, locks.holds, locks.timeout = True, {"account": MINUTE}, timedelta(days=1)

    def send(api: Api, first: UUID, second: UUID, name: str) -> str:
        return api.batch(CHANGES.format(first=first, second=second, name=name)).text

    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(send, forth, one, other, "forth"), pool.submit(send, back, other, one, "back")]
        assert locks.reached(LONG, writing=2)
        until_done(clock, answers)
        told = [answer.result(0) for answer in answers]
    (lost,) = [number for number, text in enumerate(told) if "0x80044150" in text]
    assert "HTTP/1.1 500" in told[lost]
    assert told[1 - lost].count("HTTP/1.1 204") == 2
    assert {forth.get(f"accounts({id})")["name"] for id in (one, other)} == {("forth", "back")[1 - lost]}
    locks.holds = {}
    assert send(back, other, one, "again").count("HTTP/1.1 204") == 2
    assert {forth.get(f"accounts({id})")["name"] for id in (one, other)} == {"again"}
