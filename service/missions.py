"""Who handles what, by the settings, the profile, and for whom commands are carried out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from uuid import UUID

from connector.dataverse.client import DataverseClient
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.approved import Owner as OwnerOfActuals
from handlers.invoice_owner import Owner, Whose
from handlers.invoicing import InvoicingHandler
from handlers.readiness import ReadinessHandler
from handlers.ready_action import NAME, NoReadyAction, ReadyAction, ready_action
from handlers.verification import VerificationHandler
from mappings.acting import Acting, Mode
from mappings.ceiling import Ceiling
from mappings.inter_organizational import Owed
from mappings.profile import PROJECT_OPERATIONS, Profile, ReadyMarking
from service.settings import Settings


def rules(settings: Settings, profile: Profile) -> ActualsHandler:
    """What actuals an entry must have; where the product creates them, it has done so since ever."""
    actuals = settings.actuals
    return ActualsHandler(
        start_from=actuals.start_from or date.min,
        zone=settings.business_time_zone,
        zero_price_is_held=actuals.zero_price == "hold",
        unit_zones=settings.unit_time_zones,
        owner=OwnerOfActuals(actuals.owner),
        inter_organizational=Owed(actuals.inter_organizational),
        profile=profile,
    )


def mission(
    settings: Settings,
    rules: ActualsHandler,
    now: Callable[[], datetime],
    acting: Acting,
    dataverse: DataverseClient,
    me: UUID | None = None,
) -> Mission:
    """The mission by these rules. ``me``: the user this service signs in as, once that is known."""
    zone = settings.business_time_zone
    by_action = _action_of(dataverse) if rules.profile.ready_marking is ReadyMarking.ACTION else None
    return Mission(
        entries=VerificationHandler(rules) if settings.actuals.creator == "product" else rules,
        readiness=ReadinessHandler(zone, acting, ceiling(settings), by_action, rules.profile.not_to_exceed),
        invoicing=InvoicingHandler(
            now,
            zone,
            acting,
            patience=timedelta(minutes=settings.invoices.patience),
            owner=_owner(settings, me),
            several=rules.profile.name == PROJECT_OPERATIONS,
        ),
        at_once=settings.invoices.concurrency,
    )


def _owner(settings: Settings, me: UUID | None) -> Whose:
    if settings.invoices.owner == "service":
        return Owner.PRODUCT if me is None else me
    return Owner(settings.invoices.owner)


def acting(settings: Settings) -> Acting:
    """For whom a command that comes as a message is carried out."""
    return Acting(Mode(settings.commands.acting), tuple(settings.commands.allowed))


def ceiling(settings: Settings) -> Ceiling:
    """How much a command may mark without a person having seen how much it is."""
    amount = settings.ceiling.amount
    each = amount if isinstance(amount, Decimal) else tuple(sorted(amount.items()))
    return Ceiling(settings.ceiling.rows, each)


def _action_of(dataverse: DataverseClient) -> Callable[[], ReadyAction | NoReadyAction]:
    """Asked when first needed and once: the answer is many megabytes."""

    @cache
    def ask() -> ReadyAction | NoReadyAction:
        return ready_action(dataverse.action_parameters(NAME))

    return ask
