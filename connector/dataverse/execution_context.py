"""The message Dataverse posts when a row changes: a RemoteExecutionContext in JSON, read tolerantly.

Of its thirty members only the few below are read, and the rest is ignored, images included. It tells that something
happened to a row, not what the row is now. Only JSON is read ("Write a listener application for a Microsoft Azure
solution").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from connector.dataverse.context_values import ContextValue, Entity, Unreadable, pairs
from connector.dataverse.exact_json import loads
from connector.envelope import Envelope
from connector.errors import Rejected

MAX_SIZE = 1_048_576
"""Bytes. Dataverse itself never posts more than 192 KB."""

_ELEMENTS = frozenset(bytes([record]) for record in range(0x40, 0x78))
_NAMESPACES = (b"http://schemas.microsoft.com/", b"http://schemas.datacontract.org/")
_BEFORE_TEXT = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""Byte order marks, the empty halves of wide characters, and blanks."""

TRUNCATED = "MessageMaxSizeExceeded"
NIL = UUID(int=0)


class Markup(Enum):
    """The kinds of XML a .NET sender makes."""

    TEXT = "XML"
    BINARY = "binary XML"


@dataclass(frozen=True, slots=True)
class ExecutionContext:
    """What happened: which message on which row, and the columns that were sent along.

    ``target`` holds the columns named in the request (empty for a deletion and when ``truncated``). ``operation_id``
    stays the same when Dataverse posts once more. With ``in_transaction`` the change may still be undone. ``tag`` is
    what the writer stamped on its request.
    """

    message: str
    table: str
    id: UUID
    operation_id: UUID | None
    organization_id: UUID | None
    in_transaction: bool
    target: Mapping[str, ContextValue] = field(default_factory=dict)
    tag: str | None = None
    truncated: bool = False


def read_context(envelope: Envelope) -> ExecutionContext:
    """The context in an envelope's body. Raises ``Rejected`` with a code ``unreadable-…`` when there is none."""
    truncated = any(TRUNCATED in name for name in envelope.properties)
    return parse_context(envelope.body, envelope.content_type, truncated)


def parse_context(body: bytes, content_type: str | None = None, truncated: bool = False) -> ExecutionContext:
    """The context in this body. Raises ``Rejected`` with a code ``unreadable-…`` and what to change."""
    _refuse_other_formats(body, content_type)
    try:
        root = loads(body)
        if not isinstance(root, dict):
            raise Unreadable("it is not a JSON object")
        return _context(root, truncated)
    except (Unreadable, ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Rejected(
            "unreadable-context", f"The message is no execution context of Dataverse: {reason}. It was left untouched."
        ) from error


def _refuse_other_formats(body: bytes, content_type: str | None) -> None:
    if len(body) > MAX_SIZE:
        raise Rejected("unreadable-too-large", f"The message has {len(body)} bytes; more than {MAX_SIZE} are not read.")
    match markup(body, content_type):
        case Markup.BINARY:
            raise Rejected("unreadable-binary-xml", _wrong_format("binary XML"))
        case Markup.TEXT:
            raise Rejected("unreadable-xml", _wrong_format("XML"))


def markup(body: bytes, content_type: str | None = None) -> Markup | None:
    """What kind of XML this body is; ``None`` when it is none.

    A forwarder may have dropped the content type, so the body is looked at as well: binary XML begins with an element's
    record and spells out a namespace (".NET Binary Format: XML Data Structure").
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind == "application/msbin1" or (body[:1] in _ELEMENTS and any(name in body[:512] for name in _NAMESPACES)):
        return Markup.BINARY
    if kind in ("application/xml", "text/xml") or body[:512].lstrip(_BEFORE_TEXT)[:1] == b"<":
        return Markup.TEXT
    return None


def _wrong_format(name: str) -> str:
    return (
        f"The message is {name}, which is not read. Set the service endpoint's message format (column messageformat of "
        "serviceendpoint) to 2, JSON."
    )


def _context(root: Mapping[str, object], truncated: bool) -> ExecutionContext:
    parameters = pairs(root.get("InputParameters"), "InputParameters")
    target = parameters.get("Target")
    table = _text(root, "PrimaryEntityName")
    return ExecutionContext(
        message=_text(root, "MessageName"),
        table=table,
        id=_row_id(root, target),
        operation_id=_guid(root.get("OperationId")),
        organization_id=_guid(root.get("OrganizationId")),
        in_transaction=root.get("IsInTransaction") is True,
        target=target.values if isinstance(target, Entity) else {},
        tag=_tag(root, table, _guid(root.get("PrimaryEntityId"))),
        truncated=truncated,
    )


def _row_id(root: Mapping[str, object], target: ContextValue) -> UUID:
    candidates = [_guid(root.get("PrimaryEntityId")), getattr(target, "id", None)]
    candidates.append(_guid(pairs(root.get("OutputParameters"), "OutputParameters").get("id")))
    for candidate in candidates:
        if isinstance(candidate, UUID) and candidate != NIL:
            return candidate
    raise Unreadable("it names no row (PrimaryEntityId is empty); register the step on a single-row message")


def _tag(root: Mapping[str, object], table: str, row: UUID | None) -> str | None:
    """The tag on this operation or on the outer ones about the same row; a tag on another row's write is not ours."""
    context: object = root
    while isinstance(context, Mapping):
        if context.get("PrimaryEntityName") == table and _guid(context.get("PrimaryEntityId")) == row:
            tag = pairs(context.get("SharedVariables"), "SharedVariables").get("tag")
            if isinstance(tag, str):
                return tag
        context = context.get("ParentContext")
    return None


def _text(root: Mapping[str, object], member: str) -> str:
    value = root.get(member)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"its member {member} is missing")
    return value


def _guid(value: object) -> UUID | None:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None
