"""Every switch there is, moved over HTTP alone, as another process does it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from datetime import timedelta
from enum import Enum
from typing import Any
from uuid import uuid4

import pytest

import sandbox as package
from sandbox.dataverse.limits.costs import CostModel
from sandbox.world import Sandbox
from tests.sandbox.other_process import OtherProcess


def another(value: Any) -> Any:
    """Another value of the same switch, as JSON."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, timedelta):
        return value.total_seconds() + 1.5
    if isinstance(value, Enum):
        return next(one.value for one in type(value) if one is not value)
    if isinstance(value, CostModel):
        return "plug-in heavy" if value.name == "thin" else "thin"
    assert isinstance(value, dict), f"{value!r} is of a kind that cannot be moved from another process"
    return {str(uuid4()): "It fails."}


def board(sandbox: Sandbox) -> dict[str, Any]:
    """The switches by section, as objects; those of the platform itself are in no section."""
    return {
        "": sandbox.web.switches,
        "protection": sandbox.web.switches.protection,
        "product": sandbox.switches,
        "dates": sandbox.web.organisation.store.dates,
        "queries": sandbox.web.organisation.store.catalog.queries,
    }


def test_every_switch_is_shown_and_moved_from_another_process(sandbox: Sandbox, other: OtherProcess) -> None:
    moved = 0
    for section, switches in board(sandbox).items():
        for field in dataclasses.fields(switches):
            value = getattr(switches, field.name)
            if dataclasses.is_dataclass(value) and not isinstance(value, CostModel):
                continue
            wanted = {field.name: another(value)}
            answer = other("PATCH", "sandbox/switches", {section: wanted} if section else wanted)
            assert answer.status_code == 200, answer.text
            shown = other("GET", "sandbox/switches").json()
            assert (shown[section] if section else shown)[field.name] == wanted[field.name]
            assert getattr(switches, field.name) != value
            moved += 1
    assert moved >= 25
    locks = {"enabled": True, "timeout": 3, "holds": {"msdyn_actual": 0.2}}
    wanted = {"row_locks": locks, "bulk_tables": {"salesorder": True, "account": False}}
    shown = other("PATCH", "sandbox/switches", wanted).json()
    assert shown["row_locks"] == locks
    assert sandbox.row_locks.holds == {"msdyn_actual": timedelta(seconds=0.2)}
    assert (shown["bulk_tables"]["salesorder"], shown["bulk_tables"]["account"]) == (True, False)
    rows = {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "A"}]}
    assert other("POST", "accounts/Microsoft.Dynamics.CRM.CreateMultiple", rows).status_code == 404
    other("PATCH", "sandbox/switches", {"bulk_tables": {"account": True}})
    assert other("POST", "accounts/Microsoft.Dynamics.CRM.CreateMultiple", rows).status_code == 200


def test_no_switch_there_is_has_been_left_out(sandbox: Sandbox) -> None:
    found: set[type] = set()
    for module in pkgutil.walk_packages(package.__path__, "sandbox."):
        for name, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if dataclasses.is_dataclass(one) and (name.endswith("Switches") or name == "ServiceProtection"):
                found.add(one)
    assert found == {type(switches) for switches in board(sandbox).values()}


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"bulk_tables": {"nothing": True}}, "bulk_tables takes tables and true or false"),
        ({"bulk_tables": {"account": 1}}, "bulk_tables takes tables and true or false"),
        ({"bulk_tables": []}, "no object of switches"),
        ({"row_locks": {"holds": 1}}, "holds is no switch that can be set to 1"),
        ({"row_locks": {"holds": {"account": "long"}}}, "'long' is no number of seconds"),
        ({"row_locks": {"timeout": -1}}, "-1 is no number of seconds"),
        ({"row_locks": {"timeout": 1e300}}, "seconds are too many"),
        ({"protection": {"servers": -1}}, "servers is no switch that can be set to -1"),
        ({"protection": {"costs": []}}, "costs is no switch that can be set to []"),
    ],
)
def test_a_switch_takes_no_nonsense_and_then_none_is_moved(other: OtherProcess, wanted: Any, sentence: str) -> None:
    before = other("GET", "sandbox/switches").json()
    answer = other("PATCH", "sandbox/switches", {"degree_of_parallelism": 9, **wanted})
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]
    assert other("GET", "sandbox/switches").json() == before
