"""How long what is at work has to end, once the service is asked to stop."""

from __future__ import annotations

import pytest

from connector.pace import Pace
from service.app import compose
from service.settings import WorkerSettings
from service.settings_sources import load


def test_it_is_what_is_set_for_messages_and_for_the_daily_sweep(all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_WORKERS__DRAIN", "150")
    all_set.setenv("PSA_CONNECTOR_DUE__AT", "06:00")
    app = compose(load())
    app.close()
    assert [worker._pace.drain for worker in app.workers] == [150, 150]
    sweep = app.sweep()
    assert sweep is not None
    assert sweep.drain == 150


def test_left_out_it_is_what_most_platforms_allow() -> None:
    assert WorkerSettings().drain == Pace().drain == 20
