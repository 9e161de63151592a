"""What the service tells: what it wrote once it is written, and what it leaves alone although it does not agree."""

from __future__ import annotations

import logging
from decimal import Decimal
from uuid import UUID

import pytest

from connector.envelope import Envelope
from connector.errors import Conflict
from connector.settlement import DeadLetter
from handlers.marking_record import digest
from mappings.backlog import Backlog
from mappings.messages import MarkReady
from tests.handlers.envelopes import NOW
from tests.handlers.fake_dataverse import touches
from tests.handlers.judging import write
from tests.handlers.service import Service, ends
from tests.handlers.world import COST, UNBILLED, World


def test_rows_of_others_are_reported_with_what_differs_in_quantity(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    entry = world.approved()
    foreign = write(world, entry, COST)
    write(world, entry, UNBILLED, msdyn_quantity=Decimal(10))
    because = world.settled(entry).because
    assert str(foreign.id) in because
    assert "sales quantity 10.00 instead of 8.00" in because
    assert "cost" not in because
    assert because in caplog.text


def test_rows_of_others_that_agree_are_said_to_agree(world: World) -> None:
    entry = world.approved()
    write(world, entry, COST)
    write(world, entry, UNBILLED)
    assert "no quantity differs" in world.settled(entry).because


def test_only_what_was_really_written_is_logged_as_written(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    entry = world.approved()
    world.dataverse.fail(Conflict("row-exists", "Somebody was faster."), touches("msdyn_actual"))
    world.settled(entry)
    assert caplog.text.count("Approved: cost 1, unbilled sales 1, generation 0.") == 1


def test_bodies_in_a_format_nobody_can_read_go_aside_however_many_and_never_hold_the_queue(service: Service) -> None:
    """Once the service endpoint is set to JSON, what was posted before is still XML: nobody will ever read it."""
    envelopes = [Envelope(f"m-{number}", b"<xml/>", "application/xml", enqueued_at=NOW) for number in range(4)]
    assert ends(service.events.process(envelopes)) == [DeadLetter] * 4


def test_commands_nobody_can_read_are_their_senders_fault_however_many(service: Service) -> None:
    envelopes = [Envelope(f"m-{number}", b"{}", "application/json", enqueued_at=NOW) for number in range(9)]
    assert ends(service.commands.process(envelopes)) == [DeadLetter] * 9


def test_what_a_command_asks_is_digested_by_a_frozen_formula() -> None:
    """Commands recorded by an older version wait in the queue during an upgrade: their records must still match."""
    rows = (UUID(int=2), UUID(int=1))
    command = MarkReady(command=UUID(int=9), requested_by="ada", backlog=Backlog.PRODUCTS, rows=rows)
    turned = command.model_copy(update={"rows": rows[::-1], "requested_by": "ben"})
    assert digest(command) == digest(turned) == "339b9f7dcc98125bac8f34e7e2609afcff18e1df8274a5c49763a585ec9e197e"
