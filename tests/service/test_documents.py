"""README and docs: what they show is run, and what they list is complete."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from connector.envelope import Envelope
from handlers.parsing import parse_command
from mappings import tables
from mappings.announcements import Announcement
from mappings.messages import CreateDueInvoices, CreateInvoices, CreateManyInvoices, MarkNotReady, MarkReady
from mappings.replies import DONE, Reply
from service import names, work_in_words
from service.cli.main import app
from service.far_side import TABLES
from service.message_schemas import schemas
from service.settings_page import page
from service.settings_sources import variables
from service.shipped_profiles import shipped
from tests.service.processes import clean_environment
from tests.service.test_help import leaves

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNNABLE = re.compile(r"<!-- runnable -->\n```bash\n(.*?)```", re.DOTALL)
PAGES = sorted(
    page for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")) if RUNNABLE.search(page.read_text("utf-8"))
)
LEAVE_NOTHING = "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n"
"""A page that fails half-way would else leave its processes running, and the test waiting for their output."""
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")


@pytest.mark.posix
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_a_page_shows_can_be_run_as_they_stand(page: Path, tmp_path: Path) -> None:
    """All runnable blocks of a page are one script, run where the commands are installed."""
    script = "".join(RUNNABLE.findall(page.read_text(encoding="utf-8")))
    installed = Path(sys.executable).parent
    environment = clean_environment()
    environment |= {"PATH": f"{installed}:{environment['PATH']}"}
    done = subprocess.run(  # noqa: S603
        ["/usr/bin/env", "bash", "-euo", "pipefail", "-mc", LEAVE_NOTHING + script + "\n"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pages_that_show_how_to_begin_are_among_those_that_are_run() -> None:
    assert {page.name for page in PAGES} >= {
        "README.md",
        "connect.md",
        "first-steps.md",
        "profiles.md",
        "reconcile.md",
        "sandbox.md",
    }


@pytest.mark.parametrize("typed", [typed for typed, _ in leaves(typer.main.get_command(app))])
def test_every_command_is_on_the_page_of_commands_and_in_the_readme(typed: str) -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = [row.partition(" | ")[0] for row in page.splitlines() if row.startswith("| `")]
    words = typed.split()
    assert [row for row in rows if all(re.search(rf"(?<![\w-]){word}(?![\w-])", row) for word in words)]
    section = README.partition("### Commands")[2].partition("\n### ")[0]
    assert f"`{typed}`" in section or f"`{words[0]}`" in section or f"`{' '.join(words[:2])}`" in section


def test_every_page_is_linked_to_from_the_readme() -> None:
    linked = {target.rstrip("/") for target in LINK.findall(README)}
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").iterdir() if page.suffix == ".md"}
    assert pages <= linked


def test_the_page_on_settings_is_what_the_model_says() -> None:
    there = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert there == page(), "write it anew: python -m service.settings_page docs/settings.md"


def test_the_readme_names_every_setting_that_is_always_needed_and_none_that_there_is_not() -> None:
    rows = dict(re.findall(r"^\| `(PSA_CONNECTOR_\w+)` \| (.*?) \|", README, re.MULTILINE))
    assert set(rows) <= {variable.name for variable in variables()}
    assert {name for name, needed in rows.items() if needed == "always"} == {
        variable.name for variable in variables() if variable.field.is_required()
    }


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.name
)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_messages_that_are_shown_are_commands_and_every_field_is_explained() -> None:
    page = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
    commands, _, replies = page.partition("## Replies")
    examples = re.findall(r"```json\n(.*?)```", commands, re.DOTALL)
    parsed = [parse_command(Envelope("1", one.encode(), "application/json")) for one in examples]
    invoicing = (CreateInvoices, CreateManyInvoices, CreateManyInvoices, CreateDueInvoices)
    assert tuple(type(one) for one in parsed) == (MarkReady, MarkReady, MarkNotReady, *invoicing)
    reply, event = re.findall(r"```json\n(.*?)```", replies, re.DOTALL)
    assert Reply.model_validate_json(reply).type == DONE
    assert Announcement.model_validate_json(event).data.kind == "create-invoices"
    models = (MarkReady, MarkNotReady, *invoicing)
    fields = {name for model in models for name in model.model_fields}
    described = page.partition("## Commands")[2].partition("Ids are GUIDs")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", described, re.MULTILINE)) == fields
    assert {name for one in examples for name in json.loads(one)} == fields


def test_the_schemas_of_messages_are_those_of_the_models() -> None:
    """To write them anew: ``python -m service.message_schemas docs/messages``."""
    there = {file.name: file.read_text(encoding="utf-8") for file in (ROOT / "docs" / "messages").iterdir()}
    assert there == schemas()


def test_the_role_of_the_service_covers_every_table_it_reads() -> None:
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    readable = set(re.findall(r"^\| `(\w+)` \| ✓", page, re.MULTILINE))
    named = {table for table, _ in work_in_words.NAMED.values()}
    ties = {one.unit_cost_lists.table for one in shipped()}
    assert readable == {
        *TABLES,
        tables.RESOURCE,
        tables.MESSAGE,
        tables.BATCH_JOB,
        *named,
        *names.NAMED,
        *ties,
        *_tables_in_handlers(),
    }


def _tables_in_handlers() -> set[str]:
    """Tables that a handler names by itself: those whose rows are read only where a price is left open."""
    known = {file.stem for file in (ROOT / "sandbox" / "dataverse" / "schema").glob("*.json")}
    known.remove("msdyn_transactiontype")  # also a column of a transaction origin, and read only as that
    found = set()
    for file in (ROOT / "handlers").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in known:
                found.add(str(node.value))
    return found
