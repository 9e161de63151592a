"""Organizational units with a time zone of their own are looked for before anything is decided by them."""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from sandbox.company import company
from sandbox.world import Sandbox
from service.local_world import sandbox_settings, signed_in
from service.not_configured import NotConfigured
from service.profiles import profile_of

NOBODY = UUID(int=7)


def test_a_unit_that_is_not_there_keeps_the_service_from_starting_and_is_named() -> None:
    zones = {company().organizational_unit: ZoneInfo("Asia/Tokyo"), NOBODY: ZoneInfo("Europe/Berlin")}
    with Sandbox() as sandbox, signed_in(sandbox, "service") as client:
        settings = sandbox_settings(sandbox).model_copy(update={"unit_time_zones": zones})
        with pytest.raises(NotConfigured) as raised:
            profile_of(client, settings)
    assert raised.value.faults == [
        f"PSA_CONNECTOR_UNIT_TIME_ZONES names organizational unit {NOBODY}, which is not in this environment, or not "
        "shared with this service; correct or remove it.",
    ]
