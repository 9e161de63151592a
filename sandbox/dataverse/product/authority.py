"""Writing as the product: its own guards stand back while one of its acts is under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

from sandbox.dataverse.unit_of_work import Action, Link, UnitOfWork


@contextmanager
def as_product(work: UnitOfWork) -> Iterator[None]:
    """Until the end of the block, what is written is written by the product."""
    before, work.as_product = work.as_product, True
    try:
        yield
    finally:
        work.as_product = before


def by_the_product(run: Action) -> Action:
    """An action that writes as the product."""

    def carry_out(work: UnitOfWork, bound: UUID | None, given: Mapping[str, object]) -> Link | None:
        with as_product(work):
            return run(work, bound, given)

    return carry_out


def rule_of_the_product(rule: Callable[[UnitOfWork, UUID], None]) -> Callable[[UnitOfWork, UUID], None]:
    """A rule about deletion that writes as the product."""

    def carry_out(work: UnitOfWork, id: UUID) -> None:
        with as_product(work):
            rule(work, id)

    return carry_out
