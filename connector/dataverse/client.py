"""Dataverse's Web API: many questions in one request, many change sets in one request, and nothing written twice.

Reads are tried again when the far side was out of reach; writes never are: a write without an answer is an
``UnknownOutcome``, and whoever asked looks before writing again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from connector.auth import TokenSource
from connector.clock import steady_now
from connector.dataverse.action_metadata import parameters_of
from connector.dataverse.along import MOST, Along
from connector.dataverse.budget import Budget
from connector.dataverse.bulk import BulkMessages
from connector.dataverse.change_tracking import ChangeTracking
from connector.dataverse.changes import ChangeSet, Committed, Record
from connector.dataverse.commits import Commits
from connector.dataverse.exact_json import dumps, loads
from connector.dataverse.filters import path_of, split
from connector.dataverse.merging import merged
from connector.dataverse.metadata import Metadata
from connector.dataverse.query import Query
from connector.dataverse.reads import Reads, Row
from connector.dataverse.translation import to_record
from connector.dataverse.transport import API, HEADERS, Transport
from connector.dataverse.write_failures import refused_write
from connector.errors import ConnectorError, Misconfigured


@dataclass(frozen=True, slots=True)
class Answer:
    """What ``send`` got back; header names in lower case, numbers with a point as ``Decimal``."""

    status: int
    headers: Mapping[str, str]
    json: object


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Who Dataverse takes us for."""

    user_id: UUID
    organization_id: UUID


class DataverseClient:
    """One environment, one identity. Safe to share between threads.

    ``tables`` are learned with the first request that needs one, others when first met. ``tag`` is stamped on every
    write of ``commit`` and comes back in the events it causes. ``timeout`` is (connect, read) in seconds; ``pool`` the
    most connections open at once; ``patience`` the longest wait for the own budget before it becomes ``Throttled``.
    ``keep_affinity`` stays with one web server instead of spreading over all; ``timer`` counts seconds.
    ``bulk_messages``: new rows of several change sets may go together where tables take it and it is quicker.
    """

    def __init__(
        self,
        url: str,
        tokens: TokenSource,
        *,
        tables: Iterable[str] = (),
        tag: str | None = None,
        budget: Budget | None = None,
        timeout: tuple[float, float] = (10.0, 150.0),
        pool: int = 8,
        patience: timedelta = timedelta(seconds=20),
        user_agent: str = "psa-connector",
        now: Callable[[], datetime] = steady_now,
        sleep: Callable[[float], None] = time.sleep,
        timer: Callable[[], float] = time.monotonic,
        keep_affinity: bool = False,
        bulk_messages: bool = False,
    ) -> None:
        self._transport = Transport(
            url,
            tokens,
            budget or Budget(),
            timeout=timeout,
            pool=pool,
            patience=patience,
            user_agent=user_agent,
            now=now,
            sleep=sleep,
            timer=timer,
            keep_affinity=keep_affinity,
        )
        self._preload = frozenset(tables)
        self._reads = Reads(self._transport, sleep)
        self.metadata = Metadata(self._ask)
        self._commits = Commits(
            self._transport,
            self.metadata,
            tag,
            self.who_am_i,
            (lambda stamp: BulkMessages(self.metadata, self._ask, stamp, now)) if bulk_messages else None,
        )
        self.tracking = ChangeTracking(self._reads, self.metadata, self._ask)

    @property
    def url(self) -> str:
        """The environment's address, without a path."""
        return self._transport.origin

    def far_now(self) -> datetime:
        """What Dataverse's own clock shows, to the second and never ahead of it; ours, before its first answer."""
        return self._transport.far_now()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def learn(self) -> None:
        """Learn the tables named at construction, in one request. Raises ``Misconfigured`` naming what is missing."""
        self.metadata.learn(self._preload)

    def who_am_i(self) -> WhoAmI:
        """Who we are signed in as; the cheapest proof that address, token and user work."""
        answer = self._ask("WhoAmI")
        try:
            user, organization = (UUID(answer[name]) for name in ("UserId", "OrganizationId"))  # type: ignore[index]
        except (KeyError, TypeError, ValueError) as error:
            raise Misconfigured("unreadable-answer", f"{self.url} does not answer WhoAmI as Dataverse does.") from error
        return WhoAmI(user, organization)

    def send(
        self, method: str, path: str, body: object | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request below the service root, for registration and metadata; ``path`` is sent as it stands.

        Statuses of 400 and above are raised as the failure they mean.
        """
        given = dict(headers or {})
        if method.upper() == "GET":
            reply = self._reads.get(path, given)
        else:
            content = {} if body is None else {"Content-Type": "application/json"}
            text = None if body is None else dumps(body).encode()
            reply = self._transport.send(method.upper(), API + path, {**HEADERS, **content, **given}, text, writes=True)
            if reply.status >= 400:
                raise refused_write(reply, self._transport, is_batch=False)
        return Answer(reply.status, reply.headers, _json(reply.body))

    def action_parameters(self, action: str) -> Mapping[str, str] | None:
        """What an unbound action takes, by name and type; ``None`` when there is none. The answer is many megabytes."""
        return parameters_of(self._reads.get("$metadata", {"Accept": "application/xml"}).body, action)

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Answer every question, in order: one question with a GET, several with one ``$batch``; next pages likewise.

        A question whose list of values is too long for one address is asked in parts and put together again.
        """
        asked = self._asked(questions)
        limits = [questions[index].top for index, _ in asked]
        return self._told(questions, asked, self._reads.rows([path for _, path in asked], limits))

    def scan(self, question: Query) -> Iterator[list[Record]]:
        """Answer one question page by page, so that no more than a page of however many rows is held.

        One that is too long for one address is asked in parts, one after the other: the order holds within each.
        """
        paths = self._paths(question)
        # A row may meet several parts; only then are ids remembered.
        seen: set[UUID] = set()
        for path in paths:
            table = self.metadata.table(question.table)
            for page in self._reads.pages(path):
                rows: list[Mapping[str, object]] = page["value"]  # type: ignore[assignment]
                records = [to_record(table, question.select, row) for row in rows]
                if len(paths) > 1:
                    records = [record for record in records if record.row.id not in seen]
                    seen.update(record.row.id for record in records)
                yield records

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        """Carry out every change set, each for itself; one outcome each, in order."""
        try:
            self.learn()
        except ConnectorError as error:
            return [error for _ in change_sets]
        return self._commits.commit(change_sets)

    def commit_and_look(
        self, change_sets: Sequence[ChangeSet], questions: Sequence[Query]
    ) -> tuple[list[Committed | ConnectorError], list[list[Record]] | None]:
        """``commit``, and the answers to some questions, read once all was carried out or refused.

        ``None`` where they could not be had in the same request: then they are for the caller to ask.
        """
        try:
            asked = self._asked(questions)
        except ConnectorError:
            return self.commit(change_sets), None
        along = Along([path for _, path in asked])
        outcomes = self._commits.commit(change_sets, along if len(asked) <= MOST else None)
        try:
            return outcomes, None if along.rows is None else self._told(questions, asked, along.rows)
        except ConnectorError:
            # What was written is told, whatever can't be read: who asks again is told what is wrong.
            return outcomes, None

    def _asked(self, questions: Sequence[Query]) -> list[tuple[int, str]]:
        """The paths to ask, each with the number of its question."""
        self.metadata.learn(self._preload | {question.table for question in questions})
        return [(index, path) for index, question in enumerate(questions) for path in self._paths(question)]

    def _told(
        self, questions: Sequence[Query], asked: Sequence[tuple[int, str]], answers: Sequence[Sequence[Row]]
    ) -> list[list[Record]]:
        parts: list[list[list[Record]]] = [[] for _ in questions]
        for (index, _), rows in zip(asked, answers, strict=True):
            table = self.metadata.table(questions[index].table)
            parts[index].append([to_record(table, questions[index].select, row) for row in rows])
        return [merged(question, found) for question, found in zip(questions, parts, strict=True)]

    def _paths(self, question: Query) -> list[str]:
        table = self.metadata.table(question.table)
        whole = question if question.select else replace(question, select=(table.primary_id,))
        try:
            return [path_of(part, table) for part in split(whole, table)]
        except Misconfigured:
            # Asked again next time: an administrator may just have added the column.
            self.metadata.forget(table.name)
            raise

    def _ask(self, path: str) -> object:
        return _json(self._reads.get(path, {}).body)


def _json(body: bytes) -> object:
    """The body as JSON, ``None`` when it is empty or something else."""
    try:
        return loads(body)
    except ValueError:
        return None
