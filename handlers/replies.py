"""Answers commands: how a command's message ends is told to the queue it names, before the message itself is ended.

The answer's id follows from the message, so that duplicate detection drops one that is given twice. An answer that
can't be sent keeps the message: obeyed or not, the command is then delivered again, and answered from its record.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import ValidationError

from connector.envelope import Envelope
from connector.inbox import Outgoing
from connector.settlement import Complete, DeadLetter, Settlement
from handlers.fixed_point import AgainstTheRules
from mappings.messages import MOST_CORRELATION, AnyCommand
from mappings.replies import CONTENT_TYPE, DONE, MOST_BYTES, REFUSED, Answer, Reply, Why, in_short, reply_id

Send = Callable[[str, Sequence[Outgoing]], None]
"""Sends messages to a queue. Raises ``ConnectorError``."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A message, what it commanded if it could be read, how it is to end, and what was brought.

    ``news``: parts of it that came to their end, where the message itself has not come to its own.
    """

    envelope: Envelope
    command: AnyCommand | None
    settlement: Settlement
    outcome: Mapping[str, object]
    news: Sequence[Mapping[str, object]] = ()


class Teller(Protocol):
    """Whoever has to tell of messages that are at their end, before they are ended."""

    def answer(self, ended: Sequence[Ended]) -> None:
        """Tell of them; what comes again is told again, under the same ids. Raises ``ConnectorError``."""
        ...


@dataclass(frozen=True, slots=True)
class Replies:
    """``allowed``: the queues a message may name; ``otherwise``: the queue of messages that name none."""

    send: Send
    now: Callable[[], datetime]
    allowed: frozenset[str] = frozenset()
    otherwise: str | None = None

    def check(self, envelope: Envelope) -> None:
        """Raise ``Rejected`` when the message wants its answer where none may be sent."""
        if envelope.reply_to and envelope.reply_to not in self._known:
            raise AgainstTheRules(
                "unknown-reply-queue",
                "The message asks to be answered on a queue that is not among those of the setting "
                "`servicebus.reply_queues`.",
            )

    def answer(self, ended: Sequence[Ended]) -> None:
        """Answer what is at its end; what comes again is answered then. Raises ``ConnectorError``."""
        by_queue: defaultdict[str, list[Outgoing]] = defaultdict(list)
        for one in ended:
            queue = one.envelope.reply_to or self.otherwise
            if queue in self._known and (message := self._message(one)) is not None:
                by_queue[queue].append(message)
        for queue, messages in by_queue.items():
            self.send(queue, messages)

    @property
    def _known(self) -> frozenset[str]:
        return self.allowed | ({self.otherwise} if self.otherwise else frozenset())

    def _message(self, ended: Ended) -> Outgoing | None:
        envelope, command = ended.envelope, ended.command
        if command is None:
            told = _claimed(envelope.body)
        else:
            told = {name: getattr(command, name) for name in ("command", "kind", "requested_by", "correlation")}
        match ended.settlement:
            case Complete():
                type, answer = DONE, Answer.model_validate({**told, "outcome": dict(ended.outcome)})
            case DeadLetter(code, sentence):
                type, answer = REFUSED, Answer.model_validate({**told, "refused": Why(code=code, sentence=sentence)})
            case _:
                return None
        id = reply_id(envelope.lineage or envelope.message_id, type)
        subject = None if answer.command is None else str(answer.command)
        event = {"id": id, "type": type, "subject": subject, "time": self.now(), "data": answer}
        body = _body(event)
        if len(body) > MOST_BYTES and answer.outcome is not None:
            body = _body(event | {"data": answer.model_copy(update={"outcome": in_short(answer.outcome)})})
        correlation = answer.correlation or envelope.correlation_id
        return Outgoing(body, str(id), CONTENT_TYPE, correlation or envelope.lineage or envelope.message_id)


def _body(event: Mapping[str, object]) -> bytes:
    return Reply.model_validate(event).model_dump_json(exclude_none=True).encode()


def _claimed(body: bytes) -> dict[str, object]:
    """What a command that can't be read says of itself, as far as that can: who waits for its answer goes by it."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    told: dict[str, object] = {}
    for name in ("command", "correlation"):
        value = given.get(name) if isinstance(given, dict) else None
        try:
            if isinstance(value, str) and 0 < len(value) <= MOST_CORRELATION:
                told |= Answer.model_validate({name: value}).model_dump(include={name})
        except ValidationError:
            continue
    return told
