"""Which contract line an entry bills to.

The key is project and transaction class, and the task where a line selects tasks; the product demands that it be
unique. Two lines that both take an entry are therefore an error that names both, never a choice of ours
(PSA/basic-quote-lines).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from mappings.choices import BillingMethod, ProductType, TransactionClass, read
from mappings.refusal import Refusal
from mappings.row import Row
from mappings.tables import Ref

CONTRACT_LINE_COLUMNS = (
    "salesorderdetailname",
    "salesorderid",
    "msdyn_project",
    "msdyn_billingmethod",
    "producttypecode",
    "msdyn_includetime",
    "msdyn_includeexpense",
    "msdyn_includematerial",
    "msdyn_includefee",
)

_INCLUDE = {
    TransactionClass.TIME: "msdyn_includetime",
    TransactionClass.EXPENSE: "msdyn_includeexpense",
    TransactionClass.MATERIAL: "msdyn_includematerial",
    TransactionClass.FEE: "msdyn_includefee",
}


@dataclass(frozen=True, slots=True)
class ContractLine:
    """A project-based line of a contract: what it takes in and how it is billed.

    ``tasks``: those it is limited to, or ``None`` for the whole project.
    """

    ref: Ref
    name: str
    contract: UUID
    project: UUID
    method: BillingMethod
    includes: frozenset[TransactionClass]
    tasks: frozenset[UUID] | None = None

    def takes(self, kind: TransactionClass, task: UUID | None) -> bool:
        """Whether work of this class, on this task, belongs to the line."""
        return kind in self.includes and (self.tasks is None or task in self.tasks)


def contract_line(row: Row, tasks: frozenset[UUID] = frozenset()) -> ContractLine | None:
    """A contract line and the ``tasks`` it selects; ``None`` for a product line or one without a project."""
    project, contract = row.link_id("msdyn_project"), row.link_id("salesorderid")
    method = row.choice("msdyn_billingmethod")
    if row.choice("producttypecode") != ProductType.PROJECT_BASED_SERVICE or project is None or contract is None:
        return None
    if method is None:
        raise Refusal(
            "contract-line-without-method", f"Contract line {row.ref} has no billing method; set it on the line."
        )
    return ContractLine(
        ref=row.ref,
        name=row.text("salesorderdetailname") or str(row.id),
        contract=contract,
        project=project,
        method=read(BillingMethod, method, row.ref),
        includes=frozenset(kind for kind, column in _INCLUDE.items() if row.flag(column)),
        tasks=tasks or None,
    )


def line_for(kind: TransactionClass, lines: Iterable[ContractLine], task: UUID | None = None) -> ContractLine | None:
    """The one line of the project that takes this class and task, or ``None``. Raises ``Refusal`` when two do."""
    candidates = sorted((line for line in lines if line.takes(kind, task)), key=lambda line: str(line.ref))
    if len(candidates) > 1:
        named = " and ".join(f"{line.name} {line.ref}" for line in candidates)
        where = "the task" if any(line.tasks for line in candidates) else "the project"
        raise Refusal(
            "two-contract-lines",
            f"{named} both include {kind.name.lower()} for {where}; take the class off all but one of them.",
        )
    return candidates[0] if candidates else None
