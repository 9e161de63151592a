"""``$metadata``: the tables as an OData schema (CSDL), as far as clients read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import quoteattr

from sandbox.dataverse.catalog import Catalog, Column, Table
from sandbox.dataverse.http.action_parameters import PARAMETERS
from sandbox.dataverse.odata.values import edm_type
from sandbox.dataverse.unit_of_work import ActionBinding

HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
    '<Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
    '<EntityType Name="crmbaseentity" Abstract="true"/>'
    '<EntityType Name="principal" BaseType="mscrm.crmbaseentity"><Key><PropertyRef Name="ownerid"/></Key>'
    '<Property Name="ownerid" Type="Edm.Guid"/></EntityType>'
    '<ComplexType Name="WhoAmIResponse"><Property Name="BusinessUnitId" Type="Edm.Guid" Nullable="false"/>'
    '<Property Name="UserId" Type="Edm.Guid" Nullable="false"/>'
    '<Property Name="OrganizationId" Type="Edm.Guid" Nullable="false"/></ComplexType>'
    '<ComplexType Name="RolePrivilege"><Property Name="Depth" Type="Edm.String"/>'
    '<Property Name="PrivilegeId" Type="Edm.Guid" Nullable="false"/></ComplexType>'
    '<Function Name="WhoAmI"><ReturnType Type="mscrm.WhoAmIResponse" Nullable="false"/></Function>'
)
TAIL = "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"
OWNERS = {"systemuser", "team"}
"""Tables whose rows may own others; a lookup to both is typed by what they have in common."""


def document(catalog: Catalog, actions: Sequence[ActionBinding]) -> str:
    """The whole document."""
    types = (part for table in catalog for part in _entity(catalog, table))
    sets = (part for table in catalog for part in _set(catalog, table))
    imports = (_tag("ActionImport", Name=a.name, Action=f"mscrm.{a.name}") for a in actions if a.bound_to is None)
    container = '<EntityContainer Name="System"><FunctionImport Name="WhoAmI" Function="mscrm.WhoAmI"/>'
    parts = [HEAD, *types, *(_action(a) for a in actions), container, *sets, *imports, TAIL]
    return "".join(parts)


def _tag(name: str, **attributes: str) -> str:
    """An empty element."""
    return f"{_opened(name, attributes)[:-1]}/>"


def _opened(name: str, attributes: Mapping[str, str]) -> str:
    text = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{text}>"


def _entity(catalog: Catalog, table: Table) -> Iterator[str]:
    base = "principal" if table.name in OWNERS else "crmbaseentity"
    yield _opened("EntityType", {"Name": table.name, "BaseType": f"mscrm.{base}"})
    yield f'<Key><PropertyRef Name="{table.id_column}"/></Key>'
    for column in table.columns.values():
        if not (table.name in OWNERS and column.name == "ownerid"):
            yield _property(column)
    for navigation, (column, targets) in table.navigations.items():
        yield from _single(catalog, table, navigation, column, targets)
    for collection in catalog.collections(table).values():
        partner = collection.lookup.to[table.name]
        kind = f"Collection(mscrm.{collection.table.name})"
        yield _tag("NavigationProperty", Name=collection.name, Type=kind, Partner=partner)
    yield from _keys(table)
    yield "</EntityType>"


def _property(column: Column) -> str:
    facts: dict[str, str] = {"Name": column.property_name, "Type": edm_type(column)}
    if column.length is not None:
        facts["MaxLength"] = str(column.length)
    if facts["Type"] == "Edm.Decimal":
        facts["Scale"] = "Variable"
    if column.kind != "lookup" and not column.read_only:
        return _tag("Property", **facts)
    computed = '<Annotation Term="Org.OData.Core.V1.Computed"><Bool>true</Bool></Annotation>'
    return f"{_opened('Property', facts)}{computed}</Property>"


def _single(catalog: Catalog, table: Table, navigation: str, column: Column, targets: frozenset[str]) -> Iterator[str]:
    known = [catalog.find(target) for target in sorted(targets)]
    target = known[0]
    if target is None or (len(known) > 1 and not targets <= OWNERS):
        return
    kind, key = (target.name, target.id_column) if len(known) == 1 else ("principal", "ownerid")
    yield _opened("NavigationProperty", {"Name": navigation, "Type": f"mscrm.{kind}", "Nullable": "true"})
    yield _tag("ReferentialConstraint", Property=column.property_name, ReferencedProperty=key)
    yield "</NavigationProperty>"


def _keys(table: Table) -> Iterator[str]:
    active = [key for key in table.keys if key.status == "Active"]
    if not active:
        return
    yield '<Annotation Term="OData.Community.Keys.V1.AlternateKeys"><Collection>'
    for key in active:
        yield '<Record Type="OData.Community.Keys.V1.AlternateKey"><PropertyValue Property="Key"><Collection>'
        for name in key.columns:
            path = table.columns[name].property_name
            yield '<Record Type="OData.Community.Keys.V1.PropertyRef">'
            yield f'<PropertyValue Property="Alias" String="{name}"/>'
            yield f'<PropertyValue Property="Name" PropertyPath="{path}"/></Record>'
        yield "</Collection></PropertyValue></Record>"
    yield "</Collection></Annotation>"


def _action(action: ActionBinding) -> str:
    facts, taken = {"Name": action.name}, ""
    if action.bound_to is not None:
        facts["IsBound"] = "true"
        taken = _tag("Parameter", Name="entity", Type=f"mscrm.{action.bound_to}", Nullable="false")
    given = PARAMETERS.get(action.name, {})
    taken += "".join(_tag("Parameter", Name=name, Type=kind, Nullable="false") for name, kind in given.items())
    return f"{_opened('Action', facts)}{taken}</Action>" if taken else _tag("Action", **facts)


def _set(catalog: Catalog, table: Table) -> Iterator[str]:
    yield _opened("EntitySet", {"Name": table.set_name, "EntityType": f"mscrm.{table.name}"})
    for navigation, (_, targets) in table.navigations.items():
        target = catalog.find(next(iter(targets)))
        if target is not None and len(targets) == 1:
            yield _tag("NavigationPropertyBinding", Path=navigation, Target=target.set_name)
    for collection in catalog.collections(table).values():
        yield _tag("NavigationPropertyBinding", Path=collection.name, Target=collection.table.set_name)
    yield "</EntitySet>"
