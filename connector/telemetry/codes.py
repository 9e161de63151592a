"""Codes as attributes: short, stable and few, whatever they are made of."""

from __future__ import annotations

import re

CODE_SHAPE = re.compile(r"[a-z][a-z0-9-]{0,63}")
MOST = 300
"""Codes told apart in one process; there are fewer by far, and a metric must not grow with what others send."""
OTHER = "other"
UNCONFIRMED = "unconfirmed"
"""A message whose lock was lost, or nobody said that it is settled: it may come again."""

_known: set[str] = set()


def bounded(code: str) -> str:
    """The code, or ``other`` when it does not look like one or there have been too many already."""
    if code in _known:
        return code
    if len(_known) >= MOST or CODE_SHAPE.fullmatch(code) is None:
        return OTHER
    _known.add(code)
    return code
