"""Thousands of entries and what people do to them: approve, change figures, cancel, edit, submit and approve again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sandbox.company import Builder
from sandbox.dataverse.product import Creation
from sandbox.dataverse.seed import USERS
from tests.flow.world import APPROVE, CANCEL, World

PROJECTS, AT_ONCE = 40, 50
FIRST_DAY, DAYS = date(2026, 1, 5), 80
RESOURCES, CATEGORIES = ("Ada", "Ben"), ("Hotel", "Airfare")
GIVEN_AWAY = 192350002

STORIES: dict[tuple[str, ...], int] = {
    ("approve",): 40,
    ("revise", "approve"): 10,
    ("approve", "cancel"): 10,
    ("approve", "cancel", "revise", "approve"): 15,
    ("approve", "cancel", "edit", "approve"): 8,
    ("approve", "cancel", "give away", "approve", "cancel", "revise", "approve"): 5,
    ("approve by product",): 5,
    ("approve by product", "cancel by product", "approve"): 3,
    ("rest",): 4,
}
"""What happens to an entry, one step a round, and how many of a hundred."""


@dataclass
class Person:
    """One entry in the hands of people."""

    table: str
    id: UUID
    approval: UUID
    story: tuple[str, ...]


@dataclass
class Crowd:
    """So many entries on projects of their own. ``did`` counts what people did."""

    world: World
    size: int
    chance: Random
    people: list[Person] = field(default_factory=list)
    contracts: list[UUID] = field(default_factory=list)
    did: Counter[str] = field(default_factory=Counter)

    def gather(self) -> None:
        """Submit all entries, a transaction for each project."""
        stories, weights = list(STORIES), list(STORIES.values())
        for number in range(PROJECTS):
            key = f"E{number:03d}"
            with self.world.sandbox.web.transaction("administrator") as work:
                builder = Builder(work, USERS["approver"])
                dollar = builder.currency("USD")
                builder.project(key, f"Project {key}", dollar)
                contract = builder.contract(key, f"Contract {key}", "Adatum Corporation", dollar, "Adatum 2026")
                self.contracts.append(contract)
                builder.project_line(key, key, dollar)
                for _ in range(number, self.size, PROJECTS):
                    on = FIRST_DAY + timedelta(days=self.chance.randrange(DAYS))
                    who = self.chance.choice(RESOURCES)
                    if self.chance.random() < 0.9:
                        one = builder.submitted_time(key, who, 15 * self.chance.randrange(1, 40), on)
                    else:
                        amount = Decimal(self.chance.randrange(100, 90_000)) / 100
                        one = builder.submitted_expense(key, who, self.chance.choice(CATEGORIES), amount, on)
                    story = self.chance.choices(stories, weights)[0]
                    self.people.append(Person(one.table, one.id, one.approval, story))

    def approved_once(self) -> list[Person]:
        """Those that nothing happens to after one approval, so that no later event can tell what an earlier one did."""
        return [person for person in self.people if person.story == ("approve",)]

    def rounds(self) -> Iterator[int]:
        """Let everybody take the next step, in slices; yields after each slice how many steps it was."""
        longest = max(len(person.story) for person in self.people)
        for number in range(longest):
            steps: dict[str, list[Person]] = defaultdict(list)
            for person in self.people:
                if number < len(person.story):
                    steps[person.story[number]].append(person)
            slices = [
                (step, who[at : at + AT_ONCE])
                for step, who in sorted(steps.items())
                for at in range(0, len(who), AT_ONCE)
            ]
            self.chance.shuffle(slices)
            for step, some in slices:
                self.act(step, some)
                self.did[step] += len(some)
                yield len(some)

    def act(self, step: str, people: Sequence[Person]) -> None:
        """These people take this step."""
        acts: dict[str, Callable[[Sequence[Person]], None]] = {
            "approve": lambda some: self._decide(some, APPROVE),
            "cancel": lambda some: self._decide(some, CANCEL),
            "approve by product": lambda some: self._by_product(some, APPROVE),
            "cancel by product": lambda some: self._by_product(some, CANCEL),
            "revise": self._revise,
            "give away": lambda some: self._release(some, {"msdyn_billingtype": GIVEN_AWAY}),
            "edit": self._edit,
            "rest": lambda some: None,
        }
        acts[step](people)

    def _decide(self, people: Sequence[Person], action: int) -> None:
        rows = [
            {
                "@odata.type": "Microsoft.Dynamics.CRM.msdyn_projectapproval",
                "msdyn_projectapprovalid": str(one.approval),
            }
            for one in people
        ]
        body = {"ProjectApprovals": rows, "ActionType": action, "NoteLogName": "storm"}
        self.world.http("POST", "msdyn_ProcessProjectApprovalSets", body, user="approver")

    def _by_product(self, people: Sequence[Person], action: int) -> None:
        """The product itself makes, or takes back, what the approval calls for, before the event is posted."""
        switches = self.world.sandbox.switches
        switches.actuals = Creation.AT_ONCE
        try:
            self._decide(people, action)
        finally:
            switches.actuals = Creation.NEVER

    def _revise(self, people: Sequence[Person]) -> None:
        for one in people:
            quarters = self.chance.randrange(1, 40)
            hours: dict[str, object] = {"msdyn_salesquantity": quarters / 4, "msdyn_billingtype": 192350001}
            self._release([one], hours if one.table == "msdyn_timeentry" else {"msdyn_billingtype": 192350001})

    def _release(self, people: Sequence[Person], figures: dict[str, object]) -> None:
        for one in people:
            self.world.http("PATCH", f"msdyn_projectapprovals({one.approval})", figures, user="approver")

    def _edit(self, people: Sequence[Person]) -> None:
        """Taken back by its owner, changed, and submitted anew under another approval."""
        for one in people:
            time = one.table == "msdyn_timeentry"
            kind, entries = ("TimeEntries", "msdyn_timeentries") if time else ("ExpenseEntries", "msdyn_expenses")
            parameter = {"TimeEntryIds" if time else "ExpenseEntryIds": str(one.id)}
            self.world.http("POST", f"msdyn_{kind}Recall", parameter | {"CorrelationId": str(uuid4())})
            change: dict[str, Any] = {"msdyn_description": "edited"} if time else {"msdyn_name": "edited"}
            if time:
                change["msdyn_duration"] = 15 * self.chance.randrange(1, 40)
            self.world.http("PATCH", f"{entries}({one.id})", change)
            self.world.http("POST", f"msdyn_{kind}Submit", parameter | {"CorrelationId": str(uuid4())})
            column = "_msdyn_timeentry_value" if time else "_msdyn_expenseentry_value"
            query = f"msdyn_projectapprovals?$filter={column} eq {one.id} and msdyn_recordstage eq 0"
            (row,) = self.world.http("GET", query).json()["value"]
            one.approval = UUID(row["msdyn_projectapprovalid"])
