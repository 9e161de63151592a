"""The solution file: what is asked of Dataverse, and what is refused or taken out of its answer."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest
import responses

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured
from service.registering.package import Package, export
from service.registering.wanted import ENDPOINT, WATCHED

API = "https://contoso.crm4.dynamics.com/api/data/v9.2/"


def archive(customizations: str, roots: str, managed: int = 0) -> str:
    content = io.BytesIO()
    manifest = f"<UniqueName>Mine</UniqueName><Version>1.0</Version><Managed>{managed}</Managed>"
    with zipfile.ZipFile(content, "w") as file:
        named = f"<RootComponents>{roots}</RootComponents>"
        file.writestr(
            "solution.xml", f"<ImportExportXml><SolutionManifest>{manifest}{named}</SolutionManifest></ImportExportXml>"
        )
        file.writestr("customizations.xml", customizations)
    return base64.b64encode(content.getvalue()).decode()


ROOTS = '<RootComponent type="1" schemaName="psac_Command"/>' + "".join(
    f'<RootComponent type="{kind}" id="{{{id}}}"/>' for kind, id in [(95, ENDPOINT), *((92, one.id) for one in WATCHED)]
)


def packed(file: str, *, managed: bool = False, key: str | None = "the-key") -> Package:
    with responses.RequestsMock() as mock:
        asked = responses.matchers.json_params_matcher({"SolutionName": "Mine", "Managed": managed})
        mock.post(f"{API}ExportSolution", json={"ExportSolutionFile": file}, match=[asked])
        client = DataverseClient(API.removesuffix("/api/data/v9.2/"), StaticToken("administrator"))
        try:
            return export(client, "Mine", managed=managed, key=key)
        finally:
            client.close()


def test_a_package_loses_the_secrets_it_came_with() -> None:
    inside = "<ServiceEndpoint AuthValue='hook'><SASKey>the-key</SASKey><SASKeyName>send</SASKeyName></ServiceEndpoint>"
    package = packed(archive(f"<E>{inside}</E>", ROOTS))
    assert (package.components, package.scrubbed, package.version) == (5, 2, "1.0")
    with zipfile.ZipFile(io.BytesIO(package.content)) as file:
        assert file.read("customizations.xml") == (
            b'<E><ServiceEndpoint AuthValue=""><SASKey></SASKey><SASKeyName>send</SASKeyName></ServiceEndpoint></E>'
        )


@pytest.mark.parametrize(
    "said",
    [
        "<SASKey><![CDATA[SECRET=]]></SASKey>",
        "<SASKey>a&amp;SECRET</SASKey>",
        "<SasKey >SECRET</SasKey >",
        "<n:SASKey xmlns:n='u'>SECRET</n:SASKey>",
        "<SASKey/><SASToken>SECRET</SASToken><AuthValue></AuthValue>",
    ],
)
def test_a_secret_is_found_however_it_is_written_and_without_its_being_known(said: str) -> None:
    package = packed(archive(f"<E>{said}</E>", ROOTS), key=None)
    assert package.scrubbed == 1
    with zipfile.ZipFile(io.BytesIO(package.content)) as file:
        assert b"SECRET" not in file.read("customizations.xml")


@pytest.mark.parametrize("said", ["<A SASKey = 'SECRET'/>", "<A xmlns:n='u' n:AuthValue = 'S'/>"])
def test_a_secret_that_can_not_be_taken_out_is_refused_without_its_being_known(said: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        packed(archive(f"<E>{said}</E>", ROOTS), key=None)
    assert refused.value.code == "secret-in-package"


@pytest.mark.parametrize(
    ("file", "managed", "code"),
    [
        (archive("<E Other='the-key'/>", ROOTS), False, "secret-in-package"),
        (archive("<E/>", ROOTS.replace(str(ENDPOINT), str(WATCHED[0].id))), False, "incomplete-solution"),
        (archive("<E/>", ROOTS), True, "unreadable-answer"),
        (base64.b64encode(b"no zip").decode(), False, "unreadable-answer"),
        ("***", False, "unreadable-answer"),
    ],
)
def test_a_package_that_is_not_what_was_meant_is_refused(file: str, managed: bool, code: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        packed(file, managed=managed)
    assert refused.value.code == code
