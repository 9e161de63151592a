"""A reconcile report as rows of a table, as JSON and as CSV; the last two are stable."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from handlers.reconcile import Drift
from mappings.comparison import Finding
from mappings.tables import Ref
from service.reconciling import Report

HEADINGS = ("table", "id", "day", "finding", "what", "amount", "currency", "repairable", "link")
"""The first line of the CSV."""


def link(url: str, row: Ref) -> str:
    """The address that opens a row in the environment's app."""
    return f"{url}/main.aspx?pagetype=entityrecord&etn={row.table}&id={row.id}"


def cells(report: Report) -> Iterator[tuple[str, ...]]:
    """One row of a table per finding: entry, day, finding, what, amount with its currency, whether it is repairable."""
    for drift, finding in _findings(report):
        amount, currency = _worth(report, finding)
        yield (
            str(drift.entry),
            str(drift.day or ""),
            finding.kind.value,
            finding.sentence,
            f"{amount} {currency}".strip(),
            "yes" if drift.repairable else "",
        )


def as_csv(report: Report, url: str) -> str:
    """One line per finding below the headings, RFC 4180; amounts with a point, empty where there is none."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    for drift, finding in _findings(report):
        amount, currency = _worth(report, finding)
        writer.writerow(
            (
                drift.entry.table,
                drift.entry.id,
                drift.day or "",
                finding.kind.value,
                finding.sentence,
                amount,
                currency,
                "yes" if drift.repairable else "no",
                link(url, drift.entry),
            )
        )
    return text.getvalue()


def plain(report: Report, url: str) -> dict[str, object]:
    """The report as JSON takes it; amounts as strings."""
    return {
        "began": report.began.isoformat(),
        "window": {
            "since": report.window.since.isoformat() if report.window.since else None,
            "first": report.window.month[0].isoformat() if report.window.month else None,
            "last": report.window.month[1].isoformat() if report.window.month else None,
        },
        "looked_at": report.looked_at,
        "in_flight": report.in_flight,
        "repair": {
            "entries": len(report.repairable),
            "amounts": {one.code: f"{amount:.{one.precision}f}" for one, amount in report.moves.items()},
        },
        "entries": [
            {
                "table": drift.entry.table,
                "id": str(drift.entry.id),
                "day": drift.day.isoformat() if drift.day else None,
                "repairable": drift.repairable,
                "link": link(url, drift.entry),
                "findings": [_plain(report, finding) for finding in drift.findings],
            }
            for drift in report.drifts
        ],
    }


def _plain(report: Report, finding: Finding) -> dict[str, object]:
    amount, currency = _worth(report, finding)
    return {
        "finding": finding.kind.value,
        "what": finding.sentence,
        "amount": amount or None,
        "currency": currency or None,
    }


def _findings(report: Report) -> Iterator[tuple[Drift, Finding]]:
    for drift in report.drifts:
        for finding in drift.findings:
            yield drift, finding


def _worth(report: Report, finding: Finding) -> tuple[str, str]:
    currency = report.currencies.get(finding.currency) if finding.currency else None
    code = currency.code if currency else ""
    if finding.amount is None:
        return "", code
    return f"{finding.amount:.{currency.precision if currency else 2}f}", code
