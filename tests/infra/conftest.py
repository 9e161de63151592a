"""Deployments on paper that the tests share."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.templates import INFRA, parameters

ENVIRONMENT = {
    "PSA_CONNECTOR_IMAGE": "psaprod.azurecr.io/psa-connector@sha256:1",
    "PSA_CONNECTOR_TEAMS_WEBHOOK": "https://teams.example.org/secret-address",
}


@pytest.fixture(params=["test", "production"])
def given(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What one of the parameter files says."""
    return parameters(INFRA / "parameters" / f"{request.param}.bicepparam", ENVIRONMENT)


@pytest.fixture
def production() -> dict[str, Any]:
    """What the file for production says, with everything switched on that it leaves out."""
    said = parameters(INFRA / "parameters" / "production.bicepparam", ENVIRONMENT)
    people = {"commandSenders": ["giver"], "replyReaders": ["reader", "other"], "registrars": ["registrar"]}
    people |= {"eventReaders": ["listener"], "operators": ["operator"]}
    return said | people | {"allowedAddresses": ["20.1.2.0/24"], "profileText": "[columns]"}
