"""``audit list``: who asked, when, and what changed from what to what, over records of every version."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from connector.auth import StaticToken
from connector.dataverse.changes import ChangeSet, Committed, Create, Reference, Value
from connector.dataverse.client import DataverseClient
from mappings import keys
from sandbox.company import company
from sandbox.dataverse.seed import seed_id
from sandbox.world import Sandbox
from service import audit_view
from service.audit_view import Asked, audited
from service.cli.main import app as command_line
from service.local_world import register_in, signed_in
from tests.service.processes import pointing_at

C1, C2, C3 = (company().contracts[key] for key in ("C1", "C2", "C3"))
READY, NOT_READY, INVOICED, OLDER, BEGUN, RUN, SWEEP = (UUID(int=number) for number in range(1, 8))
"""Ids of commands."""
ONE, TWO, THREE, FOUR = (str(UUID(int=number)) for number in range(11, 15))
CLERK = "clerk@sandbox.example"
CLERKS_OBJECT = str(seed_id("entra/clerk"))
ZONE = ZoneInfo("America/New_York")


def record(id: UUID, kind: str, subject: str, who: str, selection: object, outcome: object) -> ChangeSet:
    """A record as some version of the service wrote it."""
    values: dict[str, Value] = {
        "psac_name": f"{kind} {subject}",
        "psac_kind": kind,
        "psac_subject": subject,
        "psac_requestedby": who,
        "psac_state": "resolved" if outcome is None else "done",
        "psac_selection": json.dumps(selection),
        "psac_outcome": None if outcome is None else json.dumps(outcome),
    }
    return ChangeSet((Create(Reference("psac_command", id), values),))


RECORDS = (
    record(
        keys.attempt_id(C2, keys.run_command_id(RUN, C2, 0)),
        "other",
        str(C2),
        "Rita",
        {},
        {"outcome": "created", "invoices": [{"id": THREE, "number": "INV-3"}]},
    ),
    record(
        keys.run_row_id(RUN),
        "run",
        str(RUN),
        "Rita",
        {"run": str(RUN), "contracts": [str(C2), str(C3)], "expected": {"rows": 2}},
        {"outcome": "done", "ended": {"created": 1, "failed": 1}, "failed": {str(C3): ["failed", "No price."]}},
    ),
    record(
        keys.command_row_id(SWEEP),
        "sweep",
        "create-due-invoices today all",
        "daily sweep",
        {"until": "2026-03-02", "runs": [[str(C2), "2026-03-01", ONE], [str(C3), "2026-03-02", TWO]]},
        {
            "until": "2026-03-02",
            "runs": [
                {"contract": str(C2), "day": "2026-03-01", "outcome": "created", "invoices": [{"id": THREE}]},
                {"contract": str(C3), "day": "2026-03-02", "outcome": "failed", "because": "No price."},
            ],
            "unfit": [{"row": FOUR, "day": "2026-03-01", "contract": None, "why": "It has no line."}],
        },
    ),
    record(
        keys.command_row_id(OLDER),
        "command",
        "mark-ready products",
        "Colin",
        {"asked": "x", "rows": [[ONE, 'W/"1"']], "refused": {TWO: "Already ready."}},
        {"marked": [ONE], "refused": {TWO: "Already ready."}},
    ),
    record(
        keys.command_row_id(READY),
        "command",
        "mark-ready milestones",
        CLERK,
        {"asked": "x", "contracts": [str(C1)], "rows": [[ONE, 'W/"1"', 192350000]], "already": [], "refused": {}},
        {
            "marked": [ONE],
            "already": [TWO],
            "refused": {THREE: "Dataverse refused (403): no."},
            "changed": {FOUR: "By Ada."},
            "from": {ONE: 192350000},
            "to": 192350001,
        },
    ),
    record(
        keys.command_row_id(NOT_READY),
        "command",
        "mark-not-ready time-and-material",
        CLERKS_OBJECT,
        {"asked": "x", "contracts": [str(C2)], "rows": [], "refused": {}},
        {"unmarked": [ONE], "already": [], "refused": {}, "changed": {}, "from": {ONE: 192350004}, "to": None},
    ),
    record(
        keys.attempt_id(C1, INVOICED),
        "attempt",
        str(C1),
        CLERK,
        {"rows": [["products", ONE], ["milestones", TWO]], "total": "12.00"},
        {"outcome": "created", "invoices": [{"id": THREE, "number": "INV-1", "name": "n"}], "rows": 2},
    ),
    record(
        keys.command_row_id(BEGUN), "command", "mark-ready products", "=cmd", {"rows": [[FOUR, 'W/"1"', None]]}, None
    ),
    record(keys.lease_id(C1), "lease", str(C1), CLERK, None, None),
)


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox() as world:
        register_in(world)
        with signed_in(world, "clerk") as client:
            for one in RECORDS:
                (done,) = client.commit([one])
                assert isinstance(done, Committed), done
                world.clock.advance(timedelta(seconds=1))
        yield world


@pytest.fixture
def configured(world: Sandbox, nothing_set: pytest.MonkeyPatch) -> CliRunner:
    for name, value in pointing_at(world.dataverse, world.token, world.servicebus).items():
        nothing_set.setenv(name, value)
    return CliRunner()


def listed(runner: CliRunner, *options: str) -> Any:
    result = runner.invoke(command_line, ["audit", "list", *options, "--output", "json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def ids(found: Any) -> list[str]:
    return [one["record"] for one in found]


def of(*commands: UUID) -> list[str]:
    others = {INVOICED: keys.attempt_id(C1, INVOICED), RUN: keys.run_row_id(RUN)}
    return [str(others.get(one) or keys.command_row_id(one)) for one in commands]


def test_every_command_is_listed_newest_first_with_who_asked_who_wrote_and_what_came_of_it(
    configured: CliRunner,
) -> None:
    found = listed(configured)
    assert ids(found) == of(BEGUN, INVOICED, NOT_READY, READY, OLDER, SWEEP, RUN)
    begun, invoiced, unmarked, marked, _, sweep, run = found
    assert (begun["outcome"], begun["ended_on"], begun["about"]) == ("not finished", None, "products")
    assert (invoiced["kind"], invoiced["about"]) == ("create-invoices", f"salesorder({C1})")
    assert (invoiced["outcome"], invoiced["done"]) == ("created", 2)
    assert (unmarked["kind"], unmarked["requested_by"], unmarked["done"]) == ("mark-not-ready", CLERKS_OBJECT, 1)
    assert [marked[name] for name in ("done", "already", "refused", "changed")] == [1, 1, 1, 1]
    assert (sweep["kind"], sweep["about"]) == ("create-due-invoices", "due 2026-03-02, all contracts")
    assert (sweep["outcome"], sweep["done"], sweep["refused"]) == ("done", 1, 2)
    assert (run["kind"], run["about"], run["requested_by"]) == ("create-many-invoices", "2 contracts", "Rita")
    assert (run["outcome"], run["done"], run["refused"]) == ("done", 1, 1)
    assert {one["written_by"] for one in found} == {"Colin Clerk"}
    assert datetime.fromisoformat(marked["asked_on"]).tzinfo is not None


def test_every_row_is_told_with_what_it_was_what_it_became_and_why(configured: CliRunner) -> None:
    told = {one["record"]: one["rows"] for one in listed(configured, "--rows")}
    marked, unmarked, older, invoiced, begun = (told[id] for id in of(READY, NOT_READY, OLDER, INVOICED, BEGUN))
    run, sweep = (told[id] for id in of(RUN, SWEEP))
    assert [(row["row"], row["outcome"], row["to"] or row["why"]) for row in run] == [
        (str(C2), "created", "INV-3"),
        (str(C3), "failed", "No price."),
    ]
    assert [tuple(row.values()) for row in sweep] == [
        (str(C2), "created", "2026-03-01", THREE, ""),
        (str(C3), "failed", "2026-03-02", "", "No price."),
        (FOUR, "unfit", "2026-03-01", "", "It has no line."),
    ]
    assert marked == [
        {"row": ONE, "outcome": "marked", "from": "open", "to": "ready", "why": ""},
        {"row": TWO, "outcome": "already", "from": "ready", "to": "ready", "why": ""},
        {"row": THREE, "outcome": "refused", "from": "", "to": "", "why": "Dataverse refused (403): no."},
        {"row": FOUR, "outcome": "changed", "from": "", "to": "", "why": "By Ada."},
    ]
    assert unmarked == [{"row": ONE, "outcome": "unmarked", "from": "ready", "to": "open", "why": ""}]
    assert [(row["row"], row["outcome"], row["from"], row["to"]) for row in older] == [
        (ONE, "marked", "open", "ready"),
        (TWO, "refused", "", ""),
    ]
    assert {(row["row"], row["outcome"], row["to"]) for row in invoiced} == {
        (ONE, "invoiced", "INV-1"),
        (TWO, "invoiced", "INV-1"),
    }
    assert [(row["row"], row["outcome"]) for row in begun] == [(FOUR, "chosen")]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--kind", "mark-ready"), of(BEGUN, READY, OLDER)),
        (("--kind", "mark-not-ready"), of(NOT_READY)),
        (("--kind", "create-invoices"), of(INVOICED)),
        (("--kind", "create-many-invoices"), of(RUN)),
        (("--kind", "create-due-invoices"), of(SWEEP)),
        (("--command", str(RUN)), of(RUN)),
        (("--command", str(SWEEP)), of(SWEEP)),
        (("--command", str(READY)), of(READY)),
        (("--command", str(INVOICED)), of(INVOICED)),
        (("--command", str(UUID(int=99))), []),
        (("--who", CLERK), of(INVOICED, NOT_READY, READY)),
        (("--who", CLERKS_OBJECT), of(INVOICED, NOT_READY, READY)),
        (("--who", "colin"), of(OLDER)),
        (("--who", "nobody"), []),
        (("--contract", "ORD-C1"), of(INVOICED, READY)),
        (("--contract", "ORD-C2", "--kind", "mark-not-ready"), of(NOT_READY)),
        (("--contract", "ORD-C3"), of(SWEEP, RUN)),
    ],
)
def test_filters_leave_what_was_asked_for(options: tuple[str, ...], expected: list[str], configured: CliRunner) -> None:
    assert ids(listed(configured, *options)) == expected


def test_days_are_business_days_and_both_ends_belong_to_the_window(world: Sandbox, configured: CliRunner) -> None:
    today = datetime.now(UTC).astimezone(ZONE).date()
    yesterday, tomorrow = str(today - timedelta(days=1)), str(today + timedelta(days=1))
    assert len(listed(configured, "--since", yesterday, "--until", tomorrow)) == 7
    assert listed(configured, "--until", yesterday) == []
    assert listed(configured, "--since", tomorrow) == []


def test_csv_holds_a_line_per_command_or_per_row_and_no_formula(configured: CliRunner) -> None:
    def lines(*options: str) -> list[dict[str, str]]:
        result = configured.invoke(command_line, ["audit", "list", "--output", "csv", *options])
        assert result.exit_code == 0, result.output
        return list(csv.DictReader(io.StringIO(result.stdout)))

    assert [line["record"] for line in lines()] == of(BEGUN, INVOICED, NOT_READY, READY, OLDER, SWEEP, RUN)
    assert lines()[0]["requested_by"] == "'=cmd"
    assert [line["row_outcome"] for line in lines("--rows", "--command", str(READY))] == [
        "marked",
        "already",
        "refused",
        "changed",
    ]


def test_tables_show_both_and_say_so_when_there_is_nothing(configured: CliRunner) -> None:
    def shown(*options: str) -> str:
        result = configured.invoke(command_line, ["audit", "list", *options])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "INV-1" in shown("--rows")
    assert all(name in shown() for name in of(READY, INVOICED))
    for options in ((), ("--rows",)):
        assert "No command was given" in shown("--who", "nobody", *options)


def test_however_many_commands_there_are_only_a_few_selections_are_held_at_once(
    world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_view, "HELD_AT_ONCE", 2)
    client = DataverseClient(world.dataverse, StaticToken(world.token))
    held: list[int] = []
    query = client.query

    def counted(questions: Any) -> Any:
        answers = query(questions)
        held.extend(len(rows) for one, rows in zip(questions, answers, strict=True) if one.table == "psac_command")
        return answers

    monkeypatch.setattr(client, "query", counted)
    assert len(list(audited(client, Asked(), ZONE))) == 7
    assert held == [2, 2, 2, 1]
    client.close()
