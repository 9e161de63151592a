"""How many rows come at once, and what is told of how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    for number in range(5):
        api.create("accounts", {"name": f"A{number}"})


def test_a_page_size_goes_before_top_which_is_then_left_aside(api: Api) -> None:
    both = api.get("accounts?$select=name&$top=1", Prefer="odata.maxpagesize=2")
    assert (len(both["value"]), "@odata.nextLink" in both) == (2, True)
    alone = api.get("accounts?$select=name&$top=1")
    assert (len(alone["value"]), "@odata.nextLink" in alone) == (1, False)


def test_whether_there_are_more_than_can_be_counted_is_told_when_asked_for(api: Api) -> None:
    wanted = 'odata.include-annotations="Microsoft.Dynamics.CRM.*"'
    answer = api("GET", "accounts?$select=name&$count=true&$top=1", Prefer=wanted)
    assert answer.headers["Preference-Applied"] == wanted
    total, exceeded = (
        "@Microsoft.Dynamics.CRM.totalrecordcount",
        "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded",
    )
    told = answer.json()
    assert (told["@odata.count"], told[total], told[exceeded]) == (5, 5, False)
    uncounted = api.get("accounts?$select=name", Prefer=wanted)
    assert (uncounted[total], uncounted[exceeded], "@odata.count" in uncounted) == (-1, False, False)
