"""``psa-connector sandbox`` as a process of its own: its data, its environments, schema files, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

from service.cli.main import app
from tests.service.processes import IN_TIME, first_line, started, wait_for

SHEET: dict[str, Any] = {
    "table": "new_sheet",
    "label": "Sheet",
    "set": "new_sheets",
    "id": "new_sheetid",
    "name": "new_name",
    "common": ["createdon", "modifiedon", "ownerid", "statecode", "statuscode", "versionnumber"],
    "columns": {
        "new_sheetid": {"type": "id", "schema": "new_SheetId"},
        "new_name": {"type": "string", "length": 50, "schema": "new_Name"},
        "new_kind": {"type": "picklist", "choices": {"1": "Paper", "2": "Screen"}, "schema": "new_Kind"},
    },
    "keys": [{"name": "new_name_key", "columns": ["new_name"]}],
}
MORE = {
    "table": "account",
    "columns": {"new_code": {"type": "string", "length": 20, "schema": "new_Code"}},
    "keys": [{"name": "new_code_key", "columns": ["new_code"]}],
}


def ask(told: dict[str, str], method: str, path: str, body: Any = None, token: str | None = None) -> requests.Response:
    """Any client's request: of the Web API, or of the sandbox itself."""
    root = told["dataverse"] if path.startswith("sandbox/") else f"{told['dataverse']}/api/data/v9.2"
    bearer = {"Authorization": f"Bearer {token or told['token']}"}
    return requests.request(method, f"{root}/{path}", json=body, headers=bearer, timeout=IN_TIME)


def accounts(told: dict[str, str]) -> list[str]:
    return sorted(row["name"] for row in ask(told, "GET", "accounts?$select=name").json()["value"])


def refused(*arguments: str) -> tuple[int, str]:
    """Exit code and words of a sandbox that does not start."""
    result = CliRunner().invoke(app, ["sandbox", "--empty", *arguments])
    assert result.stdout == ""
    return result.exit_code, " ".join(result.stderr.split())


def end(process: Popen[str]) -> None:
    process.terminate()
    process.wait(IN_TIME)


@pytest.mark.posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [["sandbox", "--empty"], ["run", "--sandbox"]])
def test_whoever_has_read_the_first_line_can_stop_it_at_once(command: list[str], number: int, tmp_path: Path) -> None:
    with started(*command, cwd=tmp_path) as process:
        first_line(process)
        process.send_signal(number)
        assert process.wait(IN_TIME) == 0


def test_opened_again_it_is_where_it_was_with_the_same_addresses_token_and_rows(tmp_path: Path) -> None:
    with started("sandbox", "--empty", "--data", "kept", cwd=tmp_path) as process:
        told = first_line(process)
        assert "Dataverse and the messages in the queues are" in wait_for(process, "kept in kept")
        assert ask(told, "POST", "accounts", {"name": "A"}).status_code == 204
        end(process)
    with started("sandbox", "--empty", "--data", "kept", cwd=tmp_path) as process:
        assert first_line(process) == told
        assert accounts(told) == ["A"]


def test_where_its_port_is_taken_meanwhile_it_takes_another_and_says_what_that_needs(tmp_path: Path) -> None:
    with started("sandbox", "--empty", "--data", ".", cwd=tmp_path) as process:
        told = first_line(process)
        end(process)
    port = int(told["servicebus"].partition("127.0.0.1:")[2].partition(";")[0].rstrip("/"))
    with socket.create_server(("127.0.0.1", port)), started("sandbox", "--empty", "--data", ".", cwd=tmp_path) as again:
        moved = first_line(again)
        assert (moved["dataverse"], moved["servicebus"] == told["servicebus"]) == (told["dataverse"], False)
        wait_for(again, "`psa-connector register` tells Dataverse where it is now")


def test_data_that_another_sandbox_has_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with started("sandbox", "--empty", "--data", str(tmp_path / "d"), cwd=tmp_path) as process:
        first_line(process)
        assert refused("--data", str(tmp_path / "d")) == (
            1,
            f"The data in {tmp_path / 'd'} are in use by another sandbox.",
        )


def a_file(path: Path) -> None:
    path.write_text("x", "utf-8")


def no_database(path: Path) -> None:
    path.mkdir()
    (path / "dataverse.sqlite").write_text("no database, but long enough to be read as one" * 20, "utf-8")


def of_another_program(path: Path) -> None:
    path.mkdir()
    database = sqlite3.connect(path / "dataverse.sqlite")
    database.execute("CREATE TABLE theirs (id)")
    database.close()


def of_another_version(path: Path) -> None:
    assert refused("--data", str(path), "--servicebus-port", "1", "--dataverse-port", "1")[0] == 2, "made, then no port"
    database = sqlite3.connect(path / "dataverse.sqlite")
    database.execute("PRAGMA user_version = 7")
    database.close()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (a_file, "can't be used: File exists"),
        (no_database, "can't be used: file is not a database"),
        (of_another_program, "is not a sandbox's"),
        (of_another_version, "were made by another version of the sandbox; begin in a new directory"),
    ],
)
def test_a_directory_that_cannot_be_used_is_refused_in_one_sentence(
    make: Callable[[Path], None], sentence: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)):
        make(tmp_path / "d")
        code, words = refused("--data", str(tmp_path / "d"))
    assert code == 3
    assert sentence in words


def test_in_project_operations_only_approval_makes_actuals_and_data_stay_of_their_kind(tmp_path: Path) -> None:
    arguments = ["sandbox", "--data", "d", "--environment", "project-operations"]
    with started(*arguments, cwd=tmp_path) as process:
        told = first_line(process)
        made = ask(told, "POST", "msdyn_actuals", {"msdyn_description": "by hand"})
        assert made.status_code == 400
        assert made.json()["error"]["message"].startswith("The product doesn't support creating actuals either")
        approve_one(told)
        (cost, *_) = ask(told, "GET", "msdyn_actuals?$filter=msdyn_transactiontypecode eq 192350000").json()["value"]
        changed = ask(told, "PATCH", f"msdyn_actuals({cost['msdyn_actualid']})", {"msdyn_price": 1})
        assert changed.json()["error"]["message"].startswith("The product doesn't support creating actuals either")
        end(process)
    with started("sandbox", "--data", "d", cwd=tmp_path) as process:
        told = first_line(process)
        assert ask(told, "GET", "sandbox/switches").json()["product"]["environment"] == "project-operations"
        assert ask(told, "POST", "msdyn_actuals", {}).status_code == 400
        end(process)
    for other in (["sandbox"], ["run", "--sandbox"]):
        result = CliRunner().invoke(app, [*other, "--environment", "psa-3", "--data", str(tmp_path / "d")])
        assert (result.exit_code, result.stdout) == (3, "")
        assert "are those of a project-operations environment" in result.stderr


def approve_one(told: dict[str, str]) -> None:
    query = "msdyn_projectapprovals?$select=msdyn_projectapprovalid&$filter=msdyn_recordstage eq 0&$top=1"
    (approval,) = ask(told, "GET", query).json()["value"]
    row = {"@odata.type": "Microsoft.Dynamics.CRM.msdyn_projectapproval"}
    row["msdyn_projectapprovalid"] = approval["msdyn_projectapprovalid"]
    body = {"ProjectApprovals": [row], "ActionType": 192350003, "NoteLogName": "n"}
    assert ask(told, "POST", "msdyn_ProcessProjectApprovalSets", body).status_code == 204


def test_a_service_in_project_operations_verifies_what_approval_made(tmp_path: Path) -> None:
    with started("run", "--sandbox", "--environment", "project-operations", cwd=tmp_path) as process:
        told = first_line(process)
        wait_for(process, "its actuals are created by the product")
        wait_for(process, '"working: ')
        approve_one(told)
        assert ask(told, "GET", "msdyn_actuals?$select=msdyn_amount").json()["value"]
        wait_for(process, "will come again")


def test_tables_columns_choices_and_keys_come_from_files_and_are_still_there_later(tmp_path: Path) -> None:
    (tmp_path / "sheet.json").write_text(json.dumps(SHEET), "utf-8")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "account.json").write_text(json.dumps(MORE), "utf-8")
    schema = ["--schema", "sheet.json", "--schema", "more"]
    for again in (schema, schema, []):
        with started("sandbox", "--empty", "--data", ".", *again, cwd=tmp_path) as process:
            told = first_line(process)
            assert ask(told, "PATCH", "new_sheets(new_name='one')", {"new_kind": 2}).status_code == 204
            assert ask(told, "PATCH", "new_sheets(new_name='one')", {"new_kind": 3}).status_code == 400
            assert ask(told, "PATCH", "accounts(new_code='a1')", {"name": "A"}).status_code == 204
            assert ask(told, "POST", "sandbox/reset").status_code == 204
            assert ask(told, "GET", "new_sheets").status_code == 200, "a reset does not take them away"
            end(process)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x", "wrong.json is no JSON"),
        ("{}", "wrong.json does not describe a table: 'table' is missing or unknown"),
        (json.dumps({"table": "account", "columns": {"name": {"type": "integer"}}}), "has a column name already"),
    ],
)
def test_a_schema_file_that_makes_no_sense_is_wrong_usage(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text(text, "utf-8")
    code, words = refused("--schema", str(tmp_path / "wrong.json"))
    assert code == 2
    assert sentence in words


def test_the_service_in_a_sandbox_goes_on_with_its_data(tmp_path: Path) -> None:
    with started("run", "--sandbox", "--data", "d", cwd=tmp_path) as process:
        told = first_line(process)
        wait_for(process, '"working: ')
        process.terminate()
        assert process.wait(IN_TIME) in (0, 1), "Windows knows no way to ask"
    with started("run", "--sandbox", "--data", "d", cwd=tmp_path) as process:
        assert first_line(process) == told
        wait_for(process, '"working: ')
        assert len(ask(told, "GET", "sdkmessageprocessingsteps").json()["value"]) == 3


def test_what_was_answered_outlives_a_kill_in_the_middle_of_writing_and_no_change_set_is_halved(tmp_path: Path) -> None:
    """Killed three times while two writers send one change set after the other; the answers are what must be kept."""
    size = 40
    answered: list[str] = []
    cut = 0
    for round in range(3):
        with started("sandbox", "--empty", "--data", "d", cwd=tmp_path) as process, ThreadPoolExecutor(2) as pool:
            told = first_line(process)
            enough = threading.Event()
            writers = [pool.submit(write_on, told, f"{round}{name}", size, answered, enough) for name in "ab"]
            assert enough.wait(IN_TIME)
            process.kill()
            cut += sum(writer.result(IN_TIME) for writer in writers)
    assert cut >= 3, "every kill met somebody who was waiting for an answer"
    with started("sandbox", "--empty", "--data", "d", cwd=tmp_path) as process:
        told = first_line(process)
        counted: dict[str, int] = {}
        for name in everybody(told):
            counted[name] = counted.get(name, 0) + 1
    assert set(counted.values()) == {size}
    assert set(answered) <= set(counted)
    assert len(answered) >= 15


def everybody(told: dict[str, str]) -> list[str]:
    names: list[str] = []
    url = "accounts?$select=name"
    while url:
        page = ask(told, "GET", url).json()
        names += [row["name"] for row in page["value"]]
        url = page.get("@odata.nextLink", "").rpartition("/")[2]
    return names


def write_on(told: dict[str, str], writer: str, size: int, answered: list[str], enough: threading.Event) -> int:
    """Send change sets of so many rows, all of one name, until the sandbox is gone; how many were left unanswered."""
    number = 0
    while True:
        name = f"{writer}-{number}"
        head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        part = head + "Content-ID: {}\r\n\r\nPOST accounts HTTP/1.1\r\n\r\n{}\r\n"
        parts = "".join("--c\r\n" + part.format(at, json.dumps({"name": name})) for at in range(1, size + 1))
        body = f"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{parts}--c--\r\n--b--\r\n"
        headers = {"Authorization": f"Bearer {told['token']}", "Content-Type": "multipart/mixed; boundary=b"}
        try:
            url = f"{told['dataverse']}/api/data/v9.2/$batch"
            answer = requests.post(url, body, headers=headers, timeout=IN_TIME)
        except requests.ConnectionError:
            return 1
        assert answer.status_code == 200, answer.text
        answered.append(name)
        number += 1
        if number >= 5:
            enough.set()
