"""The doctor says, for each stage, what is here, what is not, and how to get it."""

import json
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from mlagent import catalog
from mlagent.cli.app import App
from mlagent.cli.project import doctor
from mlagent.config.environments import Production, Staging
from mlagent.config.secret import Secret
from mlagent.core.context import Outputs
from mlagent.core.stage import Needs, Package, Stage
from mlagent.engine import doctor as doctors
from mlagent.engine import environment
from mlagent.engine.doctor import Finding, examine, examine_environments, examine_machine, examine_store
from mlagent.engine.inside import examine_worker
from mlagent.errors import ConfigError
from tests.api_server_double import TOKEN, kubeconfig
from tests.conftest import Cli
from tests.unit.engine.chain import workspace


def stage(needs: Needs) -> Stage:
    return Stage(
        name="train",
        title="t",
        about="a",
        config=msgspec.Struct,
        run=lambda *_: Outputs(summary=""),
        effect="compute",
        needs=needs,
    )


def test_a_package_that_is_not_installed_is_missing_with_the_extra_that_brings_it() -> None:
    (found,) = examine([stage(Needs(packages=(Package("no_such_package", "worker"),)))])
    assert found == Finding("train", "no_such_package", "missing", "pip install 'mlagent[worker]'")


def test_a_package_that_is_installed_is_found_with_its_version() -> None:
    (found,) = examine([stage(Needs(packages=(Package("msgspec", "worker"),)))])
    assert (found.state, found.detail) == ("found", msgspec.__version__)


@pytest.mark.parametrize(("driver", "state"), [(True, "found"), (False, "optional")])
def test_a_gpu_is_used_where_there_is_one_and_missed_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: bool, state: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if driver:
        (tmp_path / "nvidia-smi").touch(mode=0o755)
    (found,) = examine([stage(Needs(gpu=True))])
    assert (found.need, found.state) == ("gpu", state)


def test_what_the_team_brings_itself_is_not_looked_for_here_but_its_linter() -> None:
    needs = Needs(
        packages=(Package("no_such_package", "worker"), Package("ruff", "worker"), Package("numpy", "control"))
    )
    assert [one.need for one in examine([stage(needs)], own_worker=False)] == ["ruff", "numpy"]


def held(project: Path, answer: str) -> dict[str, tuple[str, str]]:
    """What is found of a worker's environment whose interpreter gives this answer."""
    (project / "requirements.lock").write_text("torch\n")
    space = workspace(project, *catalog.STAGES)
    folder = environment.folder_of(project, space.environments)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text(f"#!/bin/sh\n{answer}\n")
    (folder / "bin" / "python").chmod(0o755)
    (folder / "complete").write_text(environment._listing(folder))
    return {one.need: (one.state, one.detail) for one in examine_worker(space)}


def says(torch: str | None, gpu: str | None = None, failure: str | None = None) -> str:
    packages = dict.fromkeys(("numpy", "onnx", "pytest"), "1.0") | {"torch": torch, "onnxscript": None}
    return f"echo '{json.dumps(['3.11.7', packages, gpu, failure])}'"


def test_what_the_workers_environment_holds_and_lacks_is_told_with_the_remedy(project: Path) -> None:
    found = held(project, says("2.9.1", gpu="NVIDIA H100"))
    assert found["environment"] == ("found", "requirements.lock, read by pip")
    assert found["python"] == ("found", "3.11.7")
    assert found["torch"] == ("found", "2.9.1")
    assert found["onnxscript"] == ("missing", "add it to requirements.lock")
    assert found["CUDA"] == ("found", "usable: NVIDIA H100")


def test_a_torch_without_a_gpu_is_none_the_worse(project: Path) -> None:
    assert held(project, says("2.9.1"))["CUDA"] == ("optional", "not usable from its torch: trains on the CPU")


@pytest.mark.parametrize(("version", "old"), [("2.8.1+cu128", True), ("2.9.0", False), ("2.13.0+cpu", False)])
def test_a_torch_too_old_for_the_worker_is_told(project: Path, version: str, old: bool) -> None:
    found = held(project, says(version)).get("torch >= 2.9")
    assert found == (("missing", f"it holds {version}: declare 2.9 or later") if old else None)


def test_a_torch_that_cannot_be_imported_is_missing(project: Path) -> None:
    state, detail = held(project, says("2.9.1", failure="OSError: libcudart.so.12"))["import torch"]
    assert state == "missing"
    assert "libcudart.so.12" in detail


def test_an_interpreter_that_does_not_start_is_made_anew_by_the_next_run(project: Path) -> None:
    state, detail = held(project, "exit 1")["python"]
    assert state == "optional"
    assert "the next run makes it anew" in detail


def test_a_tool_that_reads_the_lock_and_is_not_here_is_missing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "uv.lock").touch()
    monkeypatch.setattr(environment, "here", lambda program: False)
    tool = examine_worker(workspace(project, *catalog.STAGES))[-1]
    assert (tool.need, tool.state) == ("uv", "missing")
    assert "pip install uv" in tool.detail


def test_where_nothing_is_declared_mlagents_own_is_looked_at(project: Path) -> None:
    found = {one.need: (one.state, one.detail) for one in examine_worker(workspace(project, *catalog.STAGES))}
    assert found["environment"][1].endswith("mlagent's own")
    assert found["torch"] == ("found", metadata.version("torch"))
    assert found["CUDA"][0] in ("found", "optional")


def test_the_command_fails_when_a_stage_cannot_run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalog, "STAGES", (stage(Needs(packages=(Package("no_such_package", "worker"),))),))
    with pytest.raises(ConfigError, match="this machine lacks no_such_package"):
        doctor.main([], standalone_mode=False, obj=App({}, str(tmp_path)))
    assert "pip install 'mlagent[worker]'" in capsys.readouterr().out


@pytest.mark.parametrize(("atomic", "state"), [(True, "found"), (False, "optional")])
def test_a_shared_store_without_conditional_writes_is_said(project: Path, atomic: bool, state: str) -> None:
    space = workspace(project, sets={"store.url": "s3://bucket"})
    space.__dict__["store"] = SimpleNamespace(atomic_swap=atomic)
    found = examine_store(space)
    assert (found.state, found.need) == (state, "conditional writes")
    assert examine_store(workspace(project)).need == "one machine"


def test_an_engine_and_a_cluster_are_found_where_their_clients_would_look(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(kubeconfig("https://10.0.0.1:6443"))
    (tmp_path / "cosign").write_bytes(b"")
    (tmp_path / "cosign").chmod(0o755)
    environ = {"DOCKER_HOST": "tcp://127.0.0.1:1", "KUBECONFIG": f"{tmp_path}/none:{config}", "PATH": str(tmp_path)}
    found = examine_machine(environ)
    assert [one.need for one in found] == ["container engine", "cosign", "Kubernetes cluster"]
    assert {one.state for one in found} == {"found"}
    assert found[2].detail == f"context shop (10.0.0.1:6443) of the kubeconfig {config}"


def environments(project: Path, environ: dict[str, str], **sections: Staging) -> list[Finding]:
    space = workspace(project)
    assert isinstance(space.settings.sections, dict)
    space.settings.sections.update(sections)
    return examine_environments(space, environ)


def test_an_environment_names_its_cluster_and_namespace(project: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(kubeconfig("https://10.0.0.1:6443"))
    environ = {"KUBECONFIG": str(config)}
    assert environments(project, environ, staging=Staging(), production=Production()) == []
    live = Production(namespace="risk-live", context="x")
    staging, production = environments(project, environ, staging=Staging(namespace="risk"), production=live)
    assert (staging.stage, staging.state) == ("deploy@staging", "found")
    assert staging.detail == f"namespace risk, context shop (10.0.0.1:6443) of the kubeconfig {config}"
    assert (production.stage, production.state) == ("deploy@production", "optional")
    assert "no context 'x'" in production.detail
    assert "shop" in production.detail
    assert TOKEN not in staging.detail + production.detail


def test_a_kubeconfig_that_only_the_node_that_deploys_has_is_no_fault_here(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Staging(namespace="risk", kubeconfig=Secret("env:PLANTED_KUBECONFIG"))
    monkeypatch.delenv("PLANTED_KUBECONFIG", raising=False)
    [staging] = environments(project, {}, staging=settings)
    assert (staging.state, "env:PLANTED_KUBECONFIG" in staging.detail) == ("optional", True)
    monkeypatch.setenv("PLANTED_KUBECONFIG", kubeconfig("https://10.0.0.1:6443"))
    [staging] = environments(project, {}, staging=settings)
    assert staging.state == "found"
    assert "of staging.kubeconfig (env:PLANTED_KUBECONFIG)" in staging.detail


def test_a_kubeconfig_that_cannot_be_read_is_said_and_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"users: [{TOKEN}")
    found = examine_machine({"KUBECONFIG": str(tmp_path / "config"), "PATH": str(tmp_path)})[2]
    assert found.state == "optional"
    assert "it is not YAML" in found.detail
    assert TOKEN not in found.detail


def test_their_absence_stops_nothing_and_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctors, "ENGINE", str(tmp_path / "no.sock"))
    found = examine_machine({"KUBECONFIG": str(tmp_path / "none"), "PATH": str(tmp_path)})
    assert {one.state for one in found} == {"optional"}
    assert "apt-get install docker.io" in found[0].detail
    assert "apt-get install cosign" in found[1].detail
    assert "KUBECONFIG" in found[2].detail


def test_one_stage_alone_can_be_asked_about(tmp_path: Path, cli: Cli) -> None:
    ended = cli("doctor", "--only", "machine", "--json", cwd=tmp_path)
    assert {one["stage"] for one in json.loads(ended.stdout)} == {"machine"}
    ended = cli("doctor", "--only", "mashine", cwd=tmp_path)
    assert ended.returncode == 2
    assert "soak@production, machine" in ended.stderr
