"""What is answered to whoever gave a command: a CloudEvents 1.0 message in its JSON form.

The envelope is that of the CloudEvents specification; ``data`` is ours, and its ``version`` is raised when a reader of
the one before could misunderstand it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
SOURCE = "psa-connector"
DONE, REFUSED = "psa-connector.command.done", "psa-connector.command.refused"
MOST_BYTES = 192 * 1024
"""Of a reply: a Service Bus of the tier Standard takes 256 KB, properties included."""
FEW = 25
"""Rows of one outcome that a shortened reply still names."""
_REPLIES = UUID("c1c9a1de-57c5-4b0e-9d0a-3a2b5e6f7a10")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Why(_Part):
    """Why a command is not obeyed."""

    code: str = Field(description="stable, to be told apart by a program")
    sentence: str = Field(description="for a person")


class Answer(_Part):
    """What came of a command: its outcome, or why it was refused."""

    version: Literal[1] = 1
    command: UUID | None = Field(default=None, description="the command's id; none where it could not be read")
    kind: str | None = Field(default=None, description="what was commanded")
    requested_by: str | None = None
    correlation: str | None = Field(default=None, description="as the command gave it")
    outcome: dict[str, object] | None = Field(
        default=None,
        description="as it stands in the command's record; where that is too large for a message, `shortened` is true "
        "and `counts` tells how many there are of what is left out",
    )
    refused: Why | None = None


class Reply(_Part):
    """The whole message."""

    specversion: Literal["1.0"] = "1.0"
    id: UUID = Field(description="the same for every delivery of the message that is answered")
    source: Literal["psa-connector"] = "psa-connector"
    type: Literal["psa-connector.command.done", "psa-connector.command.refused"]
    subject: str | None = Field(default=None, description="the command's id")
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    data: Answer


def in_short(outcome: Mapping[str, object]) -> dict[str, object]:
    """An outcome too large for a queue: of what is many, how many; the record has them all."""
    many = {name: len(value) for name, value in outcome.items() if isinstance(value, list | dict) and len(value) > FEW}
    return {name: value for name, value in outcome.items() if name not in many} | {"shortened": True, "counts": many}


def reply_id(lineage: str, type: str) -> UUID:
    """The id of the answer to a message: derived, so that an answer given twice is one."""
    return uuid5(_REPLIES, f"{lineage}/{type}")
