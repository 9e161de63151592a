"""What a dry run says about a decision."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from connector.dataverse.changes import Call, ChangeSet, Create, Reference, Update
from handlers.plan import NothingToDo, NotYet, Plan, Refuse
from service.plan_in_words import InWords, in_words

ROW = Reference("salesorder", UUID(int=1))


def test_a_plan_says_why_and_every_change_with_the_values_it_writes() -> None:
    first = ChangeSet((Create(ROW, {"name": "new", "billto_name": None, "total": Decimal("1.50")}),))
    second = ChangeSet((Update(ROW, {"customerid": ROW}, "etag"), Call("msdyn_DoThis", ROW), Call("x", ROW, {"p": 1})))
    assert in_words(Plan("Because.", (first, second))) == InWords(
        "Because.",
        (
            f"create {ROW}: name = new, total = 1.50",
            f"change {ROW}: customerid = {ROW}",
            f"call msdyn_DoThis on {ROW}",
            f"call x on {ROW}: p = 1",
        ),
    )


def test_what_writes_nothing_says_only_why() -> None:
    assert in_words(Refuse("code", "A person must look.")) == InWords("A person must look. (code)")
    assert in_words(NothingToDo("All is well.")) == InWords("All is well.")
    assert in_words(NotYet("It moves.")) == InWords("It moves.")
