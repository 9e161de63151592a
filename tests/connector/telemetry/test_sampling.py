from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult

from connector.envelope import Envelope
from connector.settlement import Complete, Settlement
from connector.telemetry.exchanges import exchange
from connector.telemetry.processing import measured
from connector.telemetry.receiving import MeasuredInbox
from connector.telemetry.recording import recorded_by
from connector.telemetry.traces import Traces
from tests.connector.fakes import FakeInbox, FakeQueue, JumpingTime


class EveryOther(Sampler):
    """Leaves out the first trace that begins, takes the second, and so on."""

    def __init__(self) -> None:
        self.begun = 0

    def should_sample(
        self, parent_context: Context | None, trace_id: int, name: str, *_: Any, **__: Any
    ) -> SamplingResult:
        self.begun += 1
        return SamplingResult(Decision.RECORD_AND_SAMPLE if self.begun % 2 == 0 else Decision.DROP)

    def get_description(self) -> str:
        return "every other"


def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
    with exchange("GET", "https://org.example.com", "/x", writes=False):
        return [Complete("done") for _ in envelopes]


def test_a_batch_is_sampled_as_a_whole_its_requests_and_settlements_too() -> None:
    queue, traces = FakeQueue(JumpingTime()), Traces()
    queue.put("left out", "taken")
    inbox, work = MeasuredInbox(FakeInbox(queue), "events", traces), measured(process, "events", traces)

    async def batch() -> None:
        (received,) = await inbox.receive(1, 1)
        work([received.envelope])
        await inbox.complete(received)

    async def both() -> None:
        await batch()
        assert spans.get_finished_spans() == ()
        await batch()

    spans, sampler = InMemorySpanExporter(), EveryOther()
    tracers = TracerProvider(sampler=ParentBased(sampler), shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    with recorded_by(tracers, None):
        asyncio.run(both())
    tracers.shutdown()
    taken = spans.get_finished_spans()
    assert [span.name for span in taken] == ["receive events", "GET /x", "process events", "complete events"]
    assert len({span.context.trace_id for span in taken if span.context is not None}) == 1
    assert sampler.begun == 2
