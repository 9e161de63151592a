"""Reading: one GET or one ``$batch`` of GETs, tried again when nobody answered, every page followed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from connector.dataverse.answer_body import AnswerTooLarge
from connector.dataverse.batch import (
    MAX_OPERATIONS,
    MalformedBatch,
    Request,
    Response,
    is_multipart,
    read_batch,
    write_batch,
)
from connector.dataverse.exact_json import loads
from connector.dataverse.refusals import failure
from connector.dataverse.transport import API, HEADERS, Reply, Transport, origin_of
from connector.errors import ConnectorError, Misconfigured, Rejected, Transient

log = logging.getLogger(__name__)

PAGE = 5000
MOST_ROWS = 200_000
"""Rows behind the questions of one request that are held at once. More are read page by page, or not at all."""
MOST_PAGES = 1000
"""Pages behind one question that are followed, however empty."""
ATTEMPTS = 3
WORTH_ANOTHER_TRY = frozenset({"unreachable", "no-answer", "unavailable", "cut-off"})
READING = {**HEADERS, "If-None-Match": "null"}
ANNOTATIONS = 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Page:
    """One page to fetch: the path from the host's root, and whether the server may cut it into pages."""

    target: str
    paged: bool = True

    @property
    def headers(self) -> dict[str, str]:
        """The headers that ask for it. ``$top`` and a page size exclude each other."""
        return {**READING, "Prefer": f"{ANNOTATIONS},odata.maxpagesize={PAGE}" if self.paged else ANNOTATIONS}


class Reads:
    """Safe reads over one transport: up to three tries when the far side was out of reach, never for a refusal."""

    def __init__(self, transport: Transport, sleep: Callable[[float], None]) -> None:
        self._transport = transport
        self._again = Retrying(
            retry=retry_if_exception(_is_worth_another_try),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=0.5, max=4),
            sleep=sleep,
            reraise=True,
        )

    def get(self, path: str, headers: Mapping[str, str]) -> Reply:
        """One GET below the service root. Statuses of 400 and above are raised."""
        return self._again.copy()(self._get, _target(path), {**READING, **headers})

    def rows(self, paths: Sequence[str], limits: Sequence[int | None]) -> list[list[Row]]:
        """All rows behind each path (below the service root), all pages; ``limits`` says when enough are read.

        Raises ``Rejected`` when they are more than can be held.
        """
        found: list[list[Row]] = [[] for _ in paths]
        followed = 0
        pending = [(index, first_page(path)) for index, path in enumerate(paths)]
        while pending:
            answers = self._fetch([page for _, page in pending])
            following: list[tuple[int, Page]] = []
            for (index, _), answer in zip(pending, answers, strict=True):
                rows, link = page_in(answer)
                found[index] += rows
                limit = limits[index]
                if link is not None and (limit is None or len(found[index]) < limit):
                    following.append((index, Page(self._local(link))))
            pending = following
            followed += 1
            if pending and (followed >= MOST_PAGES or sum(map(len, found)) > MOST_ROWS):
                raise Rejected("too-many-rows", f"The answer has more than {MOST_ROWS:,} rows: ask for less at once.")
        return found

    def pages(self, path: str, *preferences: str) -> Iterator[Mapping[str, object]]:
        """The pages behind one path (below the service root) as they are answered, one held at a time."""
        prefer = ",".join((ANNOTATIONS, f"odata.maxpagesize={PAGE}", *preferences))
        target: str | None = _target(path)
        while target is not None:
            answer, link = _answer(self._again.copy()(self._get, target, {**READING, "Prefer": prefer}).body)
            yield answer
            following = None if link is None else self._local(link)
            if following == target:
                raise Misconfigured("unreadable-answer", f"{self._transport.origin} names a page as its own next one.")
            target = following

    def _fetch(self, pages: Sequence[Page]) -> list[bytes]:
        if len(pages) == 1:
            return [self._again.copy()(self._get, pages[0].target, pages[0].headers).body]
        answers: list[bytes] = []
        for begin in range(0, len(pages), MAX_OPERATIONS):
            answers += self._get_some(pages[begin : begin + MAX_OPERATIONS])
        return answers

    def _get_some(self, pages: Sequence[Page]) -> list[bytes]:
        """One request; more only where its answer is larger than can be held."""
        try:
            return self._again.copy()(self._get_many, pages)
        except AnswerTooLarge:
            if len(pages) == 1:
                raise
        middle = len(pages) // 2
        return self._get_some(pages[:middle]) + self._get_some(pages[middle:])

    def _get(self, target: str, headers: Mapping[str, str]) -> Reply:
        reply = self._transport.send("GET", target, headers, None, writes=False)
        if reply.status >= 400:
            raise self._failure(reply, reply)
        return reply

    def _get_many(self, pages: Sequence[Page]) -> list[bytes]:
        boundary = f"batch_{uuid4()}"
        body = write_batch([Request("GET", page.target, page.headers) for page in pages], boundary)
        headers = {**READING, "Content-Type": f'multipart/mixed; boundary="{boundary}"'}
        reply = self._transport.send("POST", f"{API}$batch", headers, body, writes=False)
        kind = reply.headers.get("content-type", "")
        if reply.status >= 400 and not is_multipart(kind):
            raise self._failure(reply, reply)
        try:
            answers = read_batch(reply.body, kind)
        except MalformedBatch as error:
            raise Misconfigured("unreadable-answer", f"{self._transport.origin}: {error}") from error
        bodies: list[bytes] = []
        for answer in answers:
            if isinstance(answer, list):
                raise Misconfigured("unreadable-answer", "Dataverse answered a read with a change set.")
            if answer.status >= 400:
                raise self._failure(answer, reply)
            bodies.append(answer.body)
        if len(bodies) < len(pages):
            raise Transient("cut-off", "Dataverse answered only a part of the questions.")
        return bodies

    def _failure(self, answer: Reply | Response, reply: Reply) -> ConnectorError:
        refusal = self._transport.refused(answer.status, answer.headers, answer.body, reply.headers)
        return failure(refusal)

    def _local(self, link: str) -> str:
        """A next link as a path. It is followed word for word, but never to another host: the token goes with it."""
        if origin_of(link) != self._transport.origin:
            raise Misconfigured("foreign-link", f"{self._transport.origin} points at another host for the next page.")
        parts = urlsplit(link)
        return f"{parts.path}?{parts.query}"


def _target(path: str) -> str:
    """A path below the service root, as it is asked for. Raises ``ValueError`` for a count beside ``$top``.

    Microsoft says not to ask for both ("Query data using the Web API: count rows"): the count is not to be relied on.
    """
    options = [unquote(option) for option in path.partition("?")[2].split("&")]
    if "$count=true" in options and any(option.startswith("$top=") for option in options):
        raise ValueError(f"$top and $count=true don't go together; count by pages: {path}")
    return API + path


def first_page(path: str) -> Page:
    """How the rows behind a path (below the service root) are asked for."""
    return Page(_target(path), paged="$top=" not in path)


def page_in(body: bytes) -> tuple[list[Row], str | None]:
    """The rows of an answer, and where the next page is. Raises ``Misconfigured`` where it holds no list of rows."""
    answer, link = _answer(body)
    rows: list[Row] = answer["value"]
    return rows, link


def _answer(body: bytes) -> tuple[dict[str, Any], str | None]:
    """An answer with rows, and where the next page is."""
    try:
        answer = loads(body)
    except ValueError as error:
        raise Misconfigured("unreadable-answer", "Dataverse answered a question, but not with JSON.") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("value"), list):
        raise Misconfigured("unreadable-answer", "Dataverse answered a question without a list of rows.")
    link = answer.get("@odata.nextLink")
    return answer, link if isinstance(link, str) else None


def _is_worth_another_try(error: BaseException) -> bool:
    return isinstance(error, Transient) and error.retry_after is None and error.code in WORTH_ANOTHER_TRY
