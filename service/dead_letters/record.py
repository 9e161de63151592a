"""Who sent again or removed which dead letters, when and why: written down before anything is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from connector.dataverse.access import Dataverse
from connector.dataverse.changes import ChangeSet, Committed, Create
from connector.dataverse.query import Query, equals
from connector.errors import ConnectorError
from handlers import command_record
from handlers.command_record import Kind, State
from handlers.reading import ask
from mappings import keys, tables
from service.dead_letters.lines import Came, Line, Receipt

PART = 500
"""Letters that one record holds at the most."""
DONE, LEFT = "done", "left"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record, and the letters in it."""

    command: UUID
    lines: tuple[Line, ...]


def written(way: Kind, lines: Sequence[Line], reason: str, who: str, dataverse: Dataverse) -> list[Recorded]:
    """Write down what is about to be done, in as few records as hold it. Raises ``ConnectorError``: nothing is done."""
    queues = dict.fromkeys(one.queue for one in lines)
    parts = [part for queue in queues for part in _parts([one for one in lines if one.queue == queue])]
    records = [Recorded(uuid4(), part) for part in parts]
    for record in records:
        (outcome,) = dataverse.commit([ChangeSet((_created(way, record, reason, who),))])
        if not isinstance(outcome, Committed):
            ended(records[: records.index(record)], {}, dataverse, otherwise=Came.NOT_BEGUN)
            raise outcome
    return records


def _parts(lines: Sequence[Line]) -> Iterator[tuple[Line, ...]]:
    """As many as a record holds; half of it is left for what comes of them."""
    part: list[Line] = []
    room = command_record.LONGEST // 2
    for one in lines:
        size = len(command_record.text(one.as_data()))
        if part and (len(part) == PART or size > room):
            yield tuple(part)
            part, room = [], command_record.LONGEST // 2
        part.append(one)
        room -= size + 1
    if part:
        yield tuple(part)


def _created(way: Kind, record: Recorded, reason: str, who: str) -> Create:
    queue = record.lines[0].queue
    return command_record.created(
        keys.command_row_id(record.command),
        way,
        f"{len(record.lines)} of {queue}"[:100],
        who,
        State.RESOLVED,
        selection={"reason": reason, "queue": queue, "letters": [one.as_data() for one in record.lines]},
        name=f"{way} {record.command}",
    )


def ended(
    records: Sequence[Recorded],
    receipts: Mapping[str, Receipt],
    dataverse: Dataverse,
    otherwise: Came = Came.NOT_TOLD,
) -> str:
    """Write down what came of each; why that failed, or nothing. ``otherwise``: of those that have no receipt."""
    for record in records:
        came = {one.name: receipts[one.name].came if one.name in receipts else otherwise for one in record.lines}
        left = {name: word.value for name, word in came.items() if word not in (Came.SENT, Came.DISCARDED)}
        outcome = {"outcome": LEFT if any(word.is_left for word in came.values()) else DONE, "left": left}
        counts = {word.value: count for word, count in Counter(came.values()).items()}
        if (failure := _told(record.command, {**outcome, "counts": counts}, dataverse)) is not None:
            return f"{failure.sentence} ({failure.code})"
    return ""


def _told(command: UUID, outcome: Mapping[str, object], dataverse: Dataverse) -> ConnectorError | None:
    by_id = equals(f"{tables.COMMAND}id", keys.command_row_id(command))
    try:
        (found,) = ask(dataverse, Query(tables.COMMAND, command_record.COLUMNS, by_id))
    except ConnectorError as failure:
        return failure
    for row in found:
        (came,) = dataverse.commit([ChangeSet((command_record.finished(row, outcome),))])
        if not isinstance(came, Committed):
            return came
    return None
