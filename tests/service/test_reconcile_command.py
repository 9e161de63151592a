"""``psa-connector reconcile``: wrong usage is said before anything is asked, and the report's stable shapes."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from typer.testing import CliRunner

from handlers.reconcile import Drift
from mappings.comparison import Finding, Kind
from mappings.tables import Ref
from service.cli.main import app
from service.cli.output import as_json
from service.reconcile_report import HEADINGS, as_csv, cells, plain
from service.reconciling import Money, Report, Window

URL = "https://contoso.crm4.dynamics.com"
USD, YEN = UUID(int=1), UUID(int=2)
ENTRY, GONE = Ref("msdyn_timeentry", UUID(int=7)), Ref("msdyn_expense", UUID(int=8))
REPORT = Report(
    Window(month=(date(2026, 2, 1), date(2026, 2, 28))),
    datetime(2026, 3, 1, 3, tzinfo=UTC),
    looked_at=120,
    in_flight=1,
    drifts=(
        Drift(
            ENTRY,
            date(2026, 2, 10),
            (
                Finding(Kind.MISSING, "There is no cost.", Decimal("-800"), USD),
                Finding(Kind.DIFFERING, 'It has "price" 3, not 4.', Decimal(120), YEN),
            ),
            repairable=True,
        ),
        Drift(GONE, None, (Finding(Kind.HELD, "Held. (price-missing)"),), repairable=False),
    ),
    currencies={USD: Money("USD", 2), YEN: Money("JPY", 0)},
)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--month", "2026-13"], "write it as 2026-01"),
        (["--month", "02/2026"], "write it as 2026-01"),
        (["--since", "yesterday"], "write it as 2026-01-31"),
        (["--month", "2026-01", "--repair"], "leave --since and --repair out"),
        (["--month", "2026-01", "--since", "2026-01-01"], "leave --since and --repair out"),
        (["--yes"], "--yes belongs to --repair"),
        (["--output", "xml"], "none of these: table, json, csv"),
    ],
)
def test_wrong_usage_is_said_at_once(nothing_set: pytest.MonkeyPatch, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["reconcile", *arguments])
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_csv_is_one_line_per_finding_with_exact_amounts_and_links() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(REPORT, URL), newline="")))
    link = f"{URL}/main.aspx?pagetype=entityrecord&etn=msdyn_timeentry&id={ENTRY.id}"
    assert rows[0] == list(HEADINGS)
    assert rows[1][2:] == ["2026-02-10", "missing", "There is no cost.", "-800.00", "USD", "yes", link]
    assert rows[2][3:7] == ["differing", 'It has "price" 3, not 4.', "120", "JPY"]
    assert rows[3][2:8] == ["", "held", "Held. (price-missing)", "", "", "no"]
    assert len(rows) == 4


def test_json_holds_the_same_with_amounts_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    as_json(plain(REPORT, URL))
    told = json.loads(capsys.readouterr().out)
    assert (told["looked_at"], told["in_flight"]) == (120, 1)
    assert told["window"] == {"since": None, "first": "2026-02-01", "last": "2026-02-28"}
    assert told["repair"] == {"entries": 1, "amounts": {"USD": "800.00", "JPY": "120"}}
    first, gone = told["entries"]
    assert (first["id"], first["day"], first["repairable"]) == (str(ENTRY.id), "2026-02-10", True)
    assert first["findings"][0] == {
        "finding": "missing",
        "what": "There is no cost.",
        "amount": "-800.00",
        "currency": "USD",
    }
    assert gone["findings"] == [{"finding": "held", "what": "Held. (price-missing)", "amount": None, "currency": None}]


def test_a_table_has_a_row_per_finding() -> None:
    assert [row[2:] for row in cells(REPORT)] == [
        ("missing", "There is no cost.", "-800.00 USD", "yes"),
        ("differing", 'It has "price" 3, not 4.', "120 JPY", "yes"),
        ("held", "Held. (price-missing)", "", ""),
    ]


def test_a_repair_above_either_ceiling_says_which() -> None:
    assert REPORT.above(1, lambda code: Decimal(800)) == []
    assert REPORT.above(0, lambda code: Decimal(800)) == ["The number of entries, 1, is more than the ceiling of 0."]
    assert REPORT.above(1, lambda code: Decimal(100 if code == "USD" else 200)) == [
        "800.00 USD is more than the ceiling of 100."
    ]


def test_what_is_sent_names_the_entries_and_bears_the_same_id_however_often() -> None:
    (one,), (again,) = REPORT.looks(), REPORT.looks()
    assert json.loads(one.body) == {"kind": "look-at-entry", "table": ENTRY.table, "id": str(ENTRY.id)}
    assert one.message_id == again.message_id
