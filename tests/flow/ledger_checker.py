"""An independent judge: reads the tables over plain HTTP and says what is lost, doubled or misstated.

It shares no code with the service. The rules are written down a second time in ``checker``, from the product's
documentation, so that a mistake in the service's own rules can't hide itself. It stands alone:

    python -m tests.flow.ledger_checker URL TOKEN [ZONE]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from tests.flow.checker import entries, invoices, ties
from tests.flow.checker.books import Books
from tests.flow.checker.invoices import invoiced

__all__ = ["Books", "faults", "faults_of_entries", "invoiced"]

NEW_YORK = ZoneInfo("America/New_York")


def faults(books: Books, zone: ZoneInfo = NEW_YORK) -> list[str]:
    """Everything that is wrong with the books; an empty list is a clean bill. Business days are told in ``zone``."""
    return [
        *entries.faults(books, zone, {}),
        *ties.reversal_faults(books),
        *ties.link_faults(books),
        *invoices.faults(books),
    ]


def faults_of_entries(books: Books, moved: Mapping[str, str], zone: ZoneInfo = NEW_YORK) -> list[str]:
    """What the entries' rows come to, however they are tied; ``moved`` is where corrections put them (entry: project).

    Rows that the product made in a correction need not have any ties of their own.
    """
    return [*entries.faults(books, zone, moved)]


if __name__ == "__main__":
    url, token, *name = sys.argv[1:]
    found = faults(Books.read(url.rstrip("/"), token), ZoneInfo(name[0]) if name else NEW_YORK)
    sys.stdout.write("\n".join(found or ["Nothing is lost, doubled or misstated."]) + "\n")
    sys.exit(4 if found else 0)
