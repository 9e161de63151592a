"""Writing: change sets in one ``$batch``, each standing or falling alone, and an honest outcome for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from urllib.parse import quote
from uuid import uuid4

from connector.dataverse import callers
from connector.dataverse.along import Along, LookPace
from connector.dataverse.answers import refused, row_in
from connector.dataverse.batch import (
    MAX_OPERATIONS,
    Answered,
    MalformedBatch,
    Part,
    Request,
    is_multipart,
    read_batch,
    write_batch,
)
from connector.dataverse.batch_pace import MOST_BYTES, BatchPace
from connector.dataverse.bulk import LONGEST_TOGETHER, BulkMessages
from connector.dataverse.changes import ChangeSet, Committed, subject_of
from connector.dataverse.metadata import Metadata
from connector.dataverse.partitions import Partitions
from connector.dataverse.prepared import Prepared, chunks, groups, request_of, tables_of
from connector.dataverse.refusals import failure
from connector.dataverse.transport import API, HEADERS, Reply, Transport
from connector.dataverse.write_failures import broken_off, is_broken_off, not_sent, refused_write, unanswered
from connector.errors import ConnectorError, Misconfigured, Rejected, Throttled, UnknownOutcome

log = logging.getLogger(__name__)

OUT_OF_TIME = frozenset({"sql-timeout", "timed-out"})
"""What a smaller batch may escape."""

Outcome = Committed | ConnectorError


class Commits:
    """Carries out change sets over one transport. Change sets of one partition are never in flight twice at once.

    A batch is sent for one person, or for none, and holds as much as the far side does in good time. ``welcome`` raises
    when this service itself is not let in. ``bulk`` is asked for a way of sending new rows of several change sets at
    once; without it each goes by itself.
    """

    def __init__(
        self,
        transport: Transport,
        metadata: Metadata,
        tag: str | None,
        welcome: Callable[[], object],
        bulk: Callable[[str], BulkMessages] | None = None,
    ) -> None:
        self._transport = transport
        self._metadata = metadata
        self._welcome = welcome
        self._stamp = f"?tag={quote(tag, safe='')}" if tag else ""
        self._partitions = Partitions()
        self._pace = BatchPace()
        self._looks = LookPace()
        self._bulk = bulk(self._stamp) if bulk else None

    def commit(self, change_sets: Sequence[ChangeSet], along: Along | None = None) -> list[Outcome]:
        """One outcome per change set, in order. Nothing is sent before every value has been found fit to be sent.

        ``along`` is asked where all of them, at least one, take one batch, which is sent in nobody's name.
        """
        if along is not None and not (along.goes_with(change_sets) and self._looks.may_go()):
            along = None
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
                # Who waits for these partitions would wait for the reading, too.
                is_last = not prepared and not self._partitions.are_awaited(held)
                found, stopped = self._send_all(turn, along=along if is_last else None)
                outcomes |= found
            # What was read behind one turn says nothing about the next.
            along = None
        if stopped is not None:
            outcomes |= {ready.index: not_sent(stopped) for ready in prepared}
        return [outcomes[index] for index in range(len(change_sets))]

    def _prepare(self, index: int, change_set: ChangeSet) -> Prepared | Outcome:
        if not change_set.changes:
            return Committed(())
        if len(change_set.changes) > MAX_OPERATIONS:
            return Rejected("too-many-changes", f"A change set of more than {MAX_OPERATIONS} changes cannot be sent.")
        try:
            self._metadata.learn({name for change in change_set.changes for name in tables_of(change)})
            requests = tuple(request_of(change, self._metadata, self._stamp) for change in change_set.changes)
            ready = Prepared(index, change_set, requests)
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

    def _send_all(
        self, prepared: Sequence[Prepared], in_bulk: bool = True, along: Along | None = None
    ) -> tuple[dict[int, Outcome], ConnectorError | None]:
        """Batch after batch; when one is not answered at all, the rest is not sent, and the failure is told too."""
        outcomes: dict[int, Outcome] = {}
        stopped: ConnectorError | None = None
        for chunk in chunks(prepared, self._pace):
            if stopped is None:
                is_all = len(chunk) == len(prepared)
                found, stopped = self._send(chunk, in_bulk, along if is_all else None)
                outcomes |= found
            else:
                outcomes |= {ready.index: not_sent(stopped) for ready in chunk}
        return outcomes, stopped

    def _send(
        self, chunk: Sequence[Prepared], in_bulk: bool = True, along: Along | None = None
    ) -> tuple[dict[int, Outcome], ConnectorError | None]:
        """The outcomes of one batch, and the failure that struck it as a whole, if one did."""
        boundary = f"batch_{uuid4()}"
        caller = chunk[0].change_set.caller
        headers = {
            **HEADERS,
            **callers.named(caller),
            "Content-Type": f'multipart/mixed; boundary="{boundary}"',
            "Prefer": "odata.continue-on-error",
        }
        rows = sum(len(ready.requests) for ready in chunk)
        sent = self._divided(chunk) if in_bulk else [(ready,) for ready in chunk]
        try:
            parts = [self._part(group) for group in sent]
            questions = along.requests if along is not None else ()
            body = write_batch([*parts, *questions], boundary)
            expected = self._pace.expected(rows)
            reply = self._transport.send("POST", f"{API}$batch", headers, body, writes=True, expected=expected)
            answers = self._answers(reply, len(parts))
        except ConnectorError as told:
            if along is not None:
                self._looks.took(answered=False)
            elif isinstance(told, UnknownOutcome):
                self._pace.too_long(rows)
            if isinstance(told, UnknownOutcome) and self._bulk is not None and len(sent) < len(chunk):
                self._bulk.pace.lost()
            error = callers.of_batch(told, caller, self._welcome)
            if isinstance(error, callers.PersonRefused):
                return {ready.index: error for ready in chunk}, None
            if isinstance(error, Rejected | Misconfigured) and along is not None:
                # It may be the questions that are refused, which is no word on what was to be written.
                return self._send(chunk, in_bulk)
            if isinstance(error, Rejected | Misconfigured) and self._bulk is not None and len(sent) < len(chunk):
                # An environment may take no bulk message in a change set, or at all, whatever it says.
                self._bulk.pace.took(0, timedelta(), [False])
                return self._send(chunk, in_bulk=False)
            if isinstance(error, Rejected) and len(chunk) > 1:
                # Refused before anything was done: one of them is at fault, so each half is tried by itself.
                middle = len(chunk) // 2
                first, stopped = self._send(chunk[:middle], in_bulk=False)
                if stopped is not None:
                    return first | {ready.index: not_sent(stopped) for ready in chunk[middle:]}, stopped
                second, stopped = self._send(chunk[middle:], in_bulk=False)
                return first | second, stopped
            # What one change set is refused for is no reason to keep others back.
            return {ready.index: error for ready in chunk}, None if isinstance(error, Rejected) else error
        outcomes: dict[int, Outcome] = {}
        fallen: list[Prepared] = []
        out_of_time = False
        content_id = 1
        for number, (group, part) in enumerate(zip(sent, parts, strict=True)):
            if number >= len(answers):
                outcomes |= {ready.index: unanswered(answers, reply) for ready in group}
            elif len(group) == 1:
                outcomes[group[0].index] = self._outcome(group[0], answers[number], content_id, reply)
            else:
                common = self._outcome_of_all(part, answers[number], reply)
                if isinstance(common, Committed | UnknownOutcome | Throttled):
                    outcomes |= {ready.index: _for(ready, common) for ready in group}
                else:
                    fallen += group
                    out_of_time = out_of_time or common.code in OUT_OF_TIME
            content_id += 0 if isinstance(part, Request) else len(part)
        if along is None:
            # The time it takes to read is not what a row takes to write.
            self._pace.took(rows, reply.took)
        else:
            self._look(along, answers[len(parts) :], reply, is_over=not fallen)
        if self._bulk is not None and in_bulk and len(chunk) > 1:
            done = [isinstance(outcomes.get(group[0].index), Committed) for group in sent if len(group) > 1]
            # Only where all of it might have gone either way does the time say which is quicker.
            is_told = along is None and all(self._bulk.fits(ready.change_set) for ready in chunk)
            new_rows = rows if is_told else 0
            self._bulk.pace.took(new_rows, reply.took, done)
        if out_of_time or any(isinstance(one, ConnectorError) and one.code in OUT_OF_TIME for one in outcomes.values()):
            self._pace.too_long(rows)
        if not fallen:
            return outcomes, None
        # All of a group was rolled back for the sake of some: each is tried by itself, under the same names.
        each, stopped = self._send_all(fallen, in_bulk=False)
        return outcomes | each, stopped

    def _look(self, along: Along, answers: Sequence[Answered], reply: Reply, is_over: bool) -> None:
        for answer in answers:
            if not isinstance(answer, list) and answer.status >= 400:
                # A wait that it asks for holds for everybody.
                self._transport.refused(answer.status, answer.headers, answer.body, reply.headers)
        if is_over:
            along.answered(answers)
        self._looks.took(answered=along.rows is not None)

    def _divided(self, chunk: Sequence[Prepared]) -> list[tuple[Prepared, ...]]:
        if self._bulk is None or len(chunk) == 1:
            return [(ready,) for ready in chunk]
        bulk, together = self._bulk, self._bulk.pace.together()
        each = self._pace.expected(sum(len(ready.requests) for ready in chunk)) / len(chunk)
        if each:
            together = min(together, max(1, int(LONGEST_TOGETHER / each)))
        return list(groups(chunk, together, lambda ready: bulk.fits(ready.change_set)))

    def _part(self, group: Sequence[Prepared]) -> Part:
        if len(group) == 1 or self._bulk is None:
            return group[0].part
        return self._bulk.requests([ready.change_set for ready in group])

    def _outcome_of_all(self, part: Part, answer: Answered, reply: Reply) -> Outcome:
        """What came of a group that stands or falls together; where it was refused, each may be tried by itself."""
        given = answer if isinstance(answer, list) else [answer]
        for one in given:
            if one.status >= 400:
                refusal = self._transport.refused(one.status, one.headers, one.body, reply.headers)
                if is_broken_off(refusal) and refusal.code is None:
                    return broken_off(self._transport, refusal)
                return failure(refusal)
        if isinstance(part, Request) or len(given) != len(part):
            return UnknownOutcome("unreadable-answer", "A change set came back with another number of answers.")
        return Committed(())

    def _answers(self, reply: Reply, writes: int) -> list[Answered]:
        kind = reply.headers.get("content-type", "")
        if is_multipart(kind):
            try:
                return read_batch(reply.body, kind, enough=writes)
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
                if is_broken_off(refusal) and refusal.code is None:
                    return broken_off(self._transport, refusal)
                error = refused(refusal, ready.change_set, part.content_id, first_content_id)
                return callers.of_change_set(error, ready.change_set.caller)
        is_whole = isinstance(answer, list) or isinstance(ready.part, Request)
        if not is_whole or len(parts) != len(ready.requests):
            return UnknownOutcome("unreadable-answer", "A change set came back with another number of answers.")
        return Committed(tuple(row_in(self._metadata, part) for part in parts))


def _for(ready: Prepared, common: Outcome) -> Outcome:
    return Committed((None,) * len(ready.requests)) if isinstance(common, Committed) else common
