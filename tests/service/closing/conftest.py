"""The registered sandbox of the tests of `status`, at a moment in the middle of April 2026."""

from __future__ import annotations

from tests.service.status.conftest import app, running, sandbox, world

__all__ = ["app", "running", "sandbox", "world"]
