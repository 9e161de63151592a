"""What `status` found, for programs; stable."""

from __future__ import annotations

from service.reconcile_report import link
from service.status.everything import Report
from service.status.part import Part, State


def plain(report: Report) -> dict[str, object]:
    """The whole report as JSON takes it."""
    return {
        "at": report.at.isoformat(),
        "environment": report.url,
        "needs_a_person": report.needs_a_person,
        "is_partial": report.is_partial,
        "parts": [
            {"part": part.key, "state": part.state.value} | plain_part(part, report.url) for part in report.parts
        ],
    }


def plain_part(part: Part, url: str) -> dict[str, object]:
    """What one part tells, without how it is called there."""
    return {
        "sentence": part.sentence,
        "next": part.next or None,
        "count": part.count,
        "is_more": part.is_more,
        "oldest": None if part.oldest is None else part.oldest.isoformat(),
        "rows": [
            {
                "table": one.row.table,
                "id": str(one.row.id),
                "name": one.name,
                "why": one.why or None,
                "link": link(url, one.row),
            }
            for one in part.rows
        ],
        "figures": dict(part.figures),
    }


def in_one_line(report: Report) -> dict[str, object]:
    """What an alarm says beside its sentence: the parts by how they stand."""
    by_state = {state: [part.key for part in report.parts if part.state is state] for state in State}
    return {
        "environment": report.url,
        "needs_a_person": report.needs_a_person,
        "attention": by_state[State.ATTENTION],
        "no_answer": by_state[State.NO_ANSWER],
        "not_seen": by_state[State.NOT_SEEN],
        "counts": {part.key: part.count for part in report.parts if part.count is not None},
    }
