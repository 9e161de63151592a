"""What a path and a method mean: one operation, carried out inside a transaction that is already open."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http import (
    associations,
    bulk,
    bulk_delete,
    functions,
    global_choices,
    metadata_messages,
    parts,
    records,
    relationships,
    solutions,
)
from sandbox.dataverse.http.actions import NAMESPACE, Actions, who_am_i
from sandbox.dataverse.http.associations import NAMES
from sandbox.dataverse.http.collections import collection, collection_count
from sandbox.dataverse.http.definitions import Definitions
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.keys import locate
from sandbox.dataverse.http.metadata_document import document
from sandbox.dataverse.http.payload import follow
from sandbox.dataverse.http.queries import Reader
from sandbox.dataverse.refusals import bad_query, no_resource, no_segment, unsupported, wrong_method
from sandbox.dataverse.security.guard import Guard
from sandbox.dataverse.switches import Switches
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding, Refused

METADATA: Mapping[str, Callable[[Transaction, Request, str | None, str], Answer]] = {
    "EntityDefinitions": Definitions().operate,
    "RelationshipDefinitions": relationships.operate,
    "GlobalOptionSetDefinitions": global_choices.operate,
}
SEGMENT = re.compile(r"^(\w+)(?:\((.*)\))?$", re.DOTALL)
BY_NAMES = re.compile(rf"^{re.escape(NAMESPACE)}{functions.BY_NAMES}\((.*)\)$")
ELSEWHERE = frozenset(
    {"InsertOptionValue", "UpdateOptionValue", "DeleteOptionValue", "OrderOption", "InsertStatusValue", "Merge"}
    | {"RetrieveTotalRecordCount", "RetrieveVersion", "RetrieveCurrentOrganization", "InitializeFrom"}
    | {"ImportSolution", "ExecuteWorkflow", "RetrieveDuplicates"}
)
"""Messages of the platform that clients call and this sandbox does not have."""
WRITES = {"PATCH": "Update", "DELETE": "Delete"}
REFUSED_HEADERS = (
    "mscrm.bypassbusinesslogicexecution",
    "mscrm.bypassbusinesslogicexecutionstepids",
    "mscrm.bypasscustompluginexecution",
)


class Service:
    """Carries out operations, as the environment's switches have it."""

    def __init__(self, actions: Sequence[ActionBinding], switches: Switches) -> None:
        self._bindings = (*actions, *associations.ACTIONS)
        self._actions = Actions(self._bindings)
        self._switches = switches

    def operate(self, uow: Transaction, request: Request) -> Answer:
        """Carry out one operation; whatever Dataverse would refuse raises ``Refused``."""
        self._understood(request)
        before, solution = len(uow.writes), solutions.meant(uow, request)
        answer = self._carry_out(uow, request)
        if request.method != "GET":
            solutions.keep(uow, request, solution, answer, uow.writes[before:])
        return answer

    def _carry_out(self, uow: Transaction, request: Request) -> Answer:
        uow.shared_variables = {"tag": request.query["tag"]} if "tag" in request.query else {}
        path = follow(request, request.path) if request.in_change_set else request.path
        path = path.removeprefix(f"{request.base}/")
        first, _, rest = path.partition("/")
        match = SEGMENT.match(first)
        if match is None:
            if path == "":
                return self._service_document(uow, request)
            if path == "$metadata":
                if request.method != "GET":
                    raise wrong_method(request.method)
                return Answer(200, raw=("application/xml", document(uow.catalog, self._bindings).encode()))
            raise no_segment(first)
        name, key = match.groups()
        guard = Guard(uow)
        if name in METADATA:
            self._may_customize(request, guard, columns=bool(rest) or name != "EntityDefinitions")
            return METADATA[name](uow, request, key, rest)
        table = uow.catalog.by_set(name)
        if table is None:
            return self._unbound(uow, request, guard, name, key, rest)
        if key is None:
            return self._collection(uow, request, guard, table, rest)
        return self._row(uow, request, guard, table, key, rest)

    def _understood(self, request: Request) -> None:
        for header in REFUSED_HEADERS:
            if request.header(header):
                raise unsupported(f"the header {header}")

    def _may_customize(self, request: Request, guard: Guard, *, columns: bool) -> None:
        """Environments may block unmanaged customizations; the words are shown publicly, the status is inferred."""
        if request.method == "GET":
            return
        guard.customizing(columns=columns)
        if self._switches.block_unmanaged_customizations:
            raise Refused(
                "This environment doesn't allow unmanaged customizations. This was a choice made by your admin, and "
                "certain actions won't be available or will be view only.",
                "",
                403,
            )

    def _unbound(
        self, uow: Transaction, request: Request, guard: Guard, name: str, key: str | None, rest: str
    ) -> Answer:
        if name == "WhoAmI" and not rest:
            if request.method != "GET":
                raise no_resource(f"{request.base}/{request.path}")
            return who_am_i(uow, request)
        if name == functions.LOCAL_TIME and key is not None and not rest and request.method == "GET":
            return functions.local_time(request, key)
        if name == functions.OF_ROLE and key is not None and not rest and request.method == "GET":
            guard.reading(uow.catalog.table("role"))
            return functions.privileges_of_role(uow, request, key)
        if name in ELSEWHERE:
            raise unsupported(f"the message {name}")
        if name == metadata_messages.CHANGES and key is not None and not rest and request.method == "GET":
            return metadata_messages.metadata_changes(uow, request, key)
        if request.method == "POST" and not rest:
            self._may_call(request)
            if name == metadata_messages.MADE_TOGETHER:
                self._may_customize(request, guard, columns=False)
                return metadata_messages.create_entities(uow, request)
            if name in metadata_messages.PUBLISHED:
                return Answer(204)  # what is made here is there at once
            if name == solutions.ADD:
                return solutions.add(uow, request, guard)
            if name == solutions.EXPORT:
                return solutions.export(uow, request, guard)
            if name == bulk_delete.NAME:
                return bulk_delete.run(self.operate, uow, request)
            guard.acting(name, None, None)
            return self._actions.call(uow, request, name, None, None)
        raise no_segment(name)

    def _collection(self, uow: Transaction, request: Request, guard: Guard, table: Table, rest: str) -> Answer:
        if rest == "$count" and request.method == "GET":
            return collection_count(Reader(guard.reading(table), request), table)
        if rest.startswith(NAMESPACE) and request.method == "POST":
            self._may_call(request)
            return bulk.run(self.operate, uow, request, table, rest.removeprefix(NAMESPACE))
        if rest:
            raise unsupported(f"the path {request.path}")
        if request.method == "GET":
            if "odata.track-changes" in request.preferences or "$deltatoken" in request.query:
                guard.tracking(table)
            return collection(Reader(guard.reading(table), request), table)
        if request.method == "POST":
            with guard.writing("Create", table, None):
                return records.create(uow, request, table)
        raise wrong_method(request.method)

    def _row(self, uow: Transaction, request: Request, guard: Guard, table: Table, key: str, rest: str) -> Answer:
        address = locate(uow, table, key)
        if rest.startswith(NAMESPACE):
            if request.method == "GET" and table.name == "systemuser" and (named := BY_NAMES.match(rest)):
                guard.reading(table, address.existing())
                return functions.privileges_by_names(uow, request, address.existing(), named[1])
            if request.method != "POST":
                raise no_resource(f"{request.base}/{request.path}")
            self._may_call(request)
            name = rest.removeprefix(NAMESPACE).removesuffix("()")
            guard.acting(name, table, address.existing())
            return self._actions.call(uow, request, name, table, address.existing())
        if rest.startswith(NAMES):
            return associations.change(uow, request, guard, table, address.existing(), rest)
        if rest and request.method == "GET":
            reader = Reader(guard.reading(table, address.existing()), request)
            if rest.endswith("/$ref") or rest.removesuffix(parts.VALUE) in table.properties:
                return parts.read(reader, table, address.existing(), rest)
            return reader.behind(table, address.existing(), rest)
        if rest:
            return parts.write(self.operate, uow, request, table, address.existing(), rest)
        if request.method == "GET":
            return records.retrieve(guard.reading(table, address.existing()), request, address)
        operation = {"PATCH": records.patch, "DELETE": records.delete}.get(request.method)
        if operation is None:
            raise wrong_method(request.method)
        there = address.id is not None and uow.store.exists(table, address.id)
        if not there and request.method == "DELETE":
            raise address.missing()
        creates = not there or (request.method == "PATCH" and request.header("if-none-match") == "*")
        with guard.writing(WRITES[request.method], table, None if creates else address.id):
            return operation(uow, request, address)

    def _may_call(self, request: Request) -> None:
        if request.in_change_set and not self._switches.actions_in_change_sets:
            raise bad_query("This environment does not take actions inside a change set.")

    def _service_document(self, uow: Transaction, request: Request) -> Answer:
        if request.method != "GET":
            raise wrong_method(request.method)
        sets = [{"name": t.set_name, "kind": "EntitySet", "url": t.set_name} for t in uow.catalog]
        return Answer(200, json={"@odata.context": f"{request.base}/$metadata", "value": sets})
