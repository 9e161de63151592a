"""docs/telemetry.md tells every metric as the code has it, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from connector.telemetry import instruments
from service.exporting import EXTRAS
from service.settings_sources import variables
from service.status import instruments as of_status

METRICS = (*instruments.METRICS, *of_status.METRICS)
PAGE = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text(encoding="utf-8")
METRIC = re.compile(r"^\| `([\w.]+)` \| ([\w ]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
NAME = re.compile(r"`((?:psa_connector|messaging|http)\.[\w.]+)`")


def part(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_metric_is_told_with_its_kind_unit_meaning_and_attributes() -> None:
    told = {
        name: (kind, unit, meaning, tuple(one for one in re.findall(r"`([^`]+)`", apart) if one in known))
        for known in [{attribute for metric in METRICS for attribute in metric.attributes}]
        for name, kind, unit, meaning, apart in METRIC.findall(part("Metrics"))
    }
    assert told == {one.name: (one.shape.value, one.unit, one.meaning, one.attributes) for one in METRICS}


def test_alarms_are_raised_on_metrics_that_there_are() -> None:
    named = set(NAME.findall(part("When to raise an alarm")))
    assert named
    assert named <= {metric.name for metric in METRICS}


def test_every_exporter_and_what_it_needs_is_told() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| .*? \| (.*?) \|$", part("Who is told"), re.MULTILINE))
    assert rows.pop("none") == "nothing"
    assert rows == {name: f'`pip install "psa-connector[{extra}]"`' for name, extra in EXTRAS.items()}
    (exporter,) = [one for one in variables() if one.path == ("telemetry", "exporter")]
    assert all(f"`{name}`" in exporter.meaning for name in EXTRAS)
