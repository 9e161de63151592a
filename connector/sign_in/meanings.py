"""What a refused sign-in means, and what a person can do about it: one table by the code of Microsoft Entra.

Whether a refusal passes by itself is told by the error of OAuth, as Microsoft asks clients to; the AADSTS codes, which
may change, only choose the sentence ("Microsoft Entra authentication and authorization error codes").
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from connector.errors import Misconfigured, Transient

log = logging.getLogger(__name__)

PASSING_ERRORS = frozenset({"temporarily_unavailable", "server_error"})
PASSING_CODES = frozenset({"AADSTS90033", "AADSTS90055", "AADSTS50196"})
"""The directory is unavailable, the tenant is throttled, or asked too often: told as other errors in some answers."""

ELSEWHERE = "Check the sign-in logs in the Microsoft Entra admin center for what it means."

REMEDIES = {
    "AADSTS7000215": "The client secret is wrong: use the value of one of this app registration's secrets, not its id.",
    "AADSTS7000222": "The client secret has expired: make a new one in the app registration, and set it.",
    "AADSTS700016": "The tenant has no application with this client id: check client id, tenant and cloud.",
    "AADSTS7000229": "The application has no service principal in the tenant: consent to it there as an administrator.",
    "AADSTS7000112": "The application is disabled: enable it under enterprise applications.",
    "AADSTS90002": "There is no such tenant in this cloud: check tenant and cloud.",
    "AADSTS900023": "This is no name of a tenant: use its id, or one of its domains.",
    "AADSTS500011": "The tenant does not know the resource: check the addresses of Dataverse and Service Bus, the "
    "tenant and the cloud.",
    "AADSTS50076": "A policy asks for another factor, which only a person can give: exempt the application, or let a "
    "person sign in.",
    "AADSTS50079": "The user has to register for multifactor authentication first: sign in once in a browser.",
    "AADSTS53000": "A Conditional Access policy asks for a compliant device: use one, or exempt who signs in.",
    "AADSTS53003": "A Conditional Access policy blocks this sign-in: allow this place, or exempt who signs in.",
    "AADSTS50105": "The application is open to assigned users only: assign this one to it.",
    "AADSTS65001": "Nobody has consented to what the application asks for: consent as an administrator.",
    "AADSTS7000218": "The application does not allow public client flows: allow them under its authentication.",
    "AADSTS700027": "The certificate is none of the app registration's, or has expired: upload its public part.",
    "AADSTS700024": "The proof was not valid at this time: check this machine's clock and the token file's age.",
    "AADSTS70021": "No federated credential of the application matches the token file: compare issuer, subject and "
    "audience.",
    "AADSTS700211": "No federated credential of the application has the issuer of the token file.",
    "AADSTS700212": "No federated credential of the application has the audience of the token file.",
    "AADSTS700213": "No federated credential of the application has the subject of the token file.",
}
"""By AADSTS code: what is wrong, and what to do. What is not listed is named by its code alone."""


def refused_sign_in(answer: Mapping[str, Any]) -> Misconfigured | Transient:
    """MSAL's refusal → a failure that carries the code and nothing secret: the description may quote what was sent."""
    error = str(answer.get("error", "no-token"))
    found = re.search(r"AADSTS\d+", str(answer.get("error_description", "")))
    code = found.group(0) if found else re.sub(r"[^A-Za-z0-9_-]", "", error)[:64]
    if error in PASSING_ERRORS or code in PASSING_CODES:
        return Transient(f"sign-in-{code}", f"Sign-in is not available at the moment ({code}).")
    log.error("sign-in was refused: %s (%s)", code, error)
    return Misconfigured(f"sign-in-{code}", f"Sign-in was refused. {REMEDIES.get(code, ELSEWHERE)}")
