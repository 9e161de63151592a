"""Rows of the command table that somebody changed by hand: one that can't be read is told, and hides no other."""

from __future__ import annotations

UNREADABLE = "unreadable"
"""What is told in place of what came of it."""
FAILURES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading such a row fails of: text that is no JSON or no id, a member that is missing or of another kind."""
