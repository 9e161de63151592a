"""Whether work on a contract line is chargeable, where the approval itself does not say.

Time needs a chargeable role, an expense a chargeable category, and both need a chargeable task where the line selects
tasks. What the line says of a role or category counts before what its master says. One "non-chargeable" is enough
(PO/configure-chargeable-components-contract-line). Complimentary is the approver's word and never comes from set-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from mappings.choices import BillingType, TransactionClass
from mappings.refusal import Refusal
from mappings.row import Row

LINE_ROLE_COLUMNS = ("msdyn_contractlineid", "msdyn_resourcecategory", "msdyn_billingtype", "statecode")
LINE_CATEGORY_COLUMNS = ("msdyn_contractlineid", "msdyn_transactioncategory", "msdyn_billingtype", "statecode")
MASTER_COLUMNS = ("msdyn_billingtype",)


@dataclass(frozen=True, slots=True)
class Setting:
    """The billing type of a role, category or task: as the contract line has it, else as its master has it."""

    on_line: int | None = None
    in_master: int | None = None

    @property
    def billing_type(self) -> int | None:
        """The one that counts; ``None`` where neither says anything."""
        return self.in_master if self.on_line is None else self.on_line


@dataclass(frozen=True, slots=True)
class Chargeability:
    """A billing type and the sentence that says what it follows from."""

    billing_type: BillingType
    because: str


def chargeability(
    kind: TransactionClass,
    *,
    included: bool,
    role: Setting | None = None,
    category: Setting | None = None,
    task: Setting | None = None,
) -> Chargeability:
    """The billing type of work of this class on a line. ``task`` is given where the line selects tasks.

    Raises ``Refusal`` where neither line nor master says whether the role or category is chargeable.
    """
    if not included:
        return Chargeability(BillingType.NOT_AVAILABLE, f"The contract line does not include {kind.name.lower()}.")
    deciding = {"task": task} if task else {}
    if kind is TransactionClass.TIME:
        deciding["role"] = role or Setting()
    elif kind is TransactionClass.EXPENSE:
        deciding["category"] = category or Setting()
    silent = [name for name, setting in deciding.items() if setting.billing_type is None]
    free = [name for name, setting in deciding.items() if _is_free(setting)]
    if free:
        where = f"Its {' and '.join(sorted(free))} {'is' if len(free) == 1 else 'are'} not chargeable on the line."
        return Chargeability(BillingType.NON_CHARGEABLE, where)
    if silent:
        named = " and ".join(sorted(silent))
        raise Refusal(
            "billing-type-missing",
            f"Neither the approval nor the contract line nor the master of its {named} says whether the work is "
            "chargeable; set the billing type on the approval or on one of them.",
        )
    all_of_it = f"Its {' and '.join(sorted(deciding))} may be charged" if deciding else "Its class may be charged"
    return Chargeability(BillingType.CHARGEABLE, f"{all_of_it} on the contract line.")


@dataclass(frozen=True, slots=True)
class Chargeables:
    """What contract lines and masters say about roles and categories; the keys are (contract line, role or category).

    ``tasks`` has an entry for every task of a line that selects tasks, where the environment says anything about them.
    """

    line_roles: Mapping[tuple[UUID, UUID], int | None] = field(default_factory=dict)
    line_categories: Mapping[tuple[UUID, UUID], int | None] = field(default_factory=dict)
    roles: Mapping[UUID, int | None] = field(default_factory=dict)
    categories: Mapping[UUID, int | None] = field(default_factory=dict)
    tasks: Mapping[tuple[UUID, UUID], int | None] = field(default_factory=dict)

    def of(
        self, line: UUID, kind: TransactionClass, role: UUID | None, category: UUID | None, task: UUID | None
    ) -> Chargeability:
        """The billing type of work on a line that includes its class. Raises ``Refusal`` as ``chargeability`` does."""
        return chargeability(
            kind,
            included=True,
            role=_setting(self.line_roles, self.roles, line, role),
            category=_setting(self.line_categories, self.categories, line, category),
            task=Setting(self.tasks[line, task]) if task and (line, task) in self.tasks else None,
        )


def on_lines(rows: Iterable[Row], column: str) -> dict[tuple[UUID, UUID], int | None]:
    """What contract lines say, from their rows about roles or categories; inactive rows say nothing."""
    return {
        (line, thing): row.choice("msdyn_billingtype")
        for row in rows
        if (line := row.link_id("msdyn_contractlineid"))
        and (thing := row.link_id(column))
        and not row.choice("statecode")
    }


def in_masters(rows: Iterable[Row]) -> dict[UUID, int | None]:
    """What the masters of roles or categories say."""
    return {row.id: row.choice("msdyn_billingtype") for row in rows}


def _setting(
    on_line: Mapping[tuple[UUID, UUID], int | None], masters: Mapping[UUID, int | None], line: UUID, thing: UUID | None
) -> Setting | None:
    return Setting(on_line.get((line, thing)), masters.get(thing)) if thing else None


def _is_free(setting: Setting) -> bool:
    return setting.billing_type not in (None, BillingType.CHARGEABLE)
