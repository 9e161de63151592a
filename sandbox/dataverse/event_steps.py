"""The registered steps that post to a service bus, and which committed writes they speak of."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from sandbox.dataverse.execution_context import Image
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link, Row, Written
from sandbox.dataverse.write_only import value_of

REGISTRATION_TABLES: Final = frozenset({"sdkmessageprocessingstep", "sdkmessageprocessingstepimage", "serviceendpoint"})
_POST_OPERATION, _ENABLED, _JSON, _SAS_KEY = 40, 0, 2, 2
_ASYNCHRONOUS: Final = 1
_QUEUE, _TOPIC, _PERSISTENT_QUEUE = 2, 5, 6
_BEFORE, _AFTER, _BOTH = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where posts go: connection string and entity. ``refusal`` says why this endpoint cannot be served, if so."""

    connection: str
    path: str
    topic: bool
    user_claims: bool
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One enabled step on the post-operation stage whose handler is a service endpoint."""

    id: UUID
    name: str
    mode: int
    auto_delete: bool
    message: str
    table: str | None
    filtering: frozenset[str]
    endpoint: Endpoint
    images: tuple[Image, ...]

    @property
    def asynchronous(self) -> bool:
        """Whether a system job posts for it; otherwise the operation itself does."""
        return self.mode == _ASYNCHRONOUS

    def hears(self, write: Written) -> bool:
        """Whether the write is of this step's message and table, and touches a column it filters on."""
        if write.message != self.message or self.table not in (None, write.table):
            return False
        return write.message != "Update" or not self.filtering or bool(self.filtering & write.changed)


def registered(work: Transaction) -> list[Step]:
    """All such steps, in order of rank and then of registration."""
    rows = work.find("sdkmessageprocessingstep", stage=_POST_OPERATION)
    enabled = [row for row in rows if row.get("statecode") in (None, _ENABLED)]
    steps = [_step(work, row) for row in sorted(enabled, key=lambda row: _number(row, "rank"))]
    return [step for step in steps if step is not None]


def _step(work: Transaction, row: Row) -> Step | None:
    """The step, unless it names no message or is not handled by a service endpoint: then it hears nothing."""
    id = row["sdkmessageprocessingstepid"]
    message, filter, handler = row.get("sdkmessageid"), row.get("sdkmessagefilterid"), _handler(row)
    message_row = work.get("sdkmessage", message.id) if isinstance(message, Link) else None
    filter_row = work.get("sdkmessagefilter", filter.id) if isinstance(filter, Link) else None
    endpoint_row = work.get("serviceendpoint", handler.id) if handler is not None else None
    if not isinstance(id, UUID) or handler is None or message_row is None or endpoint_row is None:
        return None
    images = work.find("sdkmessageprocessingstepimage", sdkmessageprocessingstepid=Link("sdkmessageprocessingstep", id))
    return Step(
        id=id,
        name=_text(row, "name"),
        mode=_number(row, "mode"),
        auto_delete=row.get("asyncautodelete") is True,
        message=_text(message_row, "name"),
        table=None if filter_row is None else _text(filter_row, "primaryobjecttypecode"),
        filtering=_columns(row, "filteringattributes"),
        endpoint=_endpoint(endpoint_row | {"saskey": value_of(work.store, handler.id, "saskey")}),
        images=tuple(_image(image) for image in images),
    )


def _image(row: Row) -> Image:
    kind = _number(row, "imagetype")
    alias = _text(row, "entityalias") or _text(row, "name")
    return Image(alias, kind in (_BEFORE, _BOTH), kind in (_AFTER, _BOTH), _columns(row, "attributes") or None)


def _endpoint(row: Row) -> Endpoint:
    address = _text(row, "namespaceaddress")
    parts = [
        f"Endpoint={address}",
        f"SharedAccessKeyName={_text(row, 'saskeyname')}",
        f"SharedAccessKey={_text(row, 'saskey')}",
    ]
    if _is_local(address):
        parts.append("UseDevelopmentEmulator=true")
    topic = row.get("contract") == _TOPIC
    return Endpoint(";".join(parts), _text(row, "path"), topic, row.get("userclaim") != 1, _refusal(row))


def _refusal(row: Row) -> str | None:
    """Why the sandbox does not post to an endpoint like this; ``None`` when it does."""
    if row.get("contract") not in (_QUEUE, _TOPIC, _PERSISTENT_QUEUE):
        return f"Endpoint contract {row.get('contract')} isn't supported here; use a queue (6) or a topic (5)."
    if row.get("messageformat") != _JSON:
        return f"Message format {row.get('messageformat')} isn't supported here; use JSON (2)."
    if row.get("authtype") != _SAS_KEY:
        return f"Authentication type {row.get('authtype')} isn't supported here; use a SAS key (2)."
    for column in ("namespaceaddress", "path", "saskeyname", "saskey"):
        if not _text(row, column):
            return f"The service endpoint names no {column}."
    if not _host(_text(row, "namespaceaddress")):
        return (
            f"The service endpoint's namespaceaddress {_text(row, 'namespaceaddress')!r} is no address; use sb://host/."
        )
    return None


def _host(address: str) -> str:
    """The host of an address; empty when it is no address at all."""
    try:
        parts = urlsplit(address)
        return parts.hostname or "" if ";" not in address and parts.port != 0 else ""
    except ValueError:
        return ""


def _is_local(address: str) -> bool:
    host = _host(address)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _handler(row: Row) -> Link | None:
    handler = row.get("eventhandler")
    return handler if isinstance(handler, Link) and handler.table == "serviceendpoint" else None


def _columns(row: Row, name: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in _text(row, name).split(",") if part.strip())


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _number(row: Row, name: str) -> int:
    value = row.get(name)
    return value if isinstance(value, int) else 0
