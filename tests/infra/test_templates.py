"""The templates as such: read, carried out on paper, and held against what Azure documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.infra.paper import SET_TO_NONE
from tests.infra.templates import INFRA, Template, altered, deploy, from_disk, parameters, read, templates

MAIN = INFRA / "main.bicep"
DOCUMENTED: Mapping[str, list[str]] = json.loads(
    (Path(__file__).parent / "documented.json").read_text(encoding="utf-8")
)
"""Types of resources with their API version, and the properties of them that are used, as Azure's own type definitions
spell them; below one with a star, names are free."""
PLACE = frozenset({"parent", "scope", "dependsOn"})
"""What Bicep itself takes on every resource."""
Look = Callable[[Path], Template]


def undocumented(given: Mapping[str, Any], look: Look = from_disk) -> set[str]:
    """What is spelled in a way Azure does not document."""
    found = set()
    for one in deploy(look(MAIN), given, look).resources:
        kind = f"{one.type}@{one.api_version}"
        if kind not in DOCUMENTED:
            found.add(kind)
            continue
        free = {path.removesuffix(" *") for path in DOCUMENTED[kind] if path.endswith(" *")}
        known = free.union(DOCUMENTED[kind])
        written = {name: value for name, value in one.config.items() if name not in PLACE}
        found |= {f"{kind} {path}" for path in _paths(written, "", free) if path not in known}
    return found


def _paths(value: object, path: str, free: set[str]) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _paths(one, path, free)
    elif isinstance(value, Mapping) and path not in free:
        for name, inner in value.items():
            below = f"{path}.{name}" if path else name
            yield below
            yield from _paths(inner, below, free)


def undeclared(template: Template) -> set[str]:
    """Names that nothing in the file declares."""
    return template.mentioned - template.names


def unused(template: Template) -> set[str]:
    """Parameters and variables that nothing in the file refers to."""
    return {*template.part("parameters"), *template.part("variables")} - template.mentioned


def test_every_file_can_be_read() -> None:
    assert {one.path.name for one in templates()} >= {"main.bicep", "ingress.bicep", "internal.bicep", "run.bicep"}


def test_both_parameter_files_name_parameters_there_are_and_every_module_gets_all_of_its_own(
    given: dict[str, Any],
) -> None:
    made = deploy(from_disk(MAIN), given)
    assert len(made.resources) > 40
    for name in ("commandsQueu", "dataverseURL"):
        with pytest.raises(ValueError, match="no such parameters"):
            deploy(from_disk(MAIN), given | {name: "x"})


def test_without_an_image_everything_but_the_containers_is_made(given: dict[str, Any]) -> None:
    made = deploy(from_disk(MAIN), given | {"image": "none"})
    assert not [one for one in made.resources if one.type in ("Microsoft.App/containerApps", "Microsoft.App/jobs")]
    assert made.of("Microsoft.ContainerRegistry/registries")


def test_every_type_version_and_property_is_spelled_as_azure_documents_it(
    given: dict[str, Any], production: dict[str, Any]
) -> None:
    assert undocumented(given) == set()
    assert undocumented(production) == set()
    assert undocumented(production | {"separateNamespaces": False}) == set()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("modules/ingress.bicep", "disableLocalAuth:", "disableLocalAuthentication:"),
        ("modules/internal.bicep", "queues@2024-01-01", "queues@2024-13-01"),
        ("modules/app.bicep", "terminationGracePeriodSeconds", "terminationGracePeriod"),
        ("modules/people.bicep", "emailAddress:", "email_address:"),
        ("main.bicep", "maxDeliveryCount: 50", "maximumDeliveryCount: 50"),
    ],
)
def test_a_wrong_spelling_is_noticed(file: str, old: str, new: str, production: dict[str, Any]) -> None:
    assert undocumented(production, altered(file, old, new))


def test_nothing_is_declared_for_nothing() -> None:
    assert {one.path.name: unused(one) for one in templates() if unused(one)} == {}
    forgotten = read(MAIN, from_disk(MAIN).text + "\nparam forgotten string = 'forgotten-value'\n")
    assert unused(forgotten) == {"forgotten"}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.bicep", "    name: name\n", "    name: nam\n"),
        ("main.bicep", "replyQueues: answerQueues", "replyQueues: answerQueue"),
        ("modules/network.bicep", "? address.properties", "? adress.properties"),
        ("modules/internal.bicep", "for reply in replyQueues:", "for reply in replies2:"),
        ("modules/jobs.bicep", "'${name}-${job.name}'", "'${name}-${jobs1.name}'"),
    ],
)
def test_a_name_that_nothing_declares_is_noticed(file: str, old: str, new: str) -> None:
    assert {one.path.name: undeclared(one) for one in templates() if undeclared(one)} == {}
    assert undeclared(altered(file, old, new)(INFRA / file))


@pytest.mark.parametrize(
    ("new", "said"), [("", "healthPort is missing"), ("    healthPort: 8080\n    port: 8080\n", "no such parameters")]
)
def test_a_module_that_is_called_wrongly_is_noticed(new: str, said: str, production: dict[str, Any]) -> None:
    look = altered("modules/run.bicep", "    healthPort: 8080\n", new)
    with pytest.raises(ValueError, match=said):
        deploy(look(MAIN), production, look)


def test_the_names_fit_into_what_azure_allows_however_long_the_first_one_is(production: dict[str, Any]) -> None:
    made = deploy(from_disk(MAIN), production | {"name": "psaconnector"})
    for kind, shape in {
        "Microsoft.KeyVault/vaults": r"[a-z](?!.*--)[a-z0-9-]{1,22}[a-z0-9]",
        "Microsoft.ContainerRegistry/registries": r"[a-z0-9]{5,50}",
        "Microsoft.ServiceBus/namespaces": r"[a-z][a-z0-9-]{4,48}[a-z0-9]",
        "Microsoft.App/containerApps": r"[a-z](?!.*--)[a-z0-9-]{0,29}[a-z0-9]",
        "Microsoft.App/jobs": r"[a-z](?!.*--)[a-z0-9-]{0,29}[a-z0-9]",
    }.items():
        assert made.of(kind)
        for one in made.of(kind):
            assert re.fullmatch(shape, one.name), one.name


def test_a_parameter_out_of_bounds_is_refused(given: dict[str, Any]) -> None:
    for wrong in ({"cloud": "germany"}, {"maxReplicas": 40}, {"name": "ps"}, {"creator": "both"}):
        with pytest.raises(ValueError, match="not allowed"):
            deploy(from_disk(MAIN), given | wrong)


def test_the_file_for_a_test_environment_stands_for_the_smallest_and_the_other_for_the_whole() -> None:
    small, whole = (
        parameters(INFRA / "parameters" / f"{name}.bicepparam", SET_TO_NONE) for name in ("test", "production")
    )
    assert (small["minReplicas"], small["maxReplicas"]) == (0, 1)
    assert whole["minReplicas"] >= 1
    assert small["image"] == whole["image"] == "none"
