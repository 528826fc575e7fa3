"""What the courier is told before and after a stage, on branches, over nodes, with and without secrets."""

import json
import subprocess
from pathlib import Path

import pytest

from mlagent import catalog
from mlagent.core.stage import Needs
from mlagent.engine import branch, carry, courier, hooks
from mlagent.engine.plan import Step
from mlagent.engine.planning import plan_now
from mlagent.errors import ConfigError, InputError, TeamCodeError
from tests.conftest import Cli
from tests.unit.engine.chain import calls, run, stage, workspace

A, B = stage("a"), stage("load-test", reads=("a",), needs=Needs(gpu=True))
C = stage("c", reads=("load-test",), needs=Needs(trusted_node=True, gpu=True))


def told(project: Path, *, until: str | None = None, **environ: str) -> courier.Plan:
    space = workspace(project, A, B, C)
    run_id, steps = plan_now(space)
    return courier.tell(space, run_id, steps, environ, until=until)


def git(project: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", "-C", str(project), *identity, *arguments], check=True, capture_output=True)


def test_a_deployed_branch_sees_every_stage_with_its_node_and_time(project: Path) -> None:
    plan = told(project, BRANCH_NAME="main")
    assert [(one.stage, one.node, one.timeout_minutes) for one in plan.stages] == [
        ("a", "cpu", 60),
        ("load-test", "gpu", 60),
        ("c", "trusted", 60),
    ]
    assert (plan.branch, plan.past_load_test, plan.build, plan.schema) == ("main", True, None, 1)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"BRANCH_NAME": "feature"},
        {"BRANCH_NAME": "main", "CHANGE_ID": "7"},
        {"BRANCH_NAME": "main", "TAG_NAME": "main"},
    ],
)
def test_every_other_branch_a_pull_request_and_an_unknown_one_stop_after_load_test(
    project: Path, environ: dict[str, str]
) -> None:
    plan = told(project, **environ)
    assert [one.stage for one in plan.stages] == ["a", "load-test"]
    assert not plan.past_load_test


def test_a_last_stage_that_is_named_is_the_last(project: Path) -> None:
    assert [one.stage for one in told(project, until="a", BRANCH_NAME="main").stages] == ["a"]
    assert [one.stage for one in told(project, until="c").stages] == ["a", "load-test"]


def test_git_is_asked_for_the_branch_and_a_guess_is_not_made(project: Path, tmp_path: Path) -> None:
    assert branch.of(project, {}).name is None
    git(project, "init", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-m", "x")
    assert branch.of(project, {}).name == "main"
    other = tmp_path / "clone"
    git(tmp_path, "clone", str(project), str(other))
    git(other, "checkout", "--detach")
    assert branch.of(other, {}).name == "main"
    git(project, "branch", "other")
    git(other, "fetch")
    assert branch.of(other, {}).name is None


def test_the_record_gives_the_build_and_what_is_known_is_reused(project: Path) -> None:
    run(project, A, B, C)
    plan = told(project, BRANCH_NAME="main")
    assert plan.build == 1
    assert {one.state for one in plan.stages} == {"reuse"}


def test_a_held_run_ends_with_21_before_a_node_is_taken(project: Path) -> None:
    space = workspace(project, A)
    plan = courier.tell(space, "r", [Step(stage="a", state="waiting", reason="held by x")], {}, until=None)
    assert (plan.stages[0].exit_code, plan.stages[0].message) == (21, "held by x")


def test_every_stage_is_told_the_way_to_the_ledger_and_only_who_signs_its_key(project: Path) -> None:
    with (project / "mlpipeline.yaml").open("a") as file:
        file.write("ledger: {database: env:WHERE, key: env:KEY}\n")
    assert [one.credentials for one in told(project, BRANCH_NAME="main").stages] == [("WHERE",)] * 3
    space = workspace(project, stage("a", uses=("ledger",)))
    run_id, steps = plan_now(space)
    assert courier.tell(space, run_id, steps, {}, until=None).stages[0].credentials == ("WHERE", "KEY")


def test_a_stage_is_told_the_variables_of_the_secrets_it_reads(project: Path, cli: Cli) -> None:
    with (project / "mlpipeline.yaml").open("a") as file:
        file.write("tracking: {token: env:FLOW, password: file:there}\nstore: {access_key: env:KEY}\n")
        file.write("jenkins: {url: http://127.0.0.1:9, user: ada, token: env:ASKED_BY_PEOPLE}\n")
        file.write("registry: {repository: ghcr.io/a/b, username: ada, password: env:PUSH}\n")
    assert told(project).stages[0].credentials == ("FLOW", "KEY")
    ended = cli("config", "secrets", "--json", cwd=project, env={"KEY": "x"})
    assert (ended.returncode, json.loads(ended.stdout)) == (0, {"all": ["FLOW", "PUSH"], "plan": ["FLOW"]})
    assert cli("config", "secrets", cwd=project, env={"KEY": "x"}).stdout.split() == ["FLOW", "PUSH"]


def test_a_run_goes_on_where_it_was_carried_to(project: Path, tmp_path: Path) -> None:
    run(project, A, B)
    here = workspace(project, A, B, C)
    path = carry.out(here, *plan_now(here))
    assert path
    there = tmp_path / "there"
    there.mkdir()
    for name in ("mlpipeline.yaml", "data.csv"):
        (there / name).write_bytes((project / name).read_bytes())
    (there / ".mlagent").mkdir()
    (there / ".mlagent" / carry.FILE).write_bytes(path.read_bytes())
    carry.take_in(workspace(there, A, B, C))
    assert not (there / ".mlagent" / carry.FILE).exists()
    calls(project)
    run(there, A, B, C)
    assert calls(there) == ["c"]


def test_what_was_carried_and_is_damaged_is_refused(project: Path) -> None:
    run(project, A)
    here = workspace(project, A)
    path = carry.out(here, *plan_now(here))
    assert path
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(InputError, match="damaged"):
        carry.take_in(here)


def test_a_shared_store_needs_no_carrying(project: Path, tmp_path: Path) -> None:
    space = workspace(project, A, sets={"store.url": tmp_path / "store"})
    assert carry.out(space, *plan_now(space)) is None


def hook(project: Path, text: str) -> None:
    (project / "hook.sh").write_text(f"#!/bin/sh\n{text}\n")
    (project / "hook.sh").chmod(0o755)


def test_scripts_run_before_and_after_and_are_part_of_what_the_stage_depends_on(project: Path) -> None:
    hook(project, 'echo "$MLPIPELINE_STAGE" >> said; ls "$MLPIPELINE_FOLDER" | grep txt >> said; true')
    sets = {"stages.before": '{"a": "hook.sh"}', "stages.after": '{"a": "hook.sh"}'}
    run(project, A, sets=sets)
    assert (project / "said").read_text().split() == ["a", "a", "a.txt"]
    run(project, A, sets=sets)
    assert calls(project) == ["a"]
    hook(project, "true")
    run(project, A, sets=sets)
    assert calls(project) == ["a"]


def test_a_script_that_fails_fails_its_stage(project: Path) -> None:
    hook(project, "exit 3")
    with pytest.raises(TeamCodeError, match=r"hook.sh, which runs before a, failed \(exit status 3\)"):
        run(project, A, sets={"stages.before": '{"a": "hook.sh"}'})
    assert calls(project) == []


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("stages.before", '{"push": "x"}', "push holds keys"),
        ("stages.after", '{"deploy@production": "x"}', "deploy@production holds keys"),
        ("stages.before", '{"aa": "x"}', "'aa' is no stage; did you mean 'a'"),
        ("stages.before", '{"a": "../x"}', "no file '../x' in the project"),
        ("stages.before", '{"a": "data.csv"}', "data.csv may not be executed"),
        ("stages.timeout_minutes", '{"a": 0}', "at least 1"),
    ],
)
def test_a_script_that_may_not_run_is_refused_by_name(project: Path, key: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        workspace(project, A, sets={key: value}).given({})


def test_the_teams_time_limit_comes_before_the_stages(project: Path) -> None:
    assert hooks.minutes(workspace(project, A, sets={"stages.timeout_minutes": '{"a": 5}'}).settings, A) == 5
    assert hooks.minutes(workspace(project, A).settings, A) == 60


def test_every_stage_of_the_catalog_says_what_kind_of_node_it_needs() -> None:
    kinds = {one.name: one.needs.node for one in catalog.STAGES}
    assert kinds["train"] == "gpu"
    assert {kinds["gate"], kinds["register"]} == {"light"}
    assert all(one.minutes >= 1 for one in catalog.STAGES)


def test_what_holds_no_keys_by_this_configuration_needs_no_trusted_node() -> None:
    release = next(one for one in catalog.STAGES if one.name == "release")
    assert release.node({"registry": {"repository": None}}) == "light"
    assert release.node({"registry": {"repository": "registry.example/risk"}}) == "trusted"
    push = next(one for one in catalog.STAGES if one.name == "push")
    assert push.node({"registry": {"repository": None}}) == "trusted"


def test_how_a_command_ended_is_said_in_the_file_that_was_asked_for(project: Path, cli: Cli, tmp_path: Path) -> None:
    env = {"MLPIPELINE_SAID": str(tmp_path / "said.json")}
    assert cli("check", "--lint", "false", "--test", "", cwd=project, env=env).returncode == 5
    said = json.loads((tmp_path / "said.json").read_text())
    assert (said["exit_code"], said["message"]) == (5, "check: lint failed (exit status 1)")
    assert said["archive"].split(",")[0] == f".mlagent/runs/{said['run']}/run.json"
    run = project / ".mlagent" / "runs" / said["run"]
    assert (run / "summary.md").read_text().startswith("## small: check failed")
    assert said["archive"].split(",")[2] == f".mlagent/runs/{said['run']}/report.html"
    assert (run / "report.html").is_file()
    assert cli("plan", "--json", cwd=project, env=env).returncode == 0
    assert json.loads((tmp_path / "said.json").read_text())["exit_code"] == 0
    assert cli("plan", "--wrong", cwd=project, env=env).returncode == 2
    assert "--wrong" in json.loads((tmp_path / "said.json").read_text())["message"]


def test_another_file_of_configuration_makes_its_folder_the_project(project: Path, cli: Cli, tmp_path: Path) -> None:
    (project / "mlpipeline.yaml").rename(project / "small.yaml")
    ended = cli("--config", "small/small.yaml", "config", "check", cwd=tmp_path)
    assert (ended.returncode, "small.yaml is right" in ended.stdout) == (0, True)
    ended = cli("plan", cwd=tmp_path, env={"MLPIPELINE_CONFIG": "small/other.yaml"})
    assert (ended.returncode, "there is no other.yaml" in ended.stderr) == (3, True)


def test_the_summary_is_printed_or_written_without_secrets(project: Path, cli: Cli) -> None:
    with (project / "mlpipeline.yaml").open("a") as file:
        file.write("tracking: {token: env:FLOW}\n")
    env = {"FLOW": "hunter2-hunter2"}
    cli("check", "--lint", "hunter2-hunter2", "--test", "", cwd=project, env=env)
    ended = cli("summary", cwd=project, env=env)
    assert (ended.returncode, "| check | failed |" in ended.stdout, "hunter2" in ended.stdout) == (0, True, False)
    assert cli("summary", "--out", "out.md", cwd=project, env=env).returncode == 0
    assert (project / "out.md").read_text() == ended.stdout
