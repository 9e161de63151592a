"""A solution as the file it is carried in, a zip: ``solution.xml``, ``customizations.xml``, ``[Content_Types].xml``.

The manifest has the shape of files that are shown publicly; of the customizations only what the sandbox itself knows is
written. Write-only columns, as the key of a service endpoint, are not part of it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Final
from uuid import UUID
from xml.etree.ElementTree import Element, SubElement, tostring

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http.table_facts import metadata_id
from sandbox.dataverse.security.privileges import DEPTHS
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link, Row

LANGUAGE: Final = "1033"
TABLE, ROLE, STEP, IMAGE, ENDPOINT = 1, 20, 92, 93, 95
ROWS: Final = {
    ROLE: "role",
    STEP: "sdkmessageprocessingstep",
    IMAGE: "sdkmessageprocessingstepimage",
    ENDPOINT: "serviceendpoint",
}
OF_ENDPOINT: Final = (
    ("SolutionNamespace", "solutionnamespace"),
    ("ConnectionMode", "connectionmode"),
    ("Contract", "contract"),
    ("UserClaim", "userclaim"),
    ("Path", "path"),
    ("MessageFormat", "messageformat"),
    ("AuthType", "authtype"),
    ("SASKeyName", "saskeyname"),
    ("NamespaceAddress", "namespaceaddress"),
    ("NamespaceFormat", "namespaceformat"),
)
OF_STEP: Final = (
    ("SdkMessageId", "sdkmessageid"),
    ("EventHandler", "eventhandler"),
    ("AsyncAutoDelete", "asyncautodelete"),
    ("FilteringAttributes", "filteringattributes"),
    ("Mode", "mode"),
    ("Rank", "rank"),
    ("Stage", "stage"),
    ("SupportedDeployment", "supporteddeployment"),
)
CONTENT_TYPES: Final = (
    '<?xml version="1.0" encoding="utf-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/octet-stream" /></Types>'
)


def archive(uow: Transaction, solution: UUID, *, managed: bool) -> bytes:
    """The bytes of the zip."""
    row = uow.get("solution", solution) or {}
    components = uow.find("solutioncomponent", solutionid=Link("solution", solution))
    held: dict[int, list[UUID]] = {}
    for component in components:
        held.setdefault(int(str(component["componenttype"])), []).append(UUID(str(component["objectid"])))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", CONTENT_TYPES)
        file.writestr("solution.xml", _text(_manifest(uow, row, held, managed)))
        file.writestr("customizations.xml", _text(_customizations(uow, held)))
    return content.getvalue()


def _manifest(uow: Transaction, solution: Row, held: Mapping[int, list[UUID]], managed: bool) -> Element:
    root = Element("ImportExportXml", version="9.2.0.0", SolutionPackageVersion="9.2", languagecode=LANGUAGE)
    manifest = SubElement(root, "SolutionManifest")
    publisher = solution.get("publisherid")
    owner = (uow.get("publisher", publisher.id) if isinstance(publisher, Link) else None) or {}
    _named(manifest, solution)
    SubElement(manifest, "Version").text = str(solution.get("version"))
    SubElement(manifest, "Managed").text = str(int(managed))
    about = SubElement(manifest, "Publisher")
    _named(about, owner)
    SubElement(about, "CustomizationPrefix").text = str(owner.get("customizationprefix"))
    SubElement(about, "CustomizationOptionValuePrefix").text = str(owner.get("customizationoptionvalueprefix"))
    roots = SubElement(manifest, "RootComponents")
    for kind, ids in sorted(held.items()):
        for id in ids:
            which = {"schemaName": _table(uow, id).name} if kind == TABLE else {"id": f"{{{id}}}"}
            SubElement(roots, "RootComponent", {"type": str(kind), **which, "behavior": "0"})
    SubElement(manifest, "MissingDependencies")
    return root


def _named(element: Element, row: Row) -> None:
    SubElement(element, "UniqueName").text = str(row.get("uniquename"))
    names = SubElement(element, "LocalizedNames")
    SubElement(names, "LocalizedName", description=str(row.get("friendlyname")), languagecode=LANGUAGE)


def _customizations(uow: Transaction, held: Mapping[int, list[UUID]]) -> Element:
    root = Element("ImportExportXml")
    tables = SubElement(root, "Entities")
    for id in held.get(TABLE, []):
        _entity(tables, _table(uow, id))
    roles = SubElement(root, "Roles")
    for row in _rows(uow, held, ROLE):
        _role(uow, roles, row)
    steps = SubElement(root, "SdkMessageProcessingSteps")
    for row in _rows(uow, held, STEP):
        key = f"{{{row['sdkmessageprocessingstepid']}}}"
        step = SubElement(steps, "SdkMessageProcessingStep", Name=str(row["name"]), SdkMessageProcessingStepId=key)
        _cells(step, row, OF_STEP)
        watched = row.get("sdkmessagefilterid")
        found = uow.get("sdkmessagefilter", watched.id) if isinstance(watched, Link) else None
        SubElement(step, "PrimaryEntity").text = str((found or {}).get("primaryobjecttypecode", "none"))
    endpoints = SubElement(root, "ServiceEndpoints")
    for row in _rows(uow, held, ENDPOINT):
        key = f"{{{row['serviceendpointid']}}}"
        _cells(SubElement(endpoints, "ServiceEndpoint", Name=str(row["name"]), ServiceEndpointId=key), row, OF_ENDPOINT)
    languages = SubElement(root, "Languages")
    SubElement(languages, "Language").text = LANGUAGE
    return root


def _entity(tables: Element, table: Table) -> None:
    entity = SubElement(tables, "Entity")
    SubElement(entity, "Name", LocalizedName=table.label).text = table.schema_name
    about = SubElement(SubElement(entity, "EntityInfo"), "entity", Name=table.schema_name)
    attributes = SubElement(about, "attributes")
    for column in table.columns.values():
        attribute = SubElement(attributes, "attribute", PhysicalName=column.schema_name)
        SubElement(attribute, "Type").text = column.kind
        SubElement(attribute, "LogicalName").text = column.name
    SubElement(about, "EntitySetName").text = table.set_name


def _role(uow: Transaction, roles: Element, row: Row) -> None:
    role = SubElement(roles, "Role", id=f"{{{row['roleid']}}}", name=str(row["name"]))
    privileges = SubElement(role, "RolePrivileges")
    levels = {mask: word for word, mask in DEPTHS.items()}
    for held in uow.find("roleprivileges", roleid=row["roleid"]):
        named = uow.get("privilege", UUID(str(held["privilegeid"]))) or {}
        level = levels[int(str(held["privilegedepthmask"]))]
        SubElement(privileges, "RolePrivilege", name=str(named.get("name")), level=level)


def _cells(element: Element, row: Row, columns: tuple[tuple[str, str], ...]) -> None:
    for name, column in columns:
        cell = row.get(column)
        told = cell.id if isinstance(cell, Link) else int(cell) if isinstance(cell, bool) else cell
        SubElement(element, name).text = "" if told is None else str(told)


def _rows(uow: Transaction, held: Mapping[int, list[UUID]], kind: int) -> list[Row]:
    return [row for id in held.get(kind, []) if (row := uow.get(ROWS[kind], id)) is not None]


def _table(uow: Transaction, id: UUID) -> Table:
    return next(table for table in uow.catalog if metadata_id(table.name) == id)


def _text(root: Element) -> str:
    return tostring(root, encoding="unicode", xml_declaration=True)
