"""A known mistake for saboteurs: invoices are called for without attempt, claim and lease."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.dataverse.changes import Call, ChangeSet
from handlers import invoicing
from handlers.fence import fence


def remove_the_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every fence only the product's action is left."""

    def only_the_action(*arguments: Any, **more: Any) -> ChangeSet:
        fenced = fence(*arguments, **more)
        return replace(fenced, changes=tuple(change for change in fenced.changes if isinstance(change, Call)))

    monkeypatch.setattr(invoicing, "fence", only_the_action)
