"""An envelope becomes a message, or is refused at once: a body that can't be read is never guessed at."""

from __future__ import annotations

from codecs import BOM_UTF8
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from connector.dataverse.execution_context import MAX_SIZE, markup, read_context
from connector.envelope import Envelope
from connector.replays import is_replay
from handlers.faults_in_words import in_words
from handlers.fixed_point import AgainstTheRules
from mappings import tables
from mappings.messages import AnyCommand, Command, EntryChanged, LookAtEntry, LookAtRun
from mappings.tables import Ref

_COMMAND: TypeAdapter[AnyCommand] = TypeAdapter(Command)
LOOK = b'"look-at-entry"'
LOOK_AT_RUN = b'"look-at-run"'
_ENTRY_TABLES = (tables.TIME_ENTRY, tables.EXPENSE, tables.APPROVAL)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is none of our business, and why; ``organization``: the other one that it comes from."""

    because: str
    organization: str | None = None


def parse_event(envelope: Envelope, organization: UUID | None, own_tag: str) -> EntryChanged | Ignored:
    """What Dataverse announced. Raises ``Rejected`` when the body can't be read.

    ``organization``: the only one whose events are acted on; ``None`` accepts any. ``own_tag``: the mark on our own
    writes, whose echo says nothing new.
    """
    if (asked := _asked(envelope)) is not None:
        return EntryChanged(table=asked.table, id=asked.id)
    context = read_context(envelope)
    if organization is not None and context.organization_id != organization:
        foreign = str(context.organization_id or "without a name")
        return Ignored(f"It comes from organization {context.organization_id}, not from {organization}.", foreign)
    if context.tag == own_tag:
        return Ignored("It is the echo of a write of our own.")
    if context.table == tables.MATERIAL:
        raise material(Ref(context.table, context.id))
    if context.table not in _ENTRY_TABLES:
        return Ignored(f"It is about {context.table}, which decides about no entry.")
    return EntryChanged.model_validate(
        {"table": context.table, "id": context.id, "may_roll_back": context.in_transaction}
    )


def asks_afresh(envelope: Envelope) -> bool:
    """Whether it has been tried or sent before, or somebody asks for a look: what is to be seen may be put right."""
    tried = envelope.attempt > 0 or envelope.delivery_count > 0
    return tried or is_replay(envelope) or _asked(envelope) is not None


def material(row: Ref) -> AgainstTheRules:
    """The refusal of what is neither time nor expense."""
    return AgainstTheRules(
        "material",
        f"{row} is about material, or whatever else is neither time nor an expense. This version makes no actuals of "
        "it; use an entry journal.",
    )


def _asked(envelope: Envelope) -> LookAtEntry | None:
    """A message of our own among the events; anything else is Dataverse's."""
    if LOOK not in envelope.body[:MAX_SIZE]:
        return None
    try:
        return LookAtEntry.model_validate_json(envelope.body)
    except ValidationError:
        return None


def parse_command(envelope: Envelope) -> AnyCommand | LookAtRun:
    """What somebody commands. Raises ``Rejected`` saying of each member what is wrong with it."""
    if LOOK_AT_RUN in envelope.body:
        with suppress(ValidationError):
            return LookAtRun.model_validate_json(envelope.body)
    form = markup(envelope.body, envelope.content_type)
    if form is not None:
        raise AgainstTheRules(
            "unreadable-command",
            f"The command is {form.value}: a .NET sender serialized an object. Send the JSON itself, as UTF-8 bytes.",
        )
    if len(envelope.body) > MAX_SIZE:
        raise AgainstTheRules(
            "unreadable-too-large", f"The command has {len(envelope.body)} bytes; more than {MAX_SIZE} are not read."
        )
    try:
        # Some writers of JSON on Windows begin with a byte order mark.
        return _COMMAND.validate_json(envelope.body.removeprefix(BOM_UTF8))
    except ValidationError as error:
        raise AgainstTheRules("unreadable-command", f"The command can't be read: {in_words(error)}") from error
