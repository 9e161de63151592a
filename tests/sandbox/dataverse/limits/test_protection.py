"""The three service protection limits over HTTP: codes, words, waits, servers, and an hour of load in seconds."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.clock import Clock
from sandbox.dataverse.catalog import Key
from sandbox.dataverse.limits.costs import PLUGIN_HEAVY, scans
from sandbox.dataverse.limits.protection import Protection, Throttled
from sandbox.dataverse.limits.settings import ServiceProtection
from sandbox.dataverse.seed import USERS

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api

COUNT, TIME = "x-ms-ratelimit-burst-remaining-xrm-requests", "x-ms-ratelimit-time-remaining-xrm-requests"


@pytest.fixture
def limits(server: DataverseServer) -> ServiceProtection:
    server.switches.protection.enabled = True
    return server.switches.protection


def throttled(answer: requests.Response) -> tuple[int, str, str, int]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"], int(answer.headers["Retry-After"])


def test_limits_are_off_until_they_are_switched_on(api: Api) -> None:
    answer = api("GET", "WhoAmI")
    assert COUNT not in answer.headers
    assert answer.headers["x-ms-dop-hint"] == "4"


def test_the_request_after_the_last_is_refused_and_each_knock_makes_the_wait_longer(
    api: Api, limits: ServiceProtection, server: DataverseServer
) -> None:
    limits.requests = 3
    left = [api("GET", "WhoAmI").headers[COUNT] for _ in range(3)]
    assert left == ["2", "1", "0"]
    first = throttled(api("GET", "WhoAmI"))
    message = "Number of requests exceeded the limit of 3 over time window of 300 seconds."
    assert first[:3] == (429, "0x80072322", message)
    assert 295 <= first[3] <= 300
    second, third = throttled(api("GET", "WhoAmI"))[3], throttled(api("GET", "WhoAmI"))[3]
    assert 3 <= second - first[3] <= 5
    assert 3 <= third - second <= 5
    server.organisation.clock.advance(timedelta(seconds=third + 1))
    assert api("GET", "WhoAmI").status_code == 200


def test_a_batch_counts_once_and_costs_all_its_operations(api: Api, limits: ServiceProtection) -> None:
    part = 'Content-Type: application/http\n\nPOST accounts HTTP/1.1\n\n{"name":"A"}\n'
    answer = api.batch("".join(f"--b\n{part}" for _ in range(10)) + "--b--\n")
    assert answer.status_code == 200
    assert (answer.headers[COUNT], answer.headers[TIME]) == ("5999", "1,199.80")


def test_execution_time_is_charged_and_runs_out(api: Api, limits: ServiceProtection) -> None:
    limits.execution = timedelta(milliseconds=50)
    for _ in range(3):
        api.create("accounts", {"name": "A"})
    code, words = "0x80072321", "Combined execution time of incoming requests exceeded limit of 50 milliseconds"
    refusal = throttled(api("GET", "WhoAmI"))
    assert refusal[:2] == (429, code)
    assert refusal[2].startswith(words)


def test_too_many_at_once_are_refused_at_once(api: Api, limits: ServiceProtection) -> None:
    limits.concurrent = 2
    gate = Protection(Clock(), limits)
    user = USERS["service"]
    with gate.visit(user, {}), gate.visit(user, {}):
        waits = []
        for _ in range(3):
            with pytest.raises(Throttled) as refusal, gate.visit(user, {}):
                pass
            waits.append(int(refusal.value.headers["Retry-After"]))
        assert (refusal.value.code, refusal.value.status) == ("0x80072326", 429)
        assert refusal.value.message == "Number of concurrent requests exceeded the limit of 2."
        assert waits == [2, 4, 6]
        with gate.visit(USERS["clerk"], {}):
            pass
    with gate.visit(user, {}):
        pass


def test_every_user_has_limits_of_their_own(server: DataverseServer, limits: ServiceProtection, as_user: Any) -> None:
    limits.requests = 1
    assert as_user("service")("GET", "WhoAmI").status_code == 200
    assert as_user("service")("GET", "WhoAmI").status_code == 429
    assert as_user("clerk")("GET", "WhoAmI").status_code == 200


def test_who_sends_the_cookie_back_stays_on_one_server_and_has_only_its_limits(
    server: DataverseServer, limits: ServiceProtection
) -> None:
    limits.requests, limits.servers = 2, 3
    headers = {"Authorization": f"Bearer {server.tokens['service']}"}
    url = f"{server.url}/api/data/v9.2/WhoAmI"

    def statuses(ask: Any, times: int) -> list[int]:
        return [ask(url, headers=headers, timeout=20).status_code for _ in range(times)]

    assert statuses(requests.get, 7) == [200] * 6 + [429]
    server.organisation.clock.advance(timedelta(seconds=700))
    with requests.Session() as session:
        assert statuses(session.get, 3) == [200, 200, 429]
        assert set(session.cookies.keys()) == {"ARRAffinity"}


def test_plug_ins_cost_what_the_heavy_preset_says(api: Api, limits: ServiceProtection) -> None:
    limits.costs = PLUGIN_HEAVY
    before = api("POST", "msdyn_transactionorigins", json={}).headers[TIME]
    after = api("POST", "msdyn_transactionorigins", json={}).headers[TIME]
    assert (before, after) == ("1,199.95", "1,199.90")


def test_looking_for_text_without_an_index_costs_the_whole_table(
    api: Api, limits: ServiceProtection, server: DataverseServer
) -> None:
    limits.costs = PLUGIN_HEAVY
    with server.transaction() as uow:
        for number in range(4000):
            uow.create("account", {"name": f"A{number}"})
    indexed = api("GET", f"accounts?$filter=accountid eq {USERS['clerk']}").headers[TIME]
    scanned = api("GET", "accounts?$filter=name eq 'accountid'").headers[TIME]
    assert (indexed, scanned) == ("1,199.99", "1,199.96")


def test_a_search_is_narrowed_by_a_key_or_a_lookup_only(server: DataverseServer) -> None:
    table = server.organisation.catalog.table("account")
    assert scans(table, "contains(name,'x')")
    assert scans(table, "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['x','y'])")
    assert not scans(table, "Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=['x','y'])")
    keyed = replace(table, keys=(Key("k", "k", ("accountnumber", "name")),))
    assert not scans(keyed, "accountnumber eq 'x' and name eq 'y'")
    assert scans(keyed, "accountnumber eq 'x'")
    assert not scans(table, "name eq 'x' and _primarycontactid_value eq null")
    assert not scans(table, "revenue gt 5")
    assert not scans(table, "revenue eq 'name'")


def test_an_hour_of_load_runs_in_moments_on_simulated_time() -> None:
    clock = Clock()
    settings = ServiceProtection(enabled=True, time_passes=True)
    gate = Protection(clock, settings)
    start = clock.now()
    done = refused = 0
    while clock.now() < start + timedelta(hours=1):
        try:
            with gate.visit(USERS["service"], {}) as visit:
                visit.cost = timedelta(milliseconds=20)
                done += 1
        except Throttled as throttle:
            refused += 1
            clock.advance(timedelta(seconds=int(throttle.headers["Retry-After"])))
    assert 6000 * 12 - 6000 <= done <= 6000 * 12 + 6000
    assert refused > 10


def test_work_done_at_the_same_time_shares_the_time_that_passes() -> None:
    clock = Clock()
    gate = Protection(clock, ServiceProtection(enabled=True, time_passes=True))
    start = clock.now()
    inside = threading.Barrier(4)

    def work() -> None:
        with gate.visit(USERS["service"], {}) as visit:
            visit.cost = timedelta(seconds=100)
            inside.wait(10)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    passed = clock.now() - start
    assert timedelta(seconds=100) < passed < timedelta(seconds=400)


def test_requests_that_are_still_under_way_crowd_out_others_over_http(
    api: Api, limits: ServiceProtection, server: DataverseServer
) -> None:
    limits.concurrent = 1
    hold = server.faults.hold("accounts", method="POST")
    thread = threading.Thread(target=api.create, args=("accounts", {"name": "A"}))
    thread.start()
    assert hold.reached.wait(10)
    message = "Number of concurrent requests exceeded the limit of 1."
    headers = {"Authorization": f"Bearer {server.tokens['service']}"}
    refusals = [requests.get(f"{api.root}/WhoAmI", headers=headers, timeout=20) for _ in range(2)]
    assert [throttled(answer) for answer in refusals] == [
        (429, "0x80072326", message, 2),
        (429, "0x80072326", message, 4),
    ]
    hold.release()
    thread.join(10)
    assert api("GET", "WhoAmI").status_code == 200


def test_a_refusal_for_a_limit_keeps_the_caller_on_its_server_as_any_answer_does(
    api: Api, limits: ServiceProtection
) -> None:
    limits.requests = 1
    first = api("GET", "WhoAmI")
    again = api("GET", "WhoAmI")
    assert again.status_code == 429
    assert again.headers["Set-Cookie"] == first.headers["Set-Cookie"]


def test_an_hour_of_plug_in_heavy_batches_over_http_runs_in_moments_and_is_held_to_the_limit(
    api: Api, limits: ServiceProtection, server: DataverseServer
) -> None:
    """Four seconds of execution a batch: 300 fit into each window, which is 3,600 in an hour."""
    limits.costs, limits.time_passes = PLUGIN_HEAVY, True
    limits.execution = timedelta(seconds=60)  # the published share of a window, for 1/20 of the work
    part = "--b\nContent-Type: application/http\n\nPOST msdyn_actuals HTTP/1.1\n\n{}\n"
    body = part * 19 + "--b--\n"
    clock = server.organisation.clock
    start = clock.now()
    done = refused = 0
    while clock.now() < start + timedelta(hours=1):
        answer = api.batch(body)
        if answer.status_code == 429:
            assert answer.json()["error"]["code"] == "0x80072321"
            refused += 1
            clock.advance(timedelta(seconds=int(answer.headers["Retry-After"])))
        else:
            assert answer.text.count("HTTP/1.1 204") == 19
            done += 1
    # 19 × (10 ms an operation + 10 ms a row + 200 ms of plug-ins) = 4.18 s: 15 batches come into a window of 60 s.
    assert 12 * 14 <= done <= 13 * 16
    assert refused >= 11
