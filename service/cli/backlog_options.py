"""How the commands on backlogs name one, and the rows of it that are meant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.days import day
from service.cli.exits import Exit
from service.cli.options import one_of

if TYPE_CHECKING:
    from mappings.backlog import Backlog
    from mappings.selection import Filter
    from service.app import App


class Which(StrEnum):
    """The backlogs by their names in messages."""

    TIME_AND_MATERIAL = "time-and-material"
    PRODUCTS = "products"
    MILESTONES = "milestones"


class WhichClass(StrEnum):
    """The classes of actuals by their names in messages."""

    TIME = "time"
    EXPENSE = "expense"
    MATERIAL = "material"
    FEE = "fee"


class WhichStatus(StrEnum):
    """Where rows stand, by the names of messages."""

    OPEN = "open"
    READY = "ready"
    ON_DRAFT = "on-draft"
    POSTED = "posted"
    CANCELED = "canceled"
    ADJUSTED = "adjusted"


def amount(text: str) -> Decimal:
    """An amount with a point and no signs of thousands."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise typer.BadParameter(f"{text!r} is no amount; write it as 1234.50.")
    return value


WHICH_ONE = "time-and-material, products, or milestones"

ContractOption = Annotated[
    list[str] | None,
    typer.Option("--contract", metavar="CONTRACT", help="A contract by id, number or name; may be repeated."),
]
CustomerOption = Annotated[
    list[str] | None, typer.Option("--customer", metavar="CUSTOMER", help="A customer by id or name; may be repeated.")
]
ProjectOption = Annotated[
    list[str] | None, typer.Option("--project", metavar="PROJECT", help="A project by id or name; may be repeated.")
]
ResourceOption = Annotated[
    list[str] | None, typer.Option("--resource", metavar="RESOURCE", help="A resource by id or name; may be repeated.")
]
RoleOption = Annotated[
    list[str] | None, typer.Option("--role", metavar="ROLE", help="A role by id or name; may be repeated.")
]
ClassOption = Annotated[
    list[WhichClass] | None,
    typer.Option(
        "--class", parser=one_of(WhichClass), metavar="CLASS", help=f"{', '.join(WhichClass)}; may be repeated."
    ),
]
FromOption = Annotated[
    date | None, typer.Option("--from", parser=day, metavar="DATE", help="Dated on this business day or later.")
]
ToOption = Annotated[
    date | None, typer.Option("--to", parser=day, metavar="DATE", help="Dated on this business day or before.")
]
AtLeastOption = Annotated[
    Decimal | None, typer.Option("--at-least", parser=amount, metavar="AMOUNT", help="Of this amount or more.")
]
AtMostOption = Annotated[
    Decimal | None, typer.Option("--at-most", parser=amount, metavar="AMOUNT", help="Of this amount or less.")
]
StatusOption = Annotated[
    list[WhichStatus] | None,
    typer.Option(
        "--status", parser=one_of(WhichStatus), metavar="STATUS", help=f"{', '.join(WhichStatus)}; may be repeated."
    ),
]


@dataclass(frozen=True)
class Asked:
    """What the options of a command say about the rows that are meant, as it was typed."""

    contracts: list[str] | None = None
    customers: list[str] | None = None
    projects: list[str] | None = None
    resources: list[str] | None = None
    roles: list[str] | None = None
    classes: list[WhichClass] | None = None
    dated_from: date | None = None
    dated_to: date | None = None
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    statuses: list[WhichStatus] | None = None


def filter_of(service: App, asked: Asked, *backlogs: Backlog) -> Filter:
    """The filter the options stand for, fit for all of these backlogs.

    Names that lead nowhere end the command, all of a kind named; a filter a backlog has no column for is wrong usage.
    """
    from pydantic import ValidationError

    from mappings.selection import Class, Filter, Status
    from service.cli.output import say
    from service.cli.session import chosen_contracts
    from service.rows_named import NoSuchRow, ids_named

    contracts = tuple(one.id for one in chosen_contracts(service, asked.contracts)) if asked.contracts else ()
    try:
        customers, projects, resources, roles = (
            ids_named(service.dataverse, what, names or ())
            for what, names in (
                ("customer", asked.customers),
                ("project", asked.projects),
                ("resource", asked.resources),
                ("role", asked.roles),
            )
        )
    except NoSuchRow as error:
        say(str(error))
        raise typer.Exit(Exit.FAILED) from error
    try:
        where = Filter(
            contracts=contracts,
            customers=customers,
            projects=projects,
            resources=resources,
            roles=roles,
            classes=tuple(Class(one) for one in asked.classes or ()),
            dated_from=asked.dated_from,
            dated_to=asked.dated_to,
            amount_from=asked.at_least,
            amount_to=asked.at_most,
            statuses=tuple(Status(one) for one in asked.statuses or ()),
        )
    except ValidationError as error:
        raise typer.BadParameter(
            " ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
        ) from error
    for backlog in backlogs:
        if (fault := where.fault(backlog)) is not None:
            raise typer.BadParameter(fault)
    return where
