"""Whose work on which project a dead letter is about, read in bulk: a few requests a page, however many letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers.reading import ask
from mappings import tables
from mappings.business_date import business_date
from mappings.entry import DATED
from mappings.row import Row
from mappings.tables import Ref
from service.contracts import contracts_of
from service.dead_letters.letters import Letter
from service.names import names


@dataclass(frozen=True, slots=True)
class About:
    """The entry that an event leads to, whose it is, on what, and when. Of a command: its contracts.

    ``is_read``: it was looked for; what is empty then is gone, or not shared with this service.
    """

    entry: Ref | None = None
    person: Ref | None = None
    project: Ref | None = None
    day: date | None = None
    contracts: tuple[str, ...] = ()
    names: Mapping[Ref, str] = field(default_factory=dict)
    is_read: bool = False

    def name(self, row: Ref | None) -> str:
        """A row's name; where it has none, its id."""
        return "" if row is None else self.names.get(row, str(row.id))


NOTHING = About()


@dataclass(frozen=True, slots=True)
class Subjects:
    """Reads them. ``day_of``: the column in which entries of a table hold a day that is the same for everybody."""

    dataverse: Reader
    zone: ZoneInfo
    day_of: Callable[[str], str | None]

    def of(self, letters: Sequence[Letter]) -> dict[str, About]:
        """What each is about, by its name. Raises ``ConnectorError``."""
        rows = {one.name: row for one in letters if (row := one.leads_to) is not None}
        led = self._entries({row for row in rows.values() if row.table == tables.APPROVAL})
        entries = {name: led.get(row) if row.table == tables.APPROVAL else row for name, row in rows.items()}
        read = self._read({one for one in entries.values() if one is not None})
        wanted = {id for one in letters for id in one.contracts}
        contracts = {one.id: one.displayed for one in contracts_of(self.dataverse, wanted)} if wanted else {}
        linked = [read[one].link(column) for one in read for column in ("msdyn_bookableresource", "msdyn_project")]
        named = names(self.dataverse, linked)
        return {one.name: self._about(one, entries.get(one.name), read, contracts, named) for one in letters}

    def _about(
        self,
        letter: Letter,
        entry: Ref | None,
        read: Mapping[Ref, Row],
        contracts: Mapping[UUID, str],
        named: Mapping[Ref, str],
    ) -> About:
        row = read.get(entry) if entry is not None else None
        return About(
            entry=entry if row is not None else None,
            person=None if row is None else row.link("msdyn_bookableresource"),
            project=None if row is None else row.link("msdyn_project"),
            day=None if row is None else self._day(row),
            contracts=tuple(contracts.get(id, str(id)) for id in letter.contracts),
            names=named,
            is_read=True,
        )

    def _day(self, row: Row) -> date | None:
        column = self.day_of(row.ref.table)
        if column is not None and (day := row.day(column)) is not None:
            return day
        instant = row.instant(DATED[row.ref.table])
        return None if instant is None else business_date(instant, self.zone)

    def _entries(self, approvals: set[Ref]) -> dict[Ref, Ref]:
        """The entry of each approval that can be read."""
        if not approvals:
            return {}
        columns = ("msdyn_timeentry", "msdyn_expenseentry")
        wanted = any_of("msdyn_projectapprovalid", sorted(one.id for one in approvals))
        (found,) = ask(self.dataverse, Query(tables.APPROVAL, columns, wanted))
        led = {row.ref: row.link("msdyn_timeentry") or row.link("msdyn_expenseentry") for row in found}
        return {approval: entry for approval, entry in led.items() if entry is not None}

    def _read(self, entries: set[Ref]) -> dict[Ref, Row]:
        questions = []
        for table, dated in DATED.items():
            if ids := sorted(one.id for one in entries if one.table == table):
                day = self.day_of(table)
                columns = ("msdyn_bookableresource", "msdyn_project", dated, *((day,) if day else ()))
                questions.append(Query(table, columns, any_of(f"{table}id", ids)))
        answers = ask(self.dataverse, *questions) if questions else []
        return {row.ref: row for answer in answers for row in answer}


def projects_of(contract: UUID, dataverse: Reader) -> frozenset[UUID]:
    """The projects whose work a contract bills: those it names itself, and those of its lines."""
    lines, projects = ask(
        dataverse,
        Query(tables.CONTRACT_LINE, ("msdyn_project",), any_of("salesorderid", [contract])),
        Query(tables.PROJECT, ("msdyn_salesorderid",), any_of("msdyn_salesorderid", [contract])),
    )
    of_lines = (id for line in lines if (id := line.link_id("msdyn_project")) is not None)
    return frozenset((*of_lines, *(project.id for project in projects)))
