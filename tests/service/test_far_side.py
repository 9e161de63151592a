"""Both clients of a process spend from one budget, which is its share of what the user is granted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses

from connector.auth import StaticToken
from connector.clock import utc_now
from connector.errors import Throttled
from service.far_side import FarSide, far_side
from service.settings import Settings

URL = "https://contoso.crm4.dynamics.com"


def settings(**sections: Any) -> Settings:
    """The least that is needed, and these."""
    needed: dict[str, Any] = {
        "dataverse": {"url": URL, "sign_in": "managed-identity"},
        "servicebus": {"namespace": "contoso.servicebus.windows.net"},
        "actuals": {"creator": "service", "start_from": "2026-01-01"},
        "business_time_zone": "Europe/Berlin",
    }
    for name, values in sections.items():
        needed[name] = needed.get(name, {}) | values
    return Settings.model_validate(needed)


@pytest.fixture
def far() -> Iterator[FarSide]:
    """The far side of a process."""
    side = far_side(settings(), StaticToken("t"))
    yield side
    side.dataverse.close()
    side.probe.close()


def test_when_dataverse_says_to_wait_neither_client_asks_and_no_worker_takes_a_batch(far: FarSide) -> None:
    far.budget.hold(utc_now() + timedelta(minutes=5))

    for ask in (far.dataverse.who_am_i, far.probe.who_am_i):
        with responses.RequestsMock(), pytest.raises(Throttled, match="own-budget"):
            ask()
    assert timedelta(minutes=4) < far.linger() <= timedelta(minutes=5)


def test_each_of_several_replicas_takes_its_share(far: FarSide) -> None:
    one_of_four = far_side(settings(workers={"replicas": 4}), StaticToken("t"))

    assert (far.budget.lanes.open, one_of_four.budget.lanes.open) == (52, 13)


@pytest.mark.parametrize(("servers", "cookies"), [("all", [None, None]), ("one", [None, "ARRAffinity=a"])])
def test_requests_are_spread_over_the_servers_unless_the_settings_keep_them_to_one(
    servers: str, cookies: list[str | None]
) -> None:
    side = far_side(settings(dataverse={"servers": servers}), StaticToken("t"))
    with responses.RequestsMock() as http:
        told = {"Set-Cookie": "ARRAffinity=a; Path=/; Domain=contoso.crm4.dynamics.com"}
        http.get(f"{URL}/api/data/v9.2/things", json={}, headers=told)
        for _ in range(2):
            side.dataverse.send("GET", "things")

        assert [call.request.headers.get("Cookie") for call in http.calls] == cookies
