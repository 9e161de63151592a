"""Logs on a terminal."""

from __future__ import annotations

import io
import logging

import pytest

from service.telemetry import configure_logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("variable", "coloured"), [("1", False), ("", True)])
def test_logs_on_a_terminal_are_plain_where_nobody_wants_colours(
    variable: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("NO_COLOR", variable)
    configure_logs()
    logging.getLogger("service").warning("something happened")
    assert "something happened" in terminal.getvalue()
    assert ("\x1b[" in terminal.getvalue()) is coloured
