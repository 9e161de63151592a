"""Who signs in, as the settings say: one credential for Dataverse and, where a namespace is named, for Service Bus."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import SecretStr

from connector.auth import StaticToken, TokenSource
from connector.bus_access import Access, Namespace
from connector.sign_in.application import Application, Certificate, FederatedToken, Proof, Secret, SecretFile
from connector.sign_in.managed_identity import ManagedIdentity
from connector.sign_in.person import Person
from connector.sign_in.token_cache import TokenCache
from connector.sign_in.tokens import Credential, Tokens
from service.not_configured import NotConfigured
from service.settings import DataverseSettings, ServiceBusSettings, Settings


def sign_in(settings: Settings) -> tuple[TokenSource, Access]:
    """Tokens for Dataverse, and the way to Service Bus; to approvals it may be another (``access_to``).

    Nobody is asked for anything yet.
    """
    dataverse, bus = settings.dataverse, settings.servicebus
    if bus.namespace is None:
        return tokens(dataverse), _value(bus.connection_string)
    credential = credential_of(dataverse)
    namespace = Namespace(bus.namespace, Tokens(credential, dataverse.known_cloud.servicebus_resource))
    return Tokens(credential, dataverse.url), namespace


def access_to(queue: str, settings: ServiceBusSettings, access: Access) -> Access:
    """The way to a queue or topic, where ``access`` is the way to the namespace: the same, except to approvals in a
    namespace of their own. Whoever signs in to one signs in to both, as one token opens both.
    """
    if queue != settings.approvals_queue:
        return access
    if settings.approvals_connection_string is not None:
        return _value(settings.approvals_connection_string)
    if settings.approvals_namespace is not None and isinstance(access, Namespace):
        return Namespace(settings.approvals_namespace, access.tokens)
    return access


def tokens(settings: DataverseSettings) -> TokenSource:
    """Tokens for Dataverse alone: the fixed one, or those of whoever signs in."""
    if settings.token is not None:
        return StaticToken(settings.token.get_secret_value())
    return Tokens(credential_of(settings), settings.url)


def credential_of(settings: DataverseSettings) -> Credential:
    """Who signs in, and by what proof."""
    if settings.sign_in == "managed-identity":
        return ManagedIdentity(settings.client_id)
    authority = settings.known_cloud.authority
    tenant, client_id = settings.tenant_id or "", settings.client_id or ""
    if settings.by_person:
        by_code = settings.sign_in == "device-code"
        cache = TokenCache(settings.token_cache)
        return Person(authority, tenant, client_id, by_code=by_code, tell=_tell, cache=cache)
    return Application(authority, tenant, client_id, _proof(settings))


def unattended(settings: Settings) -> Settings:
    """The settings, if nobody need be there to sign in. Raises ``NotConfigured``."""
    if settings.dataverse.by_person:
        raise NotConfigured(
            [
                f"PSA_CONNECTOR_DATAVERSE__SIGN_IN is {settings.dataverse.sign_in}, which asks a person; the service "
                "runs by itself. Use managed-identity, workload-identity, certificate or client-secret."
            ]
        )
    return settings


def _proof(settings: DataverseSettings) -> Proof:
    match settings.sign_in:
        case "certificate":
            password = settings.certificate_password
            return Certificate(_path(settings.certificate), None if password is None else _value(password))
        case "workload-identity":
            return FederatedToken(_path(settings.federated_token_file))
        case _ if settings.client_secret_file is not None:
            return SecretFile(settings.client_secret_file)
        case _:
            return Secret(_value(settings.client_secret))


def _value(secret: SecretStr | None) -> str:
    if secret is None:
        raise ValueError("Settings name what they need; they were validated.")
    return secret.get_secret_value()


def _path(path: Path | None) -> Path:
    if path is None:
        raise ValueError("Settings name what they need; they were validated.")
    return path


def _tell(text: str) -> None:
    """To whoever sits there; data goes to the other stream."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
