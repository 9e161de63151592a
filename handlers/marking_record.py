"""What the record of a marking command holds: the selection it was resolved to, and what came of each row.

The shapes are read again by redeliveries, by ``audit list`` and by other programs; what older versions wrote stays
readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

from handlers import command_record
from mappings.backlog import Backlog, BacklogRow
from mappings.marking import Mark
from mappings.messages import Marking, MarkNotReady, MarkReady
from mappings.row import Row


@dataclass(frozen=True, slots=True)
class Selected:
    """A row in the version it was selected in, and what its status column held."""

    id: UUID
    version: str
    was: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of each row: done, so already, refused (and why), or changed by somebody else (and what is known).

    ``was`` holds the status of the rows that were done, where it was not empty; ``to`` is what it is now.
    """

    mark: Mark
    to: int | None
    done: tuple[UUID, ...] = ()
    already: tuple[UUID, ...] = ()
    refused: Mapping[UUID, str] = field(default_factory=dict)
    changed: Mapping[UUID, str] = field(default_factory=dict)
    was: Mapping[UUID, int] = field(default_factory=dict)

    def as_data(self) -> dict[str, object]:
        """As it is recorded and answered."""
        return {
            self.mark.done: [str(id) for id in self.done],
            "already": [str(id) for id in self.already],
            "refused": {str(id): why for id, why in self.refused.items()},
            "changed": {str(id): why for id, why in self.changed.items()},
            "from": {str(id): status for id, status in self.was.items()},
            "to": self.to,
        }


def outcome_in(data: Mapping[str, object]) -> Outcome:
    """An outcome as it was recorded, by this version or an older one."""
    told = cast(Mapping[str, Any], data)
    mark = Mark.NOT_READY if Mark.NOT_READY.done in told else Mark.READY
    return Outcome(
        mark,
        told.get("to"),
        tuple(UUID(id) for id in told.get(mark.done, ())),
        tuple(UUID(id) for id in told.get("already", ())),
        {UUID(id): why for id, why in told.get("refused", {}).items()},
        {UUID(id): why for id, why in told.get("changed", {}).items()},
        {UUID(id): status for id, status in told.get("from", {}).items()},
    )


def selection(
    command: Marking, chosen: Iterable[BacklogRow], already: Iterable[UUID], refused: Mapping[UUID, str]
) -> dict[str, object]:
    """What is written down before anything is changed."""
    asked: dict[str, object] = {"asked": digest(command), "command": str(command.command)}
    if command.contracts:
        asked["contracts"] = [str(id) for id in command.contracts]
    if command.where is not None:
        asked["where"] = command.where.model_dump(mode="json", exclude_defaults=True)
    return asked | {
        "rows": sorted([str(one.row.id), one.row.version, one.status] for one in chosen),
        "already": sorted(map(str, already)),
        "refused": {str(id): why for id, why in refused.items()},
    }


def selected(record: Row) -> list[Selected]:
    """The rows that were chosen."""
    return [Selected(UUID(id), version, was[0] if was else None) for id, version, *was in _held(record)["rows"]]


def set_aside(record: Row) -> tuple[tuple[UUID, ...], dict[UUID, str]]:
    """The rows that were so already, and those that were refused, before anything was changed."""
    held = _held(record)
    return tuple(UUID(id) for id in held.get("already", ())), {UUID(id): why for id, why in held["refused"].items()}


def asked(record: Row) -> str:
    """The digest of the command that was given."""
    return str(_held(record).get("asked", ""))


def command_of(record: Row) -> UUID | None:
    """The id of the command this record was written for; records of older versions do not tell."""
    told = _held(record).get("command")
    return None if told is None else UUID(told)


def command_in(record: Row, command: UUID) -> Marking | None:
    """The command this record was written for, to be carried on; ``None`` where that is no longer told."""
    kind, _, backlog = (record.text("psac_subject") or "").partition(" ")
    held = _held(record)
    given: dict[str, object] = {"contracts": held.get("contracts", ()), "where": held.get("where")}
    if not held.get("contracts") and held.get("where") is None:
        given["rows"] = sorted([*(id for id, *_ in held["rows"]), *held.get("already", ()), *held["refused"]])
    if kind not in list(Mark) or backlog not in list(Backlog):
        return None
    model = MarkReady if kind == Mark.READY else MarkNotReady
    told = {"command": command, "requested_by": record.text("psac_requestedby"), "backlog": backlog, "confirmed": True}
    found = model.model_validate(told | given)
    return found if digest(found) == asked(record) else None


def digest(command: Marking) -> str:
    """What is asked, in a formula that is frozen: records of older versions must keep matching their commands."""
    parts = [command.kind, command.backlog.value, *sorted(map(str, command.rows)), *sorted(map(str, command.contracts))]
    if command.where is not None:
        parts.append(f"where {command.where.model_dump_json(exclude_defaults=True)}")
    return sha256("|".join(parts).encode()).hexdigest()


def _held(record: Row) -> dict[str, Any]:
    return cast(dict[str, Any], command_record.selection_of(record))
