"""Whether reversals cancel out what they take back, and every row leads back to its entry."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.flow.checker.books import Books, number, text
from tests.flow.checker.entries import BILLED
from tests.flow.checker.owed import UNBILLED

ADJUSTED, UNADJUSTABLE = 192350001, 192350002
CANCELED, POSTED = 192350003, 192350002


def reversal_faults(books: Books) -> Iterator[str]:
    """Every original that was taken back has one reversal, which takes back all of it."""
    actuals = {str(a["msdyn_actualid"]): a for a in books["msdyn_actuals"]}
    reversals: defaultdict[str, list[str]] = defaultdict(list)
    originals: defaultdict[str, list[str]] = defaultdict(list)
    for tie in books["msdyn_transactionconnections"]:
        if (tie["msdyn_transaction1role"], tie["msdyn_transaction2role"]) == ("Reversing", "Original"):
            reversals[text(tie["msdyn_transaction2"])].append(text(tie["msdyn_transaction1"]))
            originals[text(tie["msdyn_transaction1"])].append(text(tie["msdyn_transaction2"]))
    for id, actual in actuals.items():
        status, billing = actual.get("msdyn_adjustmentstatus"), actual.get("msdyn_billingstatus")
        of_an_invoice = actual["msdyn_transactiontypecode"] == BILLED or billing == POSTED
        if status in (ADJUSTED, UNADJUSTABLE) and billing != CANCELED and not of_an_invoice:
            yield f"{id}: reversed, but not canceled"
        if status == ADJUSTED:
            if len(reversals[id]) != 1:
                yield f"{id}: reversed {len(reversals[id])} times"
                continue
            reversal = actuals[reversals[id][0]]
            for column in ("msdyn_quantity", "msdyn_amount"):
                if number(actual[column]) + number(reversal[column]) != 0:
                    yield f"{id}: its reversal does not take back {column}"
        if status == UNADJUSTABLE and len(originals[id]) != 1:
            yield f"{id}: a reversal of {len(originals[id])} originals"
        if status is None and id in reversals and billing != POSTED:
            yield f"{id}: has a reversal but still counts"


def link_faults(books: Books) -> Iterator[str]:
    """Every row has one origin in an entry, every sale is tied to one cost."""
    entries = ("msdyn_timeentry", "msdyn_expense")
    origins = Counter(
        text(origin["msdyn_transaction"])
        for origin in books["msdyn_transactionorigins"]
        if origin["msdyn_origintype"] in entries
    )
    costs = Counter(
        text(tie["msdyn_transaction1"])
        for tie in books["msdyn_transactionconnections"]
        if (tie["msdyn_transaction1role"], tie["msdyn_transaction2role"]) == ("Unbilled Sales", "Cost")
    )
    credited = {
        text(tie["msdyn_transaction1"])
        for tie in books["msdyn_transactionconnections"]
        if tie["msdyn_transaction1role"] == "Replacing"
    }
    for actual in books["msdyn_actuals"]:
        id = str(actual["msdyn_actualid"])
        if origins[id] != 1:
            yield f"{id}: {origins[id]} origins in an entry"
        original = actual.get("msdyn_adjustmentstatus") != UNADJUSTABLE and id not in credited
        if original and actual["msdyn_transactiontypecode"] == UNBILLED and costs[id] != 1:
            yield f"{id}: tied to {costs[id]} cost actuals"
