"""``$batch``: operations one after the other, change sets as one transaction each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import unquote
from uuid import uuid4

from sandbox.dataverse.http.exchange import Answer, Request, refused, split_url
from sandbox.dataverse.http.multipart import Item, Operation, malformed, read_batch, write_answer, write_parts
from sandbox.dataverse.refusals import unsupported
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Refused
from sandbox.faults import Faults

MOST = 1000
LONGEST_URL = 65_536
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
IMPERSONATION = ("callerobjectid", "mscrmcallerid")


@dataclass(frozen=True, slots=True)
class Batch:
    """Carries out one batch. ``begin`` opens a transaction for the request's caller.

    ``cut``: what to raise instead of carrying out the operation of this number, counted from 0.
    """

    operate: Callable[[Transaction, Request], Answer]
    faults: Faults
    begin: Callable[[Request], AbstractContextManager[Transaction]]
    cut: tuple[int, Exception] | None = None
    numbers: Iterator[int] = field(default_factory=count)

    def run(self, outer: Request) -> Answer:
        """All items in order. Stops at the first error unless told to go on; then 400, and otherwise 200."""
        items = read_batch(outer.headers.get("content-type", ""), outer.body)
        check(items)
        go_on = outer.preferences.get("odata.continue-on-error", "false") in ("", "true")
        parts: list[bytes] = []
        status = 200
        for item in items:
            part, failed = self._item(outer, item)
            parts.append(part)
            if failed and not go_on:
                status = 400
                break
        boundary = f"batchresponse_{uuid4()}"
        return Answer(status, raw=(f"multipart/mixed; boundary={boundary}", write_parts(boundary, parts)))

    def _item(self, outer: Request, item: Item) -> tuple[bytes, bool]:
        """The part that answers an item, and whether it failed."""
        if isinstance(item, list):
            return self._change_set(outer, item)
        try:
            request = _request(outer, item, {}, in_change_set=False)
            with self.begin(request) as uow:
                answer = self._operate(uow, request)
        except Refused as refusal:
            return write_answer(_refused(outer, refusal, item), item.content_id), True
        return write_answer(answer, item.content_id), False

    def _change_set(self, outer: Request, operations: list[Operation]) -> tuple[bytes, bool]:
        """A change set that fails is answered with the one refusal alone, under the Content-ID of what failed.

        (An answer of that shape is shown in the issue powerapps-docs#2843.)
        """
        references: dict[str, str] = {}
        parts: list[bytes] = []
        content_id, failed, operation = None, False, None
        try:
            with self.begin(outer) as uow:
                for operation in operations:
                    content_id = operation.content_id
                    request = _request(outer, operation, references, in_change_set=True)
                    answer = self._operate(uow, request)
                    if content_id and "OData-EntityId" in answer.headers:
                        references[content_id] = answer.headers["OData-EntityId"]
                    parts.append(write_answer(answer, content_id))
        except Refused as refusal:
            parts, failed = [write_answer(_refused(outer, refusal, operation), content_id)], True
        boundary = f"changesetresponse_{uuid4()}"
        head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n"
        return head.encode() + write_parts(boundary, parts), failed

    def _operate(self, uow: Transaction, request: Request) -> Answer:
        if self.cut is not None and next(self.numbers) == self.cut[0]:
            raise self.cut[1]
        path = f"/api/data/v9.2/{request.path}"
        fault = self.faults.refusal(request.method, path, request.body)
        if fault is not None:
            raise FaultRefused(fault.message, fault.code, fault.status, dict(fault.headers))
        return self.operate(uow, request)


class FaultRefused(Refused):
    """A planned refusal, which may bring headers of its own."""

    def __init__(self, message: str, code: str, status: int, headers: dict[str, str]) -> None:
        super().__init__(message, code, status)
        self.headers = headers


def _refused(outer: Request, refusal: Refused, operation: Operation | None) -> Answer:
    own = refusal.headers if isinstance(refusal, FaultRefused) else {}
    answer = refused(refusal, own, operation.headers if operation else None)
    answer.headers["REQ_ID"] = str(outer.request_id)
    return answer


def check(items: list[Item]) -> None:
    """Refuse the whole batch where its make-up is wrong: too many operations, reads in a change set, a batch inside."""
    operations = [one for item in items for one in (item if isinstance(item, list) else [item])]
    if any(isinstance(item, list) and len(item) > MOST for item in items):
        raise malformed(
            "The current change set contains too many operations. A maximum number of "
            f"'{MOST}' operations are allowed in a change set."
        )
    if len(operations) > MOST:
        raise malformed(
            "The current batch message contains too many parts. A maximum number of "
            f"'{MOST}' query operations and change sets are allowed in a batch message."
        )
    if any(len(operation.url) > LONGEST_URL for operation in operations):
        raise malformed(f"a URL in it is longer than {LONGEST_URL} characters.")
    if any(unquote(operation.url).partition("?")[0].endswith("$batch") for operation in operations):
        raise malformed("a batch inside a batch is not allowed.")
    for item in items:
        ids = [operation.content_id for operation in item if operation.content_id] if isinstance(item, list) else []
        twice = next((id for at, id in enumerate(ids) if id in ids[:at]), None)
        if twice is not None:
            raise malformed(
                f"the content ID '{twice}' was found more than once in the same change set; content IDs have to be "
                "unique across all operations of a change set."
            )
        for operation in item if isinstance(item, list) else []:
            if operation.method not in CHANGES:
                raise malformed(
                    f"An invalid HTTP method '{operation.method}' was detected for a request in a change set. Requests "
                    "in change sets only support the HTTP methods 'POST', 'PUT', 'DELETE', and 'PATCH'."
                )


def _request(outer: Request, operation: Operation, references: dict[str, str], *, in_change_set: bool) -> Request:
    path, query = split_url(operation.url)
    for name in IMPERSONATION:
        if operation.headers.get(name) not in (None, outer.headers.get(name)):
            raise unsupported(f"the header {name} on one operation of a batch; send it with the batch")
    return Request(
        method=operation.method,
        path=path,
        query=query,
        headers=operation.headers,
        body=operation.body,
        base=outer.base,
        user=outer.user,
        request_id=outer.request_id,
        references=references,
        in_change_set=in_change_set,
        caller=outer.caller,
    )
