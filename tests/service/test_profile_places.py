"""What is wrong with a profile file is told at its place, wherever the file lies."""

from __future__ import annotations

from pathlib import Path

from sandbox.world import Sandbox
from tests.service.test_profiles import faults_with, world

__all__ = ["world"]


def test_a_folder_may_be_called_as_a_fault_begins_and_a_billing_type_must_be_a_choice(
    world: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "ours, line of business"
    folder.mkdir()
    tie = "[line_tasks]\ntable = 'msdyn_orderlineresourcecategory'\nline = 'msdyn_contractlineid'\n"
    tie += "task = 'msdyn_resourcecategory'\nbilling_type = 'msdyn_contractline'\n"
    assert faults_with(world, tie, folder) == [
        "line 5: `msdyn_orderlineresourcecategory.msdyn_contractline` is no choice, as a billing type is."
    ]
