"""Questions to Dataverse, answered in the language of the rules."""

from __future__ import annotations

from connector.dataverse.access import Reader
from connector.dataverse.query import Query
from handlers.rows import row
from mappings.row import Row


def ask(dataverse: Reader, *questions: Query) -> list[list[Row]]:
    """Ask all questions in one request and read the answers as the rules do."""
    return [[row(record) for record in records] for records in dataverse.query(questions)]
