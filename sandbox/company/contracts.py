"""Customers, contracts, lines, milestones and projects."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from sandbox.company.rows import ORGANIZATIONAL_UNIT, Rows, ref
from sandbox.dataverse.product.business_dates import midnight
from sandbox.dataverse.product.choices import (
    LINE_OF_PROJECT_SERVICE,
    BillingMethod,
    BillingType,
    ContractState,
    MilestoneStatus,
    OrderType,
    ProductType,
    TransactionClass,
    TransactionType,
)
from sandbox.dataverse.unit_of_work import Cell, Link


class Contracts(Rows):
    """Adds contracts and the projects they bill."""

    def account(self, name: str) -> UUID:
        """A customer."""
        return self.named("account", name, {"name": name})

    def contract(self, key: str, name: str, customer: str, currency: UUID, price_list: str) -> UUID:
        """A confirmed, work-based project contract with one project price list."""
        account = ref("account", customer)
        values: dict[str, Cell] = {
            "name": name,
            "ordernumber": f"ORD-{key}",
            "customerid": account,
            "msdyn_account": account,
            "billto_name": customer,
            "transactioncurrencyid": Link("transactioncurrency", currency),
            "pricelevelid": ref("pricelevel", price_list),
            "msdyn_ordertype": OrderType.WORK_BASED,
            "msdyn_psastate": ContractState.ACTIVE,
            "msdyn_psastatusreason": ContractState.REASON_CONFIRMED,
            "msdyn_contractorganizationalunitid": ref("msdyn_organizationalunit", ORGANIZATIONAL_UNIT),
            "msdyn_accountmanagerid": self.approver,
            "ownerid": self.approver,
        }
        id = self.named("salesorder", key, values)
        self.contract_price_list(key, price_list)
        return id

    def contract_price_list(self, contract: str, price_list: str) -> None:
        """Hang a sales price list on a contract."""
        values: dict[str, Cell] = {
            "msdyn_description": price_list,
            "msdyn_contract": ref("salesorder", contract),
            "msdyn_pricelist": ref("pricelevel", price_list),
        }
        self.named("msdyn_orderpricelist", f"{contract}/{price_list}", values)

    def project(self, key: str, name: str, currency: UUID, unit: str = ORGANIZATIONAL_UNIT) -> UUID:
        """A project that the approver manages."""
        values: dict[str, Cell] = {
            "msdyn_subject": name,
            "msdyn_contractorganizationalunitid": ref("msdyn_organizationalunit", unit),
            "msdyn_projectmanager": self.approver,
            "transactioncurrencyid": Link("transactioncurrency", currency),
            "ownerid": self.approver,
        }
        return self.named("msdyn_project", key, values)

    def project_line(
        self,
        project: str,
        contract: str,
        currency: UUID,
        *,
        billing_method: int = BillingMethod.TIME_AND_MATERIAL,
        time: bool = True,
        expense: bool = True,
        amount: Decimal = Decimal(0),
        key: str | None = None,
    ) -> UUID:
        """A contract line that bills a project. Its id comes from the project's key unless another key is given."""
        line = key or project
        contract_row = ref("salesorder", contract)
        values: dict[str, Cell] = {
            "salesorderid": contract_row,
            "salesorderdetailname": f"{contract} {line}",
            "productdescription": f"{contract} {line}",
            "isproductoverridden": True,
            "producttypecode": ProductType.PROJECT_SERVICE,
            "msdyn_linetype": LINE_OF_PROJECT_SERVICE,
            "msdyn_billingmethod": billing_method,
            "msdyn_includetime": time,
            "msdyn_includeexpense": expense,
            "msdyn_includematerial": False,
            "msdyn_includefee": False,
            "msdyn_project": ref("msdyn_project", project),
            "lineitemnumber": 1 + len(self.work.find("salesorderdetail", salesorderid=contract_row)),
            "quantity": Decimal(1),
            "priceperunit": amount,
            "baseamount": amount,
            "extendedamount": amount,
            "transactioncurrencyid": Link("transactioncurrency", currency),
        }
        id = self.named("salesorderdetail", line, values)
        for included, transaction_class in ((time, TransactionClass.TIME), (expense, TransactionClass.EXPENSE)):
            self.named(
                "msdyn_orderlinetransactionclassification",
                f"{line}/{transaction_class}",
                {
                    "msdyn_contractlineid": Link("salesorderdetail", id),
                    "msdyn_transactionclassification": transaction_class,
                    "msdyn_include": included,
                    "msdyn_billingtype": BillingType.CHARGEABLE if included else BillingType.NOT_AVAILABLE,
                },
            )
        return id

    def role_on_line(self, line: str, role: str, billing_type: int) -> None:
        """Set on a line whether a role is chargeable there."""
        classification = ref("msdyn_orderlinetransactionclassification", f"{line}/{TransactionClass.TIME}")
        values: dict[str, Cell] = {
            "msdyn_contractlineid": ref("salesorderdetail", line),
            "msdyn_contractlinetransactionclassification": classification,
            "msdyn_transactionclassification": TransactionClass.TIME,
            "msdyn_resourcecategory": ref("bookableresourcecategory", role),
            "msdyn_billingtype": billing_type,
        }
        self.named("msdyn_orderlineresourcecategory", f"{line}/{role}", values)

    def product_line(self, contract: str, name: str, quantity: Decimal, price: Decimal, currency: UUID) -> UUID:
        """A product that is sold beside the project work, not yet marked ready."""
        contract_row = ref("salesorder", contract)
        values: dict[str, Cell] = {
            "salesorderid": contract_row,
            "salesorderdetailname": name,
            "productdescription": name,
            "isproductoverridden": True,
            "producttypecode": ProductType.PRODUCT,
            "lineitemnumber": 1 + len(self.work.find("salesorderdetail", salesorderid=contract_row)),
            "quantity": quantity,
            "priceperunit": price,
            "baseamount": quantity * price,
            "extendedamount": quantity * price,
            "transactioncurrencyid": Link("transactioncurrency", currency),
        }
        return self.named("salesorderdetail", name, values)

    def milestone(
        self, line: str, contract: str, name: str, amount: Decimal, on: date, currency: UUID, project: str | None = None
    ) -> UUID:
        """A milestone of a fixed price line, not yet ready."""
        values: dict[str, Cell] = {
            "msdyn_name": name,
            "msdyn_contract": ref("salesorder", contract),
            "msdyn_contractlineid": ref("salesorderdetail", line),
            "msdyn_project": ref("msdyn_project", project or line),
            "msdyn_amount": amount,
            "msdyn_tax": Decimal(0),
            "msdyn_amount_after_tax": amount,
            "msdyn_invoicedate": midnight(on),
            "msdyn_startdatetime": midnight(on),
            "msdyn_invoicestatus": MilestoneStatus.NOT_READY,
            "msdyn_transactionclassification": TransactionClass.MILESTONE,
            "msdyn_transactiontypecode": TransactionType.PROJECT_CONTRACT,
            "transactioncurrencyid": Link("transactioncurrency", currency),
        }
        return self.named("msdyn_contractlinescheduleofvalue", name, values)
