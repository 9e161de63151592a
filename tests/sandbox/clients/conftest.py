"""Where there is no Node, or its registry does not answer, its clients' tests are left out, counted, and said so."""

from __future__ import annotations

import pytest

from tests.sandbox.clients.npm import PACKAGES, node_packages, remove

_left_out: list[pytest.Item] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs Node where there is none."""
    needing = [item for item in items if item.get_closest_marker("node")]
    if needing and node_packages() is None:
        items[:] = [item for item in items if item not in needing]
        config.hook.pytest_deselected(items=needing)
        _left_out.extend(needing)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what did not run."""
    if _left_out:
        terminalreporter.line(f"{len(_left_out)} tests need Node and {', '.join(PACKAGES)} from npm: not run here.")


def pytest_sessionfinish() -> None:
    """Leave nothing behind."""
    remove()
