"""What the answer to a change set says: which row was in the way, and which row came back."""

from __future__ import annotations

import logging
import re

from connector.dataverse.batch import Response
from connector.dataverse.changes import Change, ChangeSet, Create, Record, Reference, Update, subject_of
from connector.dataverse.exact_json import loads
from connector.dataverse.metadata import Metadata, Table
from connector.dataverse.refusals import Refusal, failure, meaning
from connector.dataverse.translation import whole_row
from connector.errors import ConnectorError

log = logging.getLogger(__name__)

SET_IN_CONTEXT = re.compile(r"#([A-Za-z0-9_]+)(?:\(.*\))?/\$entity$")
TYPE_PREFIX = "#Microsoft.Dynamics.CRM."


def refused(refusal: Refusal, change_set: ChangeSet, content_id: str | None, first_content_id: int) -> ConnectorError:
    """The failure of a whole change set, naming the row that caused it where that can be told."""
    row = _culprit(refusal, change_set.changes, content_id, first_content_id)
    return failure(refusal, None if row is None else str(row), names_rows=True)


def row_in(metadata: Metadata, answer: Response) -> Record | None:
    """The row an action answered with, if it did.

    By now the change is done: an answer that cannot be read is logged and left out, never turned into a failure.
    """
    if answer.status == 204 or not answer.body:
        return None
    try:
        body = loads(answer.body)
        if not isinstance(body, dict):
            return None
        table = _table(metadata, body)
        return None if table is None else whole_row(table, body)
    except (ValueError, ConnectorError) as error:
        log.warning("a change was carried out, but the row in its answer could not be read: %s", error)
        return None


def _table(metadata: Metadata, body: dict[str, object]) -> Table | None:
    kind = body.get("@odata.type")
    if isinstance(kind, str) and kind.startswith(TYPE_PREFIX):
        return metadata.table(kind.removeprefix(TYPE_PREFIX))
    found = SET_IN_CONTEXT.search(str(body.get("@odata.context", "")))
    return metadata.table_of_set(found.group(1)) if found else None


def _culprit(
    refusal: Refusal, changes: tuple[Change, ...], content_id: str | None, first_content_id: int
) -> Reference | None:
    if content_id is not None and content_id.isdigit():
        position = int(content_id) - first_content_id
        if 0 <= position < len(changes):
            return subject_of(changes[position])
    if len(changes) == 1:
        return subject_of(changes[0])
    message = refusal.message.lower()
    named = [row for row in map(subject_of, changes) if str(row.id) in message]
    if len(set(named)) == 1:
        return named[0]
    _, name = meaning(refusal, names_rows=True)
    kind = {"row-changed": Update, "row-exists": Create}.get(name)
    candidates = [subject_of(change) for change in changes if kind is not None and isinstance(change, kind)]
    return candidates[0] if len(candidates) == 1 else None
