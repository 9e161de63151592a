"""The column that says that a not-to-exceed check failed is looked for in the environment before anything is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mappings import tables
from mappings.not_to_exceed import NotToExceed
from sandbox.world import Sandbox
from service.local_world import register_in, sandbox_settings, signed_in
from service.not_configured import NotConfigured
from service.profiles import profile_of

COLUMNS = {
    "new_limit": {"type": "picklist", "choices": {"1": "Committed", "2": "Failed"}},
    "new_no": {"type": "integer"},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    file = tmp_path_factory.mktemp("schema") / "actual.json"
    file.write_text(json.dumps({"table": tables.ACTUAL, "columns": COLUMNS}), encoding="utf-8")
    with Sandbox(schema=[file]) as world:
        register_in(world)
        yield world


def check_of(world: Sandbox, column: str, failed: int, folder: Path) -> NotToExceed | None:
    file = folder / "profile.toml"
    file.write_text(f'[not_to_exceed]\ncolumn = "{column}"\nfailed = {failed}\n', encoding="utf-8")
    with signed_in(world, "service") as client:
        return profile_of(client, sandbox_settings(world).model_copy(update={"profile": file})).not_to_exceed


def test_a_choice_of_actuals_with_this_number_is_taken(world: Sandbox, tmp_path: Path) -> None:
    assert check_of(world, "new_limit", 2, tmp_path) == NotToExceed("new_limit", 2)


@pytest.mark.parametrize(
    ("column", "failed", "said"),
    [
        ("new_limits", 2, "line 2: `msdyn_actual` has no column `new_limits` in this environment."),
        ("new_no", 2, "line 2: `msdyn_actual.new_no` is no choice that can be read."),
        ("new_limit", 3, "line 3: 3 is no choice of `msdyn_actual.new_limit`: 1, 2."),
    ],
)
def test_what_the_environment_does_not_have_is_named(
    world: Sandbox, tmp_path: Path, column: str, failed: int, said: str
) -> None:
    with pytest.raises(NotConfigured) as caught:
        check_of(world, column, failed, tmp_path)
    assert caught.value.faults == [f"{tmp_path / 'profile.toml'}, {said}"]
