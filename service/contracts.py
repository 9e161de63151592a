"""Contracts as people name them: by id, order number or name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Condition, Query, any_of, either, equals
from handlers.reading import ask
from mappings import tables
from mappings.backlog import WORK_BASED
from mappings.row import Row

_COLUMNS = ("name", "ordernumber", "transactioncurrencyid")


class NoSuchContract(Exception):
    """Names lead to no contract, or to several; the message has a line for each that says what to do."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A project contract, with what its amounts are written in."""

    id: UUID
    number: str
    name: str
    currency: str
    precision: int

    @property
    def displayed(self) -> str:
        """Its number and name, as tables show it."""
        return f"{self.number} {self.name}".strip()


def all_contracts(dataverse: Reader) -> list[Contract]:
    """Every project contract."""
    return _read(dataverse, equals("msdyn_ordertype", WORK_BASED))


def contracts_of(dataverse: Reader, ids: Iterable[UUID]) -> list[Contract]:
    """The contracts of these ids, as far as they can be read."""
    wanted = sorted(set(ids))
    return _read(dataverse, any_of("salesorderid", wanted)) if wanted else []


def contracts_named(dataverse: Reader, names: Sequence[str]) -> list[Contract]:
    """One contract per name, in order. Raises ``NoSuchContract``."""
    ids = {name: id for name in names if (id := _as_id(name)) is not None}
    texts = [name for name in names if name not in ids]
    # Tables show "ORD-C2 Contoso migration", and what they show may be pasted.
    numbers = [*texts, *(name.split()[0] for name in texts if name.split())]
    found = _read(
        dataverse,
        either(any_of("salesorderid", ids.values()), any_of("ordernumber", numbers), any_of("name", texts)),
    )
    chosen = {name: _fitting(name, ids.get(name), found) for name in names}
    faults = [_fault(name, fitting) for name, fitting in chosen.items() if len(fitting) != 1]
    if faults:
        raise NoSuchContract("\n".join(faults))
    return list(dict.fromkeys(fitting[0] for fitting in chosen.values()))


def _fitting(name: str, id: UUID | None, found: list[Contract]) -> list[Contract]:
    wanted = name.strip().casefold()
    return [one for one in found if one.id == id or (id is None and wanted in _spellings(one))]


def _spellings(one: Contract) -> tuple[str, ...]:
    return tuple(text.casefold() for text in (one.number, one.name, one.displayed))


def _fault(name: str, fitting: list[Contract]) -> str:
    if not fitting:
        missing = f"There is no project contract {name!r}, or it is not shared with this service"
        return f"{missing}; `psa-connector backlog list` shows those with something to bill."
    numbers = ", ".join(one.number for one in fitting)
    return f"{name!r} names several contracts ({numbers}); name one by its number or id."


def _read(dataverse: Reader, where: Condition) -> list[Contract]:
    found, currencies = ask(
        dataverse,
        Query(tables.CONTRACT, _COLUMNS, where, order_by=("ordernumber",)),
        Query(tables.CURRENCY, ("isocurrencycode", "currencyprecision")),
    )
    by_id = {currency.id: currency for currency in currencies}
    return [_contract(contract, by_id) for contract in found]


def _contract(found: Row, currencies: dict[UUID, Row]) -> Contract:
    currency_id = found.link_id("transactioncurrencyid")
    currency = None if currency_id is None else currencies.get(currency_id)
    precision = None if currency is None else currency.choice("currencyprecision")
    return Contract(
        found.id,
        found.text("ordernumber") or "",
        found.text("name") or "",
        "" if currency is None else currency.text("isocurrencycode") or "",
        2 if precision is None else precision,
    )


def _as_id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
