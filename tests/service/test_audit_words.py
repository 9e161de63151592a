"""How ``audit list`` counts what came of a command's rows."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from service.audit_view import Audited
from service.cli.audit import _cells, _outcome


def test_what_nobody_began_or_knows_of_is_not_told_as_refused() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    words = {"discarded": 2, "locked": 1, "not-begun": 3, "not-told": 4}
    one = Audited(UUID(int=1), "discard-dead-letters", "10", "Rita", now, "Colin", now, "left", (), words)
    assert _cells(one)[-6:] == (2, 0, 1, 0, 3, 4)
    assert _outcome(one) == "left, 3 not begun, 4 not known"
