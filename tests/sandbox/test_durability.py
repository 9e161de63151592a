"""A sandbox that keeps its data in a file, and one that goes back to where it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests

from sandbox.data_directory import DATABASE, MESSAGES
from sandbox.dataverse.seed import seed_id
from sandbox.world import EVENTS, DataInUse, Sandbox

TABLE: dict[str, Any] = {
    "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata",
    "SchemaName": "new_Thing",
    "OwnershipType": "UserOwned",
    "Attributes": [
        {
            "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
            "SchemaName": "new_Name",
            "IsPrimaryName": True,
            "MaxLength": 100,
        }
    ],
}


def call(world: Sandbox, method: str, path: str, json: Any = None, user: str = "administrator") -> Any:
    """The JSON of an answer that must be a success."""
    answer = requests.request(
        method,
        f"{world.dataverse}/api/data/v9.2/{path}",
        json=json,
        headers={"Authorization": f"Bearer {world.tokens[user]}"},
        timeout=20,
    )
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else UUID(answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")"))


def names(world: Sandbox, entity_set: str, column: str) -> list[str]:
    return sorted(row[column] for row in call(world, "GET", f"{entity_set}?$select={column}")["value"])


def register(world: Sandbox) -> None:
    """A step that posts when an account is made."""
    name, key = world.servicebus_send_key
    endpoint = {"name": "e", "contract": 6, "connectionmode": 1, "authtype": 2, "saskeyname": name, "saskey": key}
    endpoint |= {"namespaceaddress": f"sb://127.0.0.1:{world.bus.port}/", "solutionnamespace": "local", "path": EVENTS}
    service = call(world, "POST", "serviceendpoints", endpoint | {"messageformat": 2, "userclaim": 2})
    step = {"name": "made", "stage": 40, "mode": 1, "rank": 1, "supporteddeployment": 0}
    binds = {
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({service})",
        "sdkmessageid@odata.bind": f"/sdkmessages({seed_id('sdkmessage/Create')})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({seed_id('sdkmessagefilter/Create/account')})",
    }
    call(world, "POST", "sdkmessageprocessingsteps", step | binds)


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with Sandbox(company=False) as world:
        yield world


def test_a_sandbox_opened_again_has_the_same_rows_tables_tokens_and_keys(tmp_path: Path) -> None:
    with Sandbox(company=False, data=tmp_path / "made for it") as first:
        account = call(first, "POST", "accounts", {"name": "kept"})
        call(first, "POST", "EntityDefinitions", TABLE)
        call(first, "POST", "new_things", {"new_name": "also kept"})
        etag = call(first, "GET", f"accounts({account})")["@odata.etag"]
        known = dict(first.tokens), first.servicebus_send_key
    assert sorted(path.name for path in (tmp_path / "made for it").iterdir()) == [DATABASE, MESSAGES]
    with Sandbox(company=False, data=tmp_path / "made for it") as second:
        assert (dict(second.tokens), second.servicebus_send_key) == known
        assert call(second, "GET", f"accounts({account})")["@odata.etag"] == etag
        assert names(second, "new_things", "new_name") == ["also kept"]
        call(second, "POST", "new_things", {"new_name": "more"})


def test_the_company_is_loaded_once_into_a_file(tmp_path: Path) -> None:
    with Sandbox(data=tmp_path) as first:
        entries = call(first, "GET", "msdyn_timeentries?$select=msdyn_timeentryid&$count=true")["@odata.count"]
    with Sandbox(data=tmp_path) as second:
        assert second.company is not None
        assert call(second, "GET", "msdyn_timeentries?$select=msdyn_timeentryid&$count=true")["@odata.count"] == entries


def test_data_begun_without_the_company_stay_without_it(tmp_path: Path) -> None:
    for company in (False, True, True):
        with Sandbox(company=company, data=tmp_path) as world:
            assert (world.company, call(world, "GET", "msdyn_timeentries")["value"]) == (None, [])


def test_a_second_sandbox_is_refused_a_directory_that_is_in_use(tmp_path: Path) -> None:
    with Sandbox(company=False, data=tmp_path), pytest.raises(DataInUse, match="in use by another sandbox"):
        Sandbox(company=False, data=tmp_path)
    with Sandbox(company=False, data=tmp_path) as free:
        assert names(free, "accounts", "name") == []


def test_steps_are_still_registered_after_a_restart_and_jobs_not_posted_before_have_failed(tmp_path: Path) -> None:
    with Sandbox(company=False, data=tmp_path) as first:
        register(first)
        port = first.bus.port
        first.events.faults.delay(timedelta(hours=1))
        call(first, "POST", "accounts", {"name": "late"})
    with Sandbox(company=False, data=tmp_path, servicebus_port=port) as second:
        (job,) = call(second, "GET", "asyncoperations")["value"]
        assert (job["statecode"], job["statuscode"]) == (3, 31)
        assert job["message"] == "The sandbox was stopped before this job was posted."
        call(second, "POST", "accounts", {"name": "heard"})
        assert second.events.idle(20)
        assert second.bus.counts(EVENTS).active == 1


def test_a_snapshot_brings_rows_tables_and_steps_back(world: Sandbox) -> None:
    call(world, "POST", "accounts", {"name": "early"})
    call(world, "POST", "EntityDefinitions", TABLE)
    register(world)
    snapshot = world.snapshot()
    call(world, "POST", "accounts", {"name": "late"})
    assert world.events.idle(20)
    world.reset()
    assert names(world, "accounts", "name") == []
    missing = requests.get(
        f"{world.dataverse}/api/data/v9.2/new_things", headers={"Authorization": f"Bearer {world.token}"}, timeout=20
    )
    assert missing.status_code == 404
    call(world, "POST", "accounts", {"name": "unheard"})
    assert world.events.idle(20)
    posted = world.events.posted
    world.restore(snapshot)
    assert names(world, "accounts", "name") == ["early"]
    assert names(world, "new_things", "new_name") == []
    call(world, "POST", "accounts", {"name": "heard"})
    assert world.events.idle(20)
    assert world.events.posted == posted + 1


def test_versions_go_on_rising_when_rows_go_back(world: Sandbox) -> None:
    account = call(world, "POST", "accounts", {"name": "A"})
    snapshot = world.snapshot()
    call(world, "PATCH", f"accounts({account})", {"name": "B"})
    between = call(world, "GET", f"accounts({account})")["@odata.etag"]
    world.restore(snapshot)
    call(world, "PATCH", f"accounts({account})", {"name": "C"})
    assert call(world, "GET", f"accounts({account})")["@odata.etag"] != between


def test_posts_that_wait_are_dropped_with_the_rows_they_speak_of(world: Sandbox) -> None:
    register(world)
    world.events.faults.delay(timedelta(hours=1))
    call(world, "POST", "accounts", {"name": "forgotten"})
    world.reset()
    world.clock.advance(timedelta(hours=2))
    assert world.events.idle(20)
    assert world.bus.counts(EVENTS).active == 0


def test_a_file_goes_back_too_and_stays_there(tmp_path: Path) -> None:
    with Sandbox(company=False, data=tmp_path) as first:
        call(first, "POST", "accounts", {"name": "kept"})
        snapshot = first.snapshot()
        call(first, "POST", "accounts", {"name": "gone"})
        first.restore(snapshot)
    with Sandbox(company=False, data=tmp_path) as second:
        assert names(second, "accounts", "name") == ["kept"]


def test_where_the_disk_is_full_a_write_is_refused_and_what_was_written_stays(tmp_path: Path) -> None:
    with Sandbox(company=False, data=tmp_path) as world:
        call(world, "POST", "accounts", {"name": "kept"})
        store = world.web.organisation.store
        with store.lock:
            ((pages,),) = store.execute("PRAGMA page_count")
            store.execute(f"PRAGMA max_page_count = {pages}")
        headers = {"Authorization": f"Bearer {world.token}"}
        values = {"name": "lost", "description": "x" * 1900}
        many = {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.account", **values} for _ in range(99)]}
        url = f"{world.dataverse}/api/data/v9.2/accounts/Microsoft.Dynamics.CRM.CreateMultiple"
        for _ in range(2):
            answer = requests.post(url, json=many, headers=headers, timeout=20)
            assert (answer.status_code, answer.json()["error"]["code"]) == (500, "0x80044150")
            assert "The sandbox can't write its data: database or disk is full." in answer.json()["error"]["message"]
        assert names(world, "accounts", "name") == ["kept"]
        with store.lock:
            store.execute("PRAGMA max_page_count = 1000000")
        call(world, "POST", "accounts", {"name": "more"})
    with Sandbox(company=False, data=tmp_path) as again:
        assert names(again, "accounts", "name") == ["kept", "more"]


HALF = """
import sys
from pathlib import Path
from sandbox.world import Sandbox

with Sandbox(company=False, data=Path(sys.argv[1])) as world:
    with world.web.transaction() as uow:
        uow.create("account", {"name": "committed"})
    with world.web.transaction() as uow:
        for number in range(3000):
            uow.create("account", {"name": f"half {number}", "description": "x" * 1900})
        print("in the middle", flush=True)
        sys.stdin.read()
"""


def test_a_process_killed_in_the_middle_of_a_transaction_leaves_nothing_of_it(tmp_path: Path) -> None:
    """Six megabytes: more than SQLite keeps in memory, so half of it is on the disk already."""
    program = [sys.executable, "-c", HALF, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(  # noqa: S603
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        spilled = sum(path.stat().st_size for path in tmp_path.iterdir())
        process.kill()
    assert spilled > 3_000_000
    with Sandbox(company=False, data=tmp_path) as world:
        assert names(world, "accounts", "name") == ["committed"]
        with world.web.organisation.store.lock:
            ((verdict,),) = world.web.organisation.store.execute("PRAGMA integrity_check")
        assert verdict == "ok"
