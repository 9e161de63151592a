"""One page per alert: each alert names its page, each page its alert, and what a page tells to type can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.infra.paper import deployed, jobs, properties
from tests.infra.templates import INFRA, altered, from_disk
from tests.infra.test_alerts import RULES, WATCHED
from tests.infra.test_running import parsed
from tests.infra.test_snippets import fenced

PAGES = sorted((INFRA / "runbooks").glob("*.md"))
PARTS = ["What it means", "What to look at", "What to type", "When it is over", "How to prevent it"]
LINK = re.compile(r"\]\((?!https?://)([^)#]+)(?:#([^)]+))?\)")


def linked(given: dict[str, Any], look: Any = from_disk) -> dict[str, str]:
    """The page that each alert names, by the alert."""
    found = {}
    for one in (made := deployed(given, look)).of(RULES) + made.of(WATCHED):
        (page,) = re.findall(r"What to do: (\S+)$", properties(one)["description"]) or [""]
        found[one.name] = page
    return found


def test_every_alert_names_a_page_there_is_and_every_page_has_an_alert(given: dict[str, Any]) -> None:
    pages = linked(given).values()
    assert set(pages) == {f"infra/runbooks/{page.name}" for page in PAGES}
    for page in pages:
        assert (INFRA.parent / page).is_file()


def test_the_pages_are_named_where_whoever_deploys_keeps_them(given: dict[str, Any]) -> None:
    place = "https://github.com/contoso/psa-connector/blob/main/infra/runbooks"
    assert all(page.startswith(place + "/") for page in linked(given | {"runbooks": place}).values())


def test_an_alert_without_a_page_is_noticed(given: dict[str, Any]) -> None:
    look = altered("modules/log-alerts.bicep", " What to do: ${runbooks}/${rule.page}.md", "")
    assert "" in linked(given, look).values()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_it_means_what_to_type_and_when_it_is_over(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == PARTS


@pytest.mark.parametrize("page", [*PAGES, INFRA / "README.md"], ids=lambda page: page.stem)
def test_what_a_page_tells_to_type_there_is(page: Path) -> None:
    typed = [
        shlex.split(line, comments=True)
        for block in fenced(page.read_text(encoding="utf-8"), "bash")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("psa-connector ")
    ]
    assert typed
    for words in typed:
        assert parsed(words[1:])[0]


@pytest.mark.parametrize("page", [*PAGES, INFRA / "README.md"], ids=lambda page: page.stem)
def test_a_deployment_is_told_all_that_its_parameters_read(page: Path) -> None:
    file = (INFRA / "parameters" / "production.bicepparam").read_text(encoding="utf-8")
    read = re.findall(r"readEnvironmentVariable\('(\w+)'\)", file)
    assert len(read) == file.count("readEnvironmentVariable"), "one with a default is silently left out"
    text = page.read_text(encoding="utf-8")
    for language, sets in (("bash", "export {}="), ("powershell", "$env:{} = ")):
        for block in fenced(text, language):
            before, deploys, _ = block.partition("az deployment group create")
            assert not deploys or all(sets.format(name) in before for name in read), block


@pytest.mark.parametrize("page", [*PAGES, INFRA / "README.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target, heading in LINK.findall(page.read_text(encoding="utf-8")):
        there = page.parent / target
        assert there.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {_anchor(one) for one in headings}, f"{target}#{heading}"


def test_the_readme_names_every_page() -> None:
    readme = (INFRA / "README.md").read_text(encoding="utf-8")
    assert {target for target, _ in LINK.findall(readme)} >= {f"runbooks/{page.name}" for page in PAGES}


def test_the_readme_counts_alerts_and_jobs_as_they_are(production: dict[str, Any]) -> None:
    made = deployed(production)
    readme = (INFRA / "README.md").read_text(encoding="utf-8")
    assert f"{len(made.of(RULES))} log alerts, {len(made.of(WATCHED))} metric alerts" in readme
    assert f"all {len(jobs(made))} together: each replica is told `maxReplicas` + 1" in readme


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
