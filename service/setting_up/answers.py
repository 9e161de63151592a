"""What is known of the settings so far: by variable, and as the sections of a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mappings.profile import Creator
from service.not_configured import NotConfigured
from service.settings import PREFIX, Settings
from service.settings_sources import SEPARATOR, Variable, from_values, variables


@dataclass(frozen=True, slots=True)
class Answers:
    """Values as text, by variable without the prefix: ``DATAVERSE__URL``. What was left out is not among them."""

    given: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Answers({', '.join(sorted(self.given))})"

    def also(self, **more: str | None) -> Answers:
        """These and more; ``None`` leaves one as it is."""
        return Answers({**self.given, **{name: value for name, value in more.items() if value}})

    def __getitem__(self, name: str) -> str | None:
        return self.given.get(name)

    def of(self, variable: Variable) -> str | None:
        """The answer to one variable."""
        return self.given.get(variable.name.removeprefix(PREFIX))

    def settings(self) -> Settings:
        """The settings. Raises ``NotConfigured`` naming everything that is missing or wrong."""
        return from_values(_sections(self))

    def enough_to_ask(self) -> Settings:
        """Settings by which the environment can be asked, as one that is only looked at; nothing is written with them.

        Raises ``NotConfigured``. The time zone has to be said: nobody can be asked for it.
        """
        faults = []
        try:
            settings = from_values(
                _sections(Answers({"BUSINESS_TIME_ZONE": "UTC", **self.given, "ACTUALS__CREATOR": "product"}))
            )
        except NotConfigured as error:
            faults, settings = error.faults, None
        creator = self["ACTUALS__CREATOR"]
        if creator is not None and creator not in {one.value for one in Creator}:
            faults.append(f"{PREFIX}ACTUALS__CREATOR (--creator) is {creator!r}. Expected: service or product.")
        if self["BUSINESS_TIME_ZONE"] is None:
            (zone,) = (one for one in variables() if one.name == f"{PREFIX}BUSINESS_TIME_ZONE")
            faults.append(f"{zone.name} is missing (--time-zone). Expected: {zone.meaning}.")
        if faults or settings is None:
            raise NotConfigured(faults)
        return settings


def from_environment() -> Answers:
    """What the variables of this process say; unknown names are left for whoever reads settings."""
    set_ = {name.upper(): value for name, value in os.environ.items() if value}
    known = (variable.name for variable in variables())
    return Answers({name.removeprefix(PREFIX): set_[name] for name in known if name in set_})


def _sections(answers: Answers) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for name, value in answers.given.items():
        *sections, last = name.lower().split(SEPARATOR)
        place = written
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return written
