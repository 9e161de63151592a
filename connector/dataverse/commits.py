"""Writing: change sets in one ``$batch``, each standing or falling alone, and an honest outcome for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID, uuid4

from connector.dataverse import callers
from connector.dataverse.answers import refused, row_in
from connector.dataverse.batch import (
    MAX_OPERATIONS,
    Answered,
    MalformedBatch,
    Part,
    Request,
    Response,
    is_multipart,
    read_batch,
    write_batch,
)
from connector.dataverse.batch_pace import MOST_BYTES, BatchPace
from connector.dataverse.changes import Call, Change, ChangeSet, Committed, Create, subject_of
from connector.dataverse.exact_json import dumps
from connector.dataverse.metadata import Metadata
from connector.dataverse.partitions import Partitions
from connector.dataverse.reads import ANNOTATIONS
from connector.dataverse.refusals import Kind, Refusal, failure, meaning
from connector.dataverse.translation import link, parameters_to_wire, tables_named, to_wire
from connector.dataverse.transport import API, HEADERS, Reply, Transport
from connector.errors import ConnectorError, Misconfigured, Rejected, Transient, UnknownOutcome

log = logging.getLogger(__name__)

OUT_OF_TIME = frozenset({"sql-timeout", "timed-out"})
"""What a smaller batch may escape."""

Outcome = Committed | ConnectorError


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change set, where it stood among those given, and the requests that carry it out."""

    index: int
    change_set: ChangeSet
    requests: tuple[Request, ...]

    @property
    def size(self) -> int:
        """Bytes of what it asks for."""
        return sum(len(one.target) + len((one.body or "").encode()) for one in self.requests)

    @property
    def part(self) -> Part:
        """It as a part of a batch: a call by itself is no change set, because an environment may take none in there."""
        alone = len(self.requests) == 1 and isinstance(self.change_set.changes[0], Call)
        return self.requests[0] if alone else self.requests


class Commits:
    """Carries out change sets over one transport. Change sets of one partition are never in flight twice at once.

    A batch is sent for one person, or for none, and holds as much as the far side does in good time. ``welcome`` raises
    when this service itself is not let in.
    """

    def __init__(
        self, transport: Transport, metadata: Metadata, tag: str | None, welcome: Callable[[], object]
    ) -> None:
        self._transport = transport
        self._metadata = metadata
        self._welcome = welcome
        self._stamp = f"?tag={quote(tag, safe='')}" if tag else ""
        self._partitions = Partitions()
        self._pace = BatchPace()

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Outcome]:
        """One outcome per change set, in order. Nothing is sent before every value has been found fit to be sent."""
        outcomes: dict[int, Outcome] = {}
        prepared: list[Prepared] = []
        for index, change_set in enumerate(change_sets):
            ready = self._prepare(index, change_set)
            if isinstance(ready, Prepared):
                prepared.append(ready)
            else:
                outcomes[index] = ready
        stopped: ConnectorError | None = None
        while prepared and stopped is None:
            with self._partitions.some_of(ready.change_set.partition for ready in prepared) as held:
                turn = [ready for ready in prepared if ready.change_set.partition in {"", *held}]
                prepared = [ready for ready in prepared if ready.change_set.partition not in {"", *held}]
                found, stopped = self._send_all(turn)
                outcomes |= found
        if stopped is not None:
            outcomes |= {ready.index: _not_sent(stopped) for ready in prepared}
        return [outcomes[index] for index in range(len(change_sets))]

    def _prepare(self, index: int, change_set: ChangeSet) -> Prepared | Outcome:
        if not change_set.changes:
            return Committed(())
        if len(change_set.changes) > MAX_OPERATIONS:
            return Rejected("too-many-changes", f"A change set of more than {MAX_OPERATIONS} changes cannot be sent.")
        try:
            self._metadata.learn({name for change in change_set.changes for name in _tables(change)})
            ready = Prepared(index, change_set, tuple(self._request(change) for change in change_set.changes))
        except Misconfigured as error:
            # Asked again next time: an administrator may just have added what is missing.
            for change in change_set.changes:
                self._metadata.forget(subject_of(change).table)
            return error
        except ConnectorError as error:
            return error
        if ready.size > MOST_BYTES:
            return Rejected("too-large", f"A change set of more than {MOST_BYTES // 1024**2} MB cannot be sent.")
        return ready

    def _request(self, change: Change) -> Request:
        row = subject_of(change)
        target = API.rstrip("/") + link(self._metadata, row)
        headers = {"Content-Type": "application/json"}
        if isinstance(change, Call):
            body = dumps(parameters_to_wire(self._metadata, change.parameters))
            # The row in the answer can only be read with its lookups' tables named.
            asking = {**headers, "Prefer": ANNOTATIONS}
            action = f"{target}/Microsoft.Dynamics.CRM.{change.action}" if change.is_bound else f"{API}{change.action}"
            return Request("POST", f"{action}{self._stamp}", asking, body)
        table = self._metadata.table(row.table)
        # The id stands in the address; Dataverse would let a second one in the body win.
        columns = {column: value for column, value in change.values.items() if column != table.primary_id}
        body = dumps(to_wire(self._metadata, table, columns, creating=isinstance(change, Create)))
        if isinstance(change, Create):
            return Request("PATCH", f"{target}{self._stamp}", {**headers, "If-None-Match": "*"}, body)
        if not change.etag:
            raise ValueError(f"An update of {row} needs the ETag the row was read with.")
        return Request("PATCH", f"{target}{self._stamp}", {**headers, "If-Match": change.etag}, body)

    def _send_all(self, prepared: Sequence[Prepared]) -> tuple[dict[int, Outcome], ConnectorError | None]:
        """Batch after batch; when one is not answered at all, the rest is not sent, and the failure is told too."""
        outcomes: dict[int, Outcome] = {}
        stopped: ConnectorError | None = None
        for chunk in _chunks(prepared, self._pace):
            if stopped is None:
                found, stopped = self._send(chunk)
                outcomes |= found
            else:
                outcomes |= {ready.index: _not_sent(stopped) for ready in chunk}
        return outcomes, stopped

    def _send(self, chunk: Sequence[Prepared]) -> tuple[dict[int, Outcome], ConnectorError | None]:
        """The outcomes of one batch, and the failure that struck it as a whole, if one did."""
        boundary = f"batch_{uuid4()}"
        caller = chunk[0].change_set.caller
        headers = {
            **HEADERS,
            **callers.named(caller),
            "Content-Type": f'multipart/mixed; boundary="{boundary}"',
            "Prefer": "odata.continue-on-error",
        }
        body = write_batch([ready.part for ready in chunk], boundary)
        try:
            expected = self._pace.expected(sum(len(ready.requests) for ready in chunk))
            reply = self._transport.send("POST", f"{API}$batch", headers, body, writes=True, expected=expected)
            answers = self._answers(reply)
        except ConnectorError as told:
            if isinstance(told, UnknownOutcome):
                self._pace.too_long()
            error = callers.of_batch(told, caller, self._welcome)
            if isinstance(error, callers.PersonRefused):
                return {ready.index: error for ready in chunk}, None
            if isinstance(error, Rejected) and len(chunk) > 1:
                # Refused before anything was done: one of them is at fault, so each half is tried by itself.
                middle = len(chunk) // 2
                first, stopped = self._send(chunk[:middle])
                if stopped is not None:
                    return first | {ready.index: _not_sent(stopped) for ready in chunk[middle:]}, stopped
                second, stopped = self._send(chunk[middle:])
                return first | second, stopped
            # What one change set is refused for is no reason to keep others back.
            return {ready.index: error for ready in chunk}, None if isinstance(error, Rejected) else error
        outcomes: dict[int, Outcome] = {}
        content_id = 1
        for number, ready in enumerate(chunk):
            if number < len(answers):
                outcomes[ready.index] = self._outcome(ready, answers[number], content_id, reply)
            else:
                outcomes[ready.index] = _unanswered(answers, reply)
            content_id += 0 if isinstance(ready.part, Request) else len(ready.requests)
        self._pace.took(sum(len(ready.requests) for ready in chunk), reply.took)
        if any(isinstance(one, ConnectorError) and one.code in OUT_OF_TIME for one in outcomes.values()):
            self._pace.too_long()
        return outcomes, None

    def _answers(self, reply: Reply) -> list[Answered]:
        kind = reply.headers.get("content-type", "")
        if is_multipart(kind):
            try:
                return read_batch(reply.body, kind)
            except MalformedBatch as error:
                raise UnknownOutcome("unreadable-answer", f"A batch of writes was answered, but: {error}") from error
        if reply.status >= 400:
            raise refused_write(reply, self._transport, is_batch=True)
        raise UnknownOutcome("unreadable-answer", "The answer to a batch of writes is not a batch answer.")

    def _outcome(self, ready: Prepared, answer: Answered, first_content_id: int, reply: Reply) -> Outcome:
        parts = answer if isinstance(answer, list) else [answer]
        for part in parts:
            if part.status >= 400:
                refusal = self._transport.refused(part.status, part.headers, part.body, reply.headers)
                if _is_broken_off(refusal) and refusal.code is None:
                    return _broken_off(self._transport, part.status)
                error = refused(refusal, ready.change_set, part.content_id, first_content_id)
                return callers.of_change_set(error, ready.change_set.caller)
        if len(parts) != len(ready.requests):
            return UnknownOutcome("unreadable-answer", "A change set came back with another number of answers.")
        return Committed(tuple(row_in(self._metadata, part) for part in parts))


def refused_write(reply: Reply, transport: Transport, is_batch: bool) -> ConnectorError:
    """A write that was answered as a whole with an error: refused, or broken off somewhere nobody knows."""
    refusal = transport.refused(reply.status, reply.headers, reply.body, reply.headers)
    if _is_broken_off(refusal) and (is_batch or refusal.code is None):
        return _broken_off(transport, reply.status)
    return failure(refusal)


def _is_broken_off(refusal: Refusal) -> bool:
    return (refusal.status >= 500 or refusal.status == 408) and meaning(refusal)[0] is not Kind.THROTTLED


def _broken_off(transport: Transport, status: int) -> UnknownOutcome:
    return UnknownOutcome(
        "broken-off", f"{transport.origin} answered a write with {status}: it may have been carried out."
    )


def _tables(change: Change) -> set[str]:
    return tables_named(subject_of(change).table, change.parameters if isinstance(change, Call) else change.values)


def _chunks(prepared: Sequence[Prepared], pace: BatchPace) -> Iterator[list[Prepared]]:
    """Batches of as many operations as the pace says by then, each of one caller."""
    by_caller: dict[UUID | None, list[Prepared]] = {}
    for ready in prepared:
        by_caller.setdefault(ready.change_set.caller, []).append(ready)
    for of_one in by_caller.values():
        chunk: list[Prepared] = []
        operations = size = 0
        for ready in of_one:
            if chunk and (operations + len(ready.requests) > pace.operations or size + ready.size > MOST_BYTES):
                yield chunk
                chunk, operations, size = [], 0, 0
            chunk.append(ready)
            operations += len(ready.requests)
            size += ready.size
        yield chunk


def _not_sent(stopped: ConnectorError) -> ConnectorError:
    if isinstance(stopped, Transient | Misconfigured):
        return stopped
    return Transient("not-sent", "An earlier part of the same commit got no clear answer, so this part was not sent.")


def _unanswered(answers: Sequence[Answered], reply: Reply) -> ConnectorError:
    last = answers[-1] if answers else None
    last = last[-1] if isinstance(last, list) and last else last
    if reply.status >= 400 and isinstance(last, Response) and last.status >= 400:
        return Transient("not-sent", "Dataverse stopped at an earlier error; this change set was not carried out.")
    return UnknownOutcome("cut-off", "The answer to a batch of writes ends before the answer to this change set.")
