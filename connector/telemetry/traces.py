"""Which trace a message belongs to: that of its batch here, and that of who sent it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from connector.envelope import Envelope
from connector.telemetry.instruments import MESSAGE_ID

PARENT, STATE, OLDER_PARENT = "traceparent", "tracestate", "Diagnostic-Id"
"""Application properties in which a sender names its trace: W3C's, and what Azure's older SDKs call it."""

_propagator = TraceContextTextMapPropagator()


class Traces:
    """The traces of the messages of one queue that are at work. Safe between threads; ids are of messages."""

    def __init__(self) -> None:
        self._contexts: dict[str, Context] = {}

    def begin(self, ids: Iterable[str], received: Span) -> None:
        """These messages were received in this span; what becomes of them belongs to its trace."""
        if received.get_span_context().is_valid:
            context = trace.set_span_in_context(received, Context())
            self._contexts.update(dict.fromkeys(ids, context))

    def of(self, ids: Iterable[str]) -> Context:
        """The trace of the first of these that has one; else a new one is begun by whoever uses it."""
        return next((self._contexts[id] for id in ids if id in self._contexts), Context())

    def forget(self, ids: Iterable[str]) -> None:
        """These are at work no more."""
        for id in ids:
            self._contexts.pop(id, None)


def link_to_senders(span: Span, envelopes: Sequence[Envelope]) -> None:
    """Link a span to the traces of who sent these messages, where they named one."""
    if span.is_recording():
        for envelope in envelopes:
            for sender in _sender(envelope):
                span.add_link(sender, {MESSAGE_ID: envelope.message_id})


def _sender(envelope: Envelope) -> Iterator[SpanContext]:
    parent = envelope.properties.get(PARENT) or envelope.properties.get(OLDER_PARENT)
    if isinstance(parent, str):
        state = envelope.properties.get(STATE)
        carrier = {PARENT: parent, STATE: state} if isinstance(state, str) else {PARENT: parent}
        told = trace.get_current_span(_propagator.extract(carrier, context=Context())).get_span_context()
        if told.is_valid:
            yield told
