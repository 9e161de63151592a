"""Signing in as an application, by a secret, a certificate, or a token file of the platform it runs on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from connector.errors import Misconfigured
from connector.sign_in.certificates import read_certificate
from connector.sign_in.session import SignInSession, failures_of_sign_in

log = logging.getLogger(__name__)

CAPABILITIES = ["CP1"]
"""Says that claims challenges are answered here, so that a token is worth its time and can be revoked all the same."""


class Proof(Protocol):
    """What proves that the application is who it says. No ``repr`` shows a secret."""

    def read(self) -> object:
        """MSAL's ``client_credential``, equal to the last one if nothing changed. Raises ``Misconfigured``."""
        ...


class Secret:
    """A client secret."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret()"

    def read(self) -> object:
        """See ``Proof``."""
        return self._value


class SecretFile:
    """A client secret in a file, as vaults mount them; read with every renewal, so that a new one needs no restart."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"SecretFile({str(self._path)!r})"

    def read(self) -> object:
        """See ``Proof``."""
        return text_of(self._path, "sign-in-secret-file")


class Certificate:
    """A certificate and its key in a PEM or PFX file, read with every renewal; the certificate goes along (x5c)."""

    def __init__(self, path: Path, password: str | None = None) -> None:
        self._path = path
        self._password = password

    def __repr__(self) -> str:
        return f"Certificate({str(self._path)!r})"

    def read(self) -> object:
        """See ``Proof``."""
        found = read_certificate(self._path, self._password)
        return {"private_key": found.key, "public_certificate": found.certificate}


class FederatedToken:
    """A token file that the platform renews, as Kubernetes does for workload identities; read whenever it is sent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._credential = {"client_assertion": self._assertion}

    def __repr__(self) -> str:
        return f"FederatedToken({str(self._path)!r})"

    def read(self) -> object:
        """See ``Proof``."""
        return self._credential

    def _assertion(self) -> str:
        return text_of(self._path, "sign-in-token-file")


class Application:
    """A ``Credential``: an app registration of a tenant. ``authority`` is the sign-in host of the cloud."""

    def __init__(self, authority: str, tenant: str, client_id: str, proof: Proof) -> None:
        self._authority = f"{authority.rstrip('/')}/{tenant}"
        self._client_id = client_id
        self._proof = proof
        self._session = SignInSession()
        self._read: object = None
        self._application: Any = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Application({self._authority!r}, {self._client_id!r}, {self._proof!r})"

    def acquire(self, resource: str, *, anew: bool, claims: str | None) -> Mapping[str, Any]:
        """See ``Credential``."""
        with self._lock:
            read = self._proof.read()
            with failures_of_sign_in(self._authority):
                application = self._with(read)
                if anew and claims is None:
                    application.remove_tokens_for_client()
                answer: Mapping[str, Any] = application.acquire_token_for_client(
                    scopes=[f"{resource}/.default"], claims_challenge=claims
                )
        return answer

    def _with(self, read: object) -> Any:
        """MSAL's application; made anew when the proof has changed."""
        # Imported here: msal takes a sixth of a second, which a command that never signs in need not spend.
        import msal  # type: ignore[import-untyped]

        if self._application is None or read != self._read:
            if self._application is not None:
                log.info("%r has changed and is used from now on", self._proof)
            # The authorities are known: nothing need be asked about them.
            self._application = msal.ConfidentialClientApplication(
                self._client_id,
                client_credential=read,
                authority=self._authority,
                http_client=self._session,
                client_capabilities=CAPABILITIES,
                instance_discovery=False,
                azure_region=False,
            )
            self._read = read
        return self._application


def text_of(path: Path, code: str) -> str:
    """What a file of one secret says, without space around it. Raises ``Misconfigured`` that names the file only."""
    try:
        # An editor of Windows puts a mark before the text, which is no part of the secret.
        text = path.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise Misconfigured(code, f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Misconfigured(code, f"{path} is no text.") from error
    if not text:
        raise Misconfigured(code, f"{path} is empty.")
    return text
