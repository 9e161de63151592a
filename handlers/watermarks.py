"""Keeps the mark of how far everything has been looked at; two who move it at once don't lose each other's work."""

from __future__ import annotations

from dataclasses import dataclass

from connector.dataverse.access import Dataverse, Reader
from connector.dataverse.changes import ChangeSet, Committed
from connector.dataverse.query import Query, equals
from connector.errors import Conflict, ConnectorError
from handlers import command_record
from handlers.command_record import Kind, State
from handlers.reading import ask
from mappings import tables
from mappings.row import Row
from mappings.watermark import Watermark, watermark, watermark_id


@dataclass(frozen=True, slots=True)
class Kept:
    """The mark as it was read, and the row it was read from; neither where it was never set."""

    mark: Watermark | None
    record: Row | None


def read(name: str, dataverse: Reader) -> Kept:
    """The mark of this name."""
    wanted = equals(f"{tables.COMMAND}id", watermark_id(name))
    (found,) = ask(dataverse, Query(tables.COMMAND, command_record.COLUMNS, wanted))
    record = found[0] if found else None
    return Kept(watermark(command_record.selection_of(record)) if record else None, record)


def move(name: str, kept: Kept, to: Watermark, requested_by: str, dataverse: Dataverse) -> bool:
    """Set the mark, unless somebody else moved it since it was read; whether it was set. Raises ``ConnectorError``."""
    if kept.record is None:
        created = command_record.created(
            watermark_id(name), Kind.WATERMARK, name, requested_by, State.DONE, selection=to.plain()
        )
        change_set = ChangeSet((created,))
    else:
        change_set = ChangeSet((command_record.moved(kept.record, to.plain(), requested_by),))
    (outcome,) = dataverse.commit([change_set])
    match outcome:
        case Committed():
            return True
        case Conflict():
            return False
        case ConnectorError() as failure:
            raise failure
