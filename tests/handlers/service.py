"""The service as the tests of whole batches see it: envelopes in, settlements out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from connector.envelope import Envelope
from connector.errors import Transient
from connector.recoverability import Policy
from connector.settlement import Settlement
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint
from handlers.invoicing import InvoicingHandler
from handlers.parsing import parse_command, parse_event
from handlers.pipeline import Pipeline
from handlers.readiness import ReadinessHandler
from mappings.tables import Ref
from tests.handlers.envelopes import NOW, ORGANIZATION, OWN_TAG, context, envelope
from tests.handlers.world import GO_LIVE, ZONE, World

POLICY = Policy(immediate=2, jitter=0.0, pause_after=3)
BUSY = Transient("busy", "Try later.")


class Service:
    """Both queues' pipelines on one world, with a clock that stands still."""

    def __init__(self, world: World) -> None:
        self.world = world
        mission = Mission(
            ActualsHandler(GO_LIVE, ZONE),
            ReadinessHandler(ZONE),
            InvoicingHandler(lambda: world.dataverse.rows.now, ZONE),
        )
        build = partial(Pipeline, dataverse=world.dataverse, mission=mission, policy=POLICY, now=lambda: NOW)
        fixed_point = FixedPoint(world.dataverse)
        self.events = build(parse=lambda one: parse_event(one, ORGANIZATION, OWN_TAG), fixed_point=fixed_point)
        self.commands = build(parse=parse_command, fixed_point=fixed_point)

    def about(self, *refs: Ref, **values: Any) -> list[Settlement]:
        """One event per row, in one batch."""
        return self.events.process([event(ref, **values) for ref in refs])


def event(ref: Ref, in_transaction: bool = False, **values: Any) -> Envelope:
    """An event about a row."""
    return envelope(context(ref.table, ref.id, IsInTransaction=in_transaction), **values)


def ends(settlements: Sequence[Settlement]) -> list[type]:
    """The kinds of endings."""
    return [type(one) for one in settlements]
