"""The clouds of Microsoft: where one signs in, and at which hosts Dataverse and Service Bus are found.

Hosts of Dataverse are those of its discovery services ("Discover user organizations"); the community cloud of the US
government (GCC, ``crm9.dynamics.com``) signs in with the public cloud. The audience of Service Bus is the same in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud. ``authority`` is its sign-in host; hosts end in one of the suffixes, each beginning with a dot."""

    name: str
    authority: str
    dataverse: tuple[str, ...]
    servicebus: str
    servicebus_resource: str = "https://servicebus.azure.net"

    def has_dataverse(self, address: str) -> bool:
        """Whether an environment at this address belongs to the cloud."""
        return (urlsplit(address).hostname or "").lower().endswith(self.dataverse)

    def has_servicebus(self, host: str) -> bool:
        """Whether a namespace at this host belongs to the cloud."""
        return host.lower().endswith(self.servicebus)


PUBLIC = Cloud("public", "https://login.microsoftonline.com", (".dynamics.com",), ".servicebus.windows.net")
US_GOVERNMENT = Cloud(
    "us-government",
    "https://login.microsoftonline.us",
    (".crm.microsoftdynamics.us", ".crm.appsplatform.us"),
    ".servicebus.usgovcloudapi.net",
)
"""GCC High and DoD; their environments differ in the host only."""
CHINA = Cloud(
    "china", "https://login.partner.microsoftonline.cn", (".crm.dynamics.cn",), ".servicebus.chinacloudapi.cn"
)

CLOUDS = {cloud.name: cloud for cloud in (PUBLIC, US_GOVERNMENT, CHINA)}
