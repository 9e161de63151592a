"""When the daily sweep is: off unless a time of day is named, and a clear word for what is none."""

from __future__ import annotations

from datetime import time

import pytest

from service.app import compose
from service.not_configured import NotConfigured
from service.settings_sources import load


def test_without_a_time_the_service_never_invoices_by_itself(all_set: pytest.MonkeyPatch) -> None:
    app = compose(load(None))
    assert app.sweep() is None
    app.close()
    all_set.setenv("PSA_CONNECTOR_DUE__AT", "06:00")
    all_set.setenv("PSA_CONNECTOR_DUE__ABOVE_CEILING", "invoice")
    all_set.setenv("PSA_CONNECTOR_INVOICES__CONCURRENCY", "3")
    app = compose(load(None))
    sweep = app.sweep()
    app.close()
    assert [mission.due.at_once for mission in (app.mission, *(one.mission for one in app.pipelines))] == [3, 3, 3]
    assert sweep is not None
    assert (sweep.at, sweep.zone.key, sweep.confirmed) == (time(6), "Europe/Berlin", True)


@pytest.mark.parametrize("given", ["six", "06:00:30", "06:00+02:00", "25:00", "06:00Z"])
def test_what_is_no_time_of_day_is_named(all_set: pytest.MonkeyPatch, given: str) -> None:
    all_set.setenv("PSA_CONNECTOR_DUE__AT", given)
    with pytest.raises(NotConfigured) as told:
        load(None)
    (fault,) = told.value.faults
    assert fault.startswith("PSA_CONNECTOR_DUE__AT is no time of day such as 06:00")
    assert given in fault
