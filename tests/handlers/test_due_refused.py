"""What is told of a due run that was refused: nobody gave its command by hand, so nobody gives a new one."""

from __future__ import annotations

from connector.errors import Rejected
from handlers.due_course import _failed
from handlers.invoicing import ANEW, ENDED


def test_a_due_run_does_not_ask_for_a_new_command_as_the_next_sweep_gives_it() -> None:
    told = _failed(Rejected("x", f"The product refused. {ENDED} mend it, and {ANEW}"))
    assert told == {"outcome": "refused", "because": "The product refused. (x)"}
