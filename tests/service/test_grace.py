"""The grace: minutes that the product gets before anything is verified, or written."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.not_configured import NotConfigured
from service.settings_sources import load


def test_a_product_that_creates_is_given_time_to_do_so(all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_ACTUALS__GRACE", "0")
    assert load().actuals.patience == timedelta()
    all_set.setenv("PSA_CONNECTOR_ACTUALS__CREATOR", "product")
    with pytest.raises(NotConfigured) as caught:
        load(None)
    (fault,) = caught.value.faults
    assert fault.startswith(
        "PSA_CONNECTOR_ACTUALS__GRACE is no time at all for the product to create what is then verified; it reads '0'. "
        "Expected: minutes the product gets"
    )
    all_set.setenv("PSA_CONNECTOR_ACTUALS__GRACE", "1")
    assert load().actuals.patience == timedelta(minutes=1)
    all_set.delenv("PSA_CONNECTOR_ACTUALS__GRACE")
    assert load().actuals.patience == timedelta(minutes=15)
