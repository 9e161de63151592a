"""The pipelines: they call what there is, may do no more than they need, and hold no secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.test_rights_and_secrets import ROLES
from tests.infra.test_snippets import complaints

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir())}
READ = {"contents": "read"}
SIGNS_IN = READ | {"id-token": "write"}
Workflow = Mapping[str, Any]


def workflow(name: str) -> Workflow:
    """One of them. YAML reads the key `on` as a truth value: it is given back its name."""
    parsed = yaml.safe_load(FILES[name])
    return {"on" if key is True else key: value for key, value in parsed.items()}


def steps(one: Workflow) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every step with the name of its job."""
    for name, job in one["jobs"].items():
        for step in job.get("steps", ()):
            yield name, step


@pytest.fixture(params=FILES)
def name(request: pytest.FixtureRequest) -> str:
    """The file of one workflow."""
    return str(request.param)


def test_actions_are_pinned_by_the_full_version(name: str) -> None:
    used = [step["uses"] for _, step in steps(workflow(name)) if "uses" in step]
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})", one)] == []
    called = [job["uses"] for job in workflow(name)["jobs"].values() if "uses" in job]
    for one in called:
        assert one.startswith("./.github/workflows/")
        assert (ROOT / one).is_file()


def test_nobody_may_do_more_than_is_needed(name: str) -> None:
    one = workflow(name)
    assert one["permissions"] in ({}, READ)
    for job_name, job in one["jobs"].items():
        uses_azure = any("azure/login" in step.get("uses", "") for step in job.get("steps", ())) or "uses" in job
        allowed = job.get("permissions", one["permissions"])
        assert allowed == (SIGNS_IN if uses_azure else READ), job_name
    for _, step in steps(one):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_strangers_reach_no_credentials() -> None:
    assert set(workflow("ci.yml")["on"]) == {"pull_request", "push"}
    assert set(workflow("deploy.yml")["on"]) == {"push", "workflow_dispatch"}
    assert workflow("deploy.yml")["on"]["push"] == {"tags": ["v*"]}
    assert set(workflow("deploy-to.yml")["on"]) == {"workflow_call"}
    assert not re.search(r"secrets\.|azure/login|id-token", FILES["ci.yml"])


def test_no_secret_is_in_them_and_none_on_a_command_line(name: str) -> None:
    assert set(re.findall(r"secrets\.(\w+)", FILES[name])) <= {"TEAMS_WEBHOOK"}
    assert not re.search(r"(?i)client-secret|password|\bcreds:|sharedaccesskey=", FILES[name])
    for _, step in steps(workflow(name)):
        assert "${{" not in step.get("run", ""), "what is not ours goes into a variable, never into a script"


def test_what_is_run_is_there(name: str) -> None:
    verbs = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for _, step in steps(workflow(name)):
        script = step.get("run", "")
        assert set(re.findall(r"\bmake (\w+)", script)) <= verbs
        for path in re.findall(r"\binfra/[\w./-]+\w", script):
            assert (ROOT / path).exists(), path
        said = str(step.get("env", {}).get("PARAMETERS", ""))
        assert said in ("", "infra/parameters/${{ inputs.environment }}.bicepparam")


def test_scripts_are_bash(name: str, tmp_path: Path) -> None:
    for number, (job, step) in enumerate(steps(workflow(name))):
        if "run" in step:
            (tmp_path / f"{job}-{number}.sh").write_text(step["run"] + "\n", encoding="utf-8")
    assert list(tmp_path.iterdir()) == [] or complaints(tmp_path) == ""


def test_everything_is_looked_at_before_it_lands_and_test_comes_before_production() -> None:
    said = [step.get("run", "") for _, step in steps(workflow("ci.yml"))]
    assert {"make check", "make test", "make image"} <= set(said)
    jobs = workflow("deploy.yml")["jobs"]
    assert [jobs["test"]["needs"], jobs["production"]["needs"]] == ["build", "test"]
    environments = {job["with"]["environment"] for job in jobs.values() if "with" in job}
    assert environments == {path.stem for path in (ROOT / "infra" / "parameters").glob("*.bicepparam")}
    inner = workflow("deploy-to.yml")["jobs"]
    assert inner["deploy"]["needs"] == "what-if"
    assert inner["deploy"]["environment"] == "${{ inputs.environment }}"
    assert "what-if" in "".join(step.get("run", "") for step in inner["what-if"]["steps"])
    assert "deployment group create" not in str(inner["what-if"])


def test_the_two_deployments_take_the_address_of_teams_from_where_the_parameters_read_it() -> None:
    parameters = (ROOT / "infra/parameters/production.bicepparam").read_text(encoding="utf-8")
    for variable in re.findall(r"readEnvironmentVariable\('(\w+)'", parameters):
        assert FILES["deploy-to.yml"].count(variable) >= 2, variable


def test_the_pipeline_may_give_the_roles_of_the_templates_to_those_who_are_named_and_no_others() -> None:
    readme = (ROOT / "infra/README.md").read_text(encoding="utf-8")
    roles = re.search(r'^ROLES="\{(.*)\}"$', readme, re.MULTILINE)
    assert roles is not None
    assert sorted(roles[1].split(", ")) == sorted(ROLES.values())
    (granted,) = re.findall(r'--role "Role Based Access Control Administrator".*\n.*', readme)
    assert '--condition "$CONDITION"' in granted
