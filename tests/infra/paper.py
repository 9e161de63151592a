"""What a deployment on paper holds, by the words the tests use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.infra.bicep_values import Later, Made
from tests.infra.templates import INFRA, Deployed, Template, deploy, from_disk

MAIN = INFRA / "main.bicep"
SET_TO_NONE = {"PSA_CONNECTOR_IMAGE": "none", "PSA_CONNECTOR_TEAMS_WEBHOOK": "none"}
SECRET = "the value of the secret "
Look = Callable[[Path], Template]


def deployed(given: Mapping[str, Any], look: Look = from_disk) -> Deployed:
    """The whole, with these parameters."""
    return deploy(look(MAIN), given, look)


def app(made: Deployed) -> Mapping[str, Any]:
    """The properties of the one container app."""
    (only,) = made.of("Microsoft.App/containerApps")
    return properties(only)


def jobs(made: Deployed) -> dict[str, Mapping[str, Any]]:
    """The properties of the scheduled jobs, by the name of their container."""
    return {container(properties(one))["name"]: properties(one) for one in made.of("Microsoft.App/jobs")}


def properties(one: Made) -> Mapping[str, Any]:
    """What a resource is like."""
    found: Mapping[str, Any] = one.config["properties"]
    return found


def container(runs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one container of an app or a job."""
    (only,) = runs["template"]["containers"]
    found: Mapping[str, Any] = only
    return found


def variables(runs: Mapping[str, Any]) -> dict[str, str]:
    """What a container is told; of a secret, which one it is."""
    secrets = {one["name"]: one.get("keyVaultUrl") for one in runs["configuration"].get("secrets", ())}
    return {
        one["name"]: SECRET + secrets[one["secretRef"]] if "secretRef" in one else one["value"]
        for one in container(runs)["env"]
    }


def queues(made: Deployed) -> dict[str, Mapping[str, Any]]:
    """The properties of the queues, by their name without the namespace."""
    return {one.name.rpartition("/")[2]: properties(one) for one in made.of("Microsoft.ServiceBus/namespaces/queues")}


def duration(text: str) -> timedelta:
    """A duration in days, hours or minutes, as ISO 8601 writes it."""
    unit = {"D": "days", "H": "hours", "M": "minutes"}[text[-1]]
    return timedelta(**{unit: int(text[1:-1].removeprefix("T"))})


def laters(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string below a value with its path; what is known later is told by where it comes from."""
    if isinstance(value, Later | str):
        yield path, str(value)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from laters(one, f"{path}.{name}")
    elif isinstance(value, list):
        for one in value:
            yield from laters(one, path)
