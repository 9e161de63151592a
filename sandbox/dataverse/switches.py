"""What differs between environments in the platform itself, whatever product is installed, and can be switched here."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.dataverse.limits.settings import ServiceProtection


@dataclass(slots=True)
class Switches:
    """The state of the switches; they may be moved at any time.

    ``actions_in_change_sets``: whether actions are taken inside a change set (a change set is documented as a
    transaction of requests, and no page says that actions are left out of it; on by default).
    ``actions_reach_rows``: whether an action refuses where it would write rows out of the caller's reach, of the tables
    it needs a privilege on (which privileges the product's actions ask for is published nowhere; on by default).
    ``block_unmanaged_customizations``: the environment's setting of that name; definitions can then not be written, nor
    processing steps, their images and service endpoints.
    ``protection``: the service protection limits, off by default.
    ``degree_of_parallelism``: what ``x-ms-dop-hint`` recommends.

    Which tables take the bulk messages is said by rows (``sdkmessagefilter``), as it is in life: see ``bulk_tables``.
    """

    actions_in_change_sets: bool = True
    actions_reach_rows: bool = True
    block_unmanaged_customizations: bool = False
    degree_of_parallelism: int = 4
    protection: ServiceProtection = field(default_factory=ServiceProtection)
