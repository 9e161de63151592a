"""The page on settings, from the model itself: ``python -m service.settings_page docs/settings.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from service.settings import Settings
from service.settings_sources import Variable, variables

PAGES = {
    "dataverse": "sign-in.md",
    "servicebus": "environment.md",
    "actuals": "how-actuals-are-made.md",
    "ceiling": "backlog.md",
    "write_ceiling": "dead-letters.md#paused",
    "commands": "audit.md",
    "reconcile": "reconcile.md",
    "invoices": "invoice-runs.md",
    "due": "due-invoices.md",
    "workers": "limits.md",
    "health": "health.md",
    "silence": "operate.md",
    "telemetry": "telemetry.md",
    "logs": "telemetry.md#logs",
}
"""Where more is said of a section."""

HEAD = """\
# Settings

This page is written by the program, from what it reads settings with. Environment variables come first, then a `.env`
file, then a TOML file (`psa-connector.toml` in the current folder, or `--config FILE`). In TOML a section is a table:
`PSA_CONNECTOR_ACTUALS__START_FROM` is `start_from` in `[actuals]`. Lists and tables are JSON in a variable, and TOML in
the file.

Whatever is missing or wrong is named at once when a command starts, an unknown name with the prefix is an error, and
secrets are never shown. `psa-connector init` writes a commented file with all of them; `psa-connector check` shows each
value and where it comes from. Secrets belong in the environment or in `.env`, not in the TOML file.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return HEAD + "".join(_sections())


def _sections() -> Iterator[str]:
    alone = [one for one in variables() if len(one.path) == 1]
    more = "What a profile may hold: [profiles.md](profiles.md)."
    yield f"\n## Of the whole service\n\n{more}\n\n{_table(alone)}"
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            inside = [one for one in variables() if one.path[0] == name]
            more = f" More on [{PAGES[name].partition('#')[0]}]({PAGES[name]})." if name in PAGES else ""
            yield f"\n## `[{name}]`\n\n{_first_line(field.annotation)}{more}\n\n{_table(inside)}"


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").partition("\n")[0]


def _table(rows: list[Variable]) -> str:
    lines = ["| Variable | Default | What belongs there |", "| --- | --- | --- |"]
    for row in rows:
        meaning = row.meaning[:1].upper() + row.meaning[1:]
        secret = " **A secret.**" if row.is_secret else ""
        escaped = meaning.replace("|", "\\|")
        lines.append(f"| `{row.name}` | {_default(row)} | {escaped}.{secret} |")
    return "\n".join(lines) + "\n"


def _default(row: Variable) -> str:
    if row.field.is_required():
        return "required"
    default = row.field.get_default(call_default_factory=True, validated_data={})
    return "–" if default is None else f"`{default}`"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
