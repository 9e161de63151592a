"""What holds for the whole suite: where ``CI`` is set nothing may be skipped, and Windows runs what it can run.

The one suite that may be skipped needs files that do not belong to the project; it is marked ``samples``.
"""

from __future__ import annotations

import os
import sys

import pytest

MAY_SKIP = "samples"

# What a table looks like must not depend on the terminal the tests are started from.
os.environ.pop("COLUMNS", None)
_skipped: list[str] = []
_not_for_windows: list[str] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On Windows: leave out what needs bash or POSIX signals, and count it."""
    if sys.platform == "win32":
        left_out = [item for item in items if item.get_closest_marker("posix")]
        items[:] = [item for item in items if not item.get_closest_marker("posix")]
        config.hook.pytest_deselected(items=left_out)
        _not_for_windows.extend(item.nodeid for item in left_out)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note every test that was skipped, unless it may be."""
    if report.skipped and MAY_SKIP not in report.keywords and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note every module that was skipped as a whole."""
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A required suite that skips has proven nothing."""
    if _skipped and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what did not run."""
    if _not_for_windows:
        terminalreporter.line(f"{len(_not_for_windows)} tests need bash or POSIX signals and were not run here.")
    if _skipped and os.environ.get("CI") == "true":
        terminalreporter.line(f"Skipped, but required where CI is set: {', '.join(_skipped)}", red=True)
