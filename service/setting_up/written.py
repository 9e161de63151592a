"""What the two files say already, as answers: whoever asks an environment again takes nothing back that was said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path

from service.dataverse_settings import MAY_USE, NEEDS
from service.setting_up.answers import Answers
from service.settings import PREFIX
from service.settings_files import dotenv_of, toml_of
from service.settings_sources import variables

OF_THE_ENVIRONMENT = ("ORGANIZATION_ID", "ACTUALS__CREATOR", "ACTUALS__START_FROM")
"""What was said of one environment, and says nothing of another."""
_BUS = ("SERVICEBUS__NAMESPACE", "SERVICEBUS__CONNECTION_STRING")
_APPROVALS = ("SERVICEBUS__APPROVALS_NAMESPACE", "SERVICEBUS__APPROVALS_CONNECTION_STRING")
INSTEAD_OF: Mapping[str, tuple[str, ...]] = {
    "SERVICEBUS__NAMESPACE": _BUS,
    "SERVICEBUS__CONNECTION_STRING": _BUS,
    "SERVICEBUS__APPROVALS_NAMESPACE": _APPROVALS,
    "SERVICEBUS__APPROVALS_CONNECTION_STRING": _APPROVALS,
    "DATAVERSE__CLIENT_SECRET": ("DATAVERSE__CLIENT_SECRET_FILE",),
    "DATAVERSE__CLIENT_SECRET_FILE": ("DATAVERSE__CLIENT_SECRET",),
}
"""By what is said now: what the files may say of another way to the same."""
SIGN_IN, TOKEN = "DATAVERSE__SIGN_IN", "DATAVERSE__TOKEN"
DEFAULT = "client-secret"
"""The way to sign in where none is said."""


@dataclass(frozen=True, slots=True)
class Written:
    """What files say: the answers of ``.env`` over those of the TOML file."""

    answers: Answers

    def under(self, now: Answers) -> Answers:
        """What is said now, and of what the files say all that goes with it."""
        aside = {other for name in now.given for other in INSTEAD_OF.get(name, ())} | self._of_another_way(now)
        url, before = now["DATAVERSE__URL"], self.answers["DATAVERSE__URL"]
        if url is not None and before is not None and url.rstrip("/").lower() != before.rstrip("/").lower():
            aside |= set(OF_THE_ENVIRONMENT)
        kept = {name: value for name, value in self.answers.given.items() if name not in aside}
        return Answers({**kept, **now.given})

    def _of_another_way(self, now: Answers) -> set[str]:
        """What the files say of a way to sign in that is not the one said now."""
        every = {name for way in NEEDS for name in _used_by(way)}
        said = every & set(now.given)
        if now[TOKEN] is not None:
            return {*every, SIGN_IN}
        if not said and now[SIGN_IN] is None:
            return set()
        way, aside = now[SIGN_IN] or self.answers[SIGN_IN] or DEFAULT, {TOKEN}
        if now[SIGN_IN] is None and not said <= _used_by(way):
            way = DEFAULT
            aside.add(SIGN_IN)
        return aside | (every - _used_by(way))

    def changes(self, final: Answers) -> Iterator[str]:
        """What will read otherwise from now on, a sentence each; no secret is shown."""
        for variable in variables():
            before, after = self.answers.of(variable), final.of(variable)
            if before is None or before == after:
                continue
            if variable.is_secret:
                yield f"{variable.name} {'is left out' if after is None else 'is another'} from now on."
            else:
                yield f"{variable.name} was {before}, and {'is left out' if after is None else f'is {after}'} now."


def written(config: Path, dotenv: Path) -> Written:
    """Read both; a file that is not there says nothing. Raises ``NotConfigured`` for one that can't be read."""
    in_toml = toml_of(config) if config.is_file() else {}
    in_dotenv = {name.upper(): value for name, value in dotenv_of(dotenv).items() if value}
    said: dict[str, str] = {}
    for variable in variables():
        place: object = in_toml
        for name in variable.path:
            place = place.get(name) if isinstance(place, Mapping) else None
        value = in_dotenv.get(variable.name) or (None if place is None else _text(place))
        if value:
            said[variable.name.removeprefix(PREFIX)] = value
    return Written(Answers(said))


def _used_by(way: str) -> set[str]:
    return {f"DATAVERSE__{name.upper()}" for name in (*NEEDS.get(way, ()), *MAY_USE.get(way, ()))}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else json.dumps(value, default=str, ensure_ascii=False)
