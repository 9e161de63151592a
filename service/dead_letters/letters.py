"""A dead letter as a person sees it: which message it is, what it is about, and whether it is one of ours at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from connector.dataverse.execution_context import read_context
from connector.dead_letter_queue import PutAside
from connector.envelope import Envelope
from connector.errors import Rejected
from connector.replays import first_came
from handlers.parsing import Ignored, parse_command
from mappings import tables
from mappings.messages import CreateDueInvoices, CreateInvoices, CreateManyInvoices, EntryChanged, LookAtRun, Message
from mappings.tables import Ref

Parse = Callable[[Envelope], Message | Ignored]

FOREIGN, NOBODYS, UNREADABLE = "foreign", "nobody's", "unreadable"
_LEADING = (tables.TIME_ENTRY, tables.EXPENSE, tables.APPROVAL)


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter.

    ``message``: what it says, where it can be read and is ours. ``kind``: the word for it: the table that changed, the
    command, or why it is neither. ``row``: the row an event is about. ``because``: why it is nobody's concern, or can't
    be read. ``is_command``: it was put into the queue of commands, whether it can be read as one or not.
    """

    queue: str
    put_aside: PutAside
    kind: str
    message: Message | None = None
    row: Ref | None = None
    because: str = ""
    is_command: bool = False

    @property
    def name(self) -> str:
        """What it is called in commands."""
        return f"{self.queue}/{self.put_aside.sequence}"

    @property
    def code(self) -> str:
        """Under which it was put aside."""
        return printable(self.put_aside.code) or "none"

    @property
    def sentence(self) -> str:
        """Why it was put aside; else why it can't be read, or is nobody's."""
        return printable(self.put_aside.sentence or self.because)

    @property
    def first_came(self) -> datetime | None:
        """When the message came for the first time; aware."""
        return first_came(self.put_aside.envelope)

    @property
    def own_row(self) -> Ref | None:
        """The row, if it is one of this environment: the copy of an environment has the same ids."""
        return None if self.kind == FOREIGN else self.row

    @property
    def leads_to(self) -> Ref | None:
        """The entry or approval of this environment that it is about."""
        row = self.own_row
        return row if row is not None and row.table in _LEADING else None

    @property
    def requested_by(self) -> str:
        """Who asked, by a command."""
        return "" if self.message is None else printable(str(getattr(self.message, "requested_by", "")))

    @property
    def command(self) -> UUID | None:
        """The id of the command."""
        return getattr(self.message, "command", None)

    @property
    def contracts(self) -> tuple[UUID, ...]:
        """The contracts that a command names."""
        match self.message:
            case CreateInvoices(contract=contract):
                return (contract,)
            case CreateManyInvoices(contracts=named) | CreateDueInvoices(contracts=named):
                return named
            case None | EntryChanged() | LookAtRun():
                return ()
            case marking:
                return marking.selection.where.contracts if marking.selection.where is not None else ()


def letter_of(put_aside: PutAside, queue: str, parse: Parse) -> Letter:
    """It, read as the service reads the queue's messages."""
    envelope = put_aside.envelope
    is_command = parse is parse_command
    row = _row(envelope)
    try:
        message = parse(envelope)
    except Rejected as refused:
        kind = UNREADABLE if row is None else printable(row.table)
        return Letter(queue, put_aside, kind, None, row, refused.sentence, is_command)
    if isinstance(message, Ignored):
        kind = NOBODYS if message.organization is None else FOREIGN
        return Letter(queue, put_aside, kind, None, row, message.because, is_command)
    if isinstance(message, EntryChanged):
        return Letter(queue, put_aside, message.table, message, Ref(message.table, message.id))
    return Letter(queue, put_aside, message.kind, message, is_command=is_command)


def printable(text: str) -> str:
    """What anybody wrote, without what a terminal would take for an instruction."""
    return "".join(one if one.isprintable() else " " for one in text)


def _row(envelope: Envelope) -> Ref | None:
    """The row that an event of Dataverse names, whoever's it is."""
    with suppress(Rejected):
        context = read_context(envelope)
        return Ref(context.table, context.id)
    return None
