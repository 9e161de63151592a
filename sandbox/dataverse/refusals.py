"""Refusals in the words and codes of Dataverse, one function per reason.

Codes and wording: Microsoft Learn, "Troubleshoot Dataverse Web API client errors" and "Compose HTTP requests and
handle errors". ``unsupported`` alone has a code of our own: it can never be mistaken for an answer of Dataverse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sandbox.dataverse.unit_of_work import Refused

NOT_IN_SANDBOX = "NotSupportedBySandbox"


def missing(table: str, id: UUID) -> Refused:
    """No row has this id."""
    return Refused(f"Entity '{table}' With Id = {id} Does Not Exist", "0x80040217", 404)


def duplicate() -> Refused:
    """The id is taken."""
    return Refused("A record with matching key values already exists.", "0x80040237", 412)


def key_taken(key: str, columns: Sequence[str]) -> Refused:
    """Another row has these values of an alternate key."""
    return Refused(
        f"A record that has the attribute values {', '.join(columns)} already exists. The entity key {key} requires "
        "that this set of attributes contains unique values. Select unique values and try again.",
        "0x80060892",
        412,
    )


def missing_by_key(table: str) -> Refused:
    """No row has these values of an alternate key."""
    return Refused(f"A record with the specified key values does not exist in {table} entity", "0x80060891", 404)


def no_key(table: str, names: Iterable[str]) -> Refused:
    """The columns between the parentheses are no alternate key of the table (the code is inferred from its list)."""
    return Refused(
        f"The specified key attributes are not a defined key for the {table} entity: {', '.join(names)}.", "0x80060890"
    )


def stale() -> Refused:
    """The row is no longer at the version the caller read."""
    return Refused(
        "The version of the existing record doesn't match the RowVersion property provided.", "0x80060882", 412
    )


def no_segment(segment: str) -> Refused:
    """No entity set, function or action has this name."""
    return Refused(f"Resource not found for the segment '{segment}'.", "0x8006088a", 404)


def no_resource(url: str) -> Refused:
    """The method does not fit the resource."""
    return Refused(f"No HTTP resource was found that matches the request URI '{url}'.", "", 404)


def too_long(most: int) -> Refused:
    """A URL longer than the service takes (the limit is published, the status is inferred)."""
    return Refused(f"The URL is longer than {most} characters; send it inside a batch.", "", 414)


def wrong_method(method: str) -> Refused:
    """The resource does not know the method."""
    return Refused(f"The requested resource does not support http method '{method}'.", "0x80060888", 405)


def no_property(name: str, table: str) -> Refused:
    """A query names a property the table does not have; names are case-sensitive."""
    return Refused(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'.", "0x80060888")


def bad_query(sentence: str) -> Refused:
    """A query that does not parse, or compares what cannot be compared."""
    return Refused(sentence, "0x80060888")


def payload(set_name: str, inner: str) -> Refused:
    """A body that the service cannot read into the entity."""
    return Refused(
        f"Error identified in Payload provided by the user for Entity :'{set_name}', For more information on this "
        f"error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  "
        f"InnerException : {inner}",
        "0x80048d19",
    )


def invalid_property(set_name: str, name: str, table: str) -> Refused:
    """A body names a property the table does not have."""
    return payload(
        set_name,
        f"Microsoft.Crm.CrmException: Invalid property '{name}' was found in entity 'Microsoft.Dynamics.CRM.{table}'. "
        f"---> Microsoft.OData.ODataException: The property '{name}' does not exist on type "
        f"'Microsoft.Dynamics.CRM.{table}'.",
    )


def undeclared(set_name: str, name: str) -> Refused:
    """A body binds a navigation property the table does not have (often: right name, wrong case)."""
    return payload(
        set_name,
        f"Microsoft.OData.ODataException: An undeclared property '{name}' which only has property annotations in the "
        "payload but no property value was found in the payload. In OData, only declared navigation properties and "
        "declared named streams can be represented as properties without values.",
    )


def literal(set_name: str, text: str, edm: str) -> Refused:
    """A body carries a value of the wrong JSON type."""
    return payload(
        set_name,
        f"Microsoft.OData.ODataException: Cannot convert the literal '{text}' to the expected type '{edm}'.",
    )


def direct_reference() -> Refused:
    """A body sets a lookup by its column instead of binding its navigation property."""
    return Refused(
        "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.",
        "0x80060888",
    )


def no_unmanaged() -> Refused:
    """The environment blocks unmanaged customizations; the words are shown publicly, the status is inferred."""
    return Refused(
        "This environment doesn't allow unmanaged customizations. This was a choice made by your admin, and certain "
        "actions won't be available or will be view only.",
        "",
        403,
    )


def unsupported(what: str) -> Refused:
    """Something Dataverse may well do and this sandbox does not."""
    return Refused(f"This sandbox does not support {what}.", NOT_IN_SANDBOX, 501)
