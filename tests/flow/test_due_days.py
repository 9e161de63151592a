"""On which day a run is due, and where its cut-off lies: far from Greenwich, and when the clocks change."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

import pytest

from handlers.fixed_point import Settled
from sandbox.dataverse.product.business_dates import Zone
from service.registration import register_command_table
from tests.flow.due_world import NOT_RUN, SUCCESSFUL, DueWorld, still


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        (Zone.AUCKLAND, date(2021, 1, 15)),  # UTC+13
        (Zone.HONOLULU, date(2021, 1, 15)),  # UTC-10
        (Zone.NEW_YORK, date(2021, 3, 14)),  # 23 hours
        (Zone.NEW_YORK, date(2021, 11, 7)),  # 25 hours
        (Zone.LONDON, date(2021, 3, 28)),
        (Zone.AUCKLAND, date(2021, 4, 4)),
    ],
)
def test_a_run_is_due_from_the_first_minute_of_its_day_with_its_cut_off_the_day_before(zone: Zone, day: date) -> None:
    with still(day - timedelta(days=1), time(23, 59), zone) as sandbox:
        world = DueWorld(sandbox)
        register_command_table(world.signed_in("administrator"))
        row = world.scheduled(world.time_line, day)
        world.ready(100, day - timedelta(days=1))
        world.ready(200, day)
        assert isinstance(world.sweep(), Settled)
        assert (world.row(row), world.invoices()) == ((NOT_RUN, False), [])
        world.wait(2 / 1440)
        outcome = world.sweep()
        assert isinstance(outcome, Settled)
        assert outcome.outcome["until"] == day.isoformat()
        assert (world.row(row), world.invoices()) == ((SUCCESSFUL, True), [(Decimal(100), 1)])
