"""What the door's tests share: an environment without settings, and one running sandbox."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.settings import PREFIX

COMPLETE = {
    "PSA_CONNECTOR_DATAVERSE__URL": "https://contoso.crm4.dynamics.com",
    "PSA_CONNECTOR_DATAVERSE__TENANT_ID": "contoso.onmicrosoft.com",
    "PSA_CONNECTOR_DATAVERSE__CLIENT_ID": "3b1c7f6e-0000-4000-8000-000000000001",
    "PSA_CONNECTOR_DATAVERSE__CLIENT_SECRET": "client-secret-value",
    "PSA_CONNECTOR_SERVICEBUS__CONNECTION_STRING": "Endpoint=sb://contoso.servicebus.windows.net/;"
    "SharedAccessKeyName=service;SharedAccessKey=bus-secret-value",
    "PSA_CONNECTOR_ACTUALS__CREATOR": "service",
    "PSA_CONNECTOR_ACTUALS__START_FROM": "2026-01-01",
    "PSA_CONNECTOR_BUSINESS_TIME_ZONE": "Europe/Berlin",
}


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No variable of ours, and an empty folder to work in."""
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
def all_set(nothing_set: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every required variable, valid."""
    for name, value in COMPLETE.items():
        nothing_set.setenv(name, value)
    return nothing_set


@contextmanager
def logging_kept() -> Iterator[None]:
    """Whatever a command does to the process's logging is undone: it writes to a stream that will be closed."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.fixture(autouse=True)
def _logging_kept() -> Iterator[None]:
    with logging_kept():
        yield
