"""The whole chain by the real engine, its last stage as Jenkins runs it: by itself, and only it is given the key."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import Cli
from tests.e2e.conftest import image, record, states
from tests.e2e.signing.conftest import cosign
from tests.parts.keys import Pair, on_path
from tests.parts.registry import Registry

CONFIG = """
sign:
  key: env:PLATFORM_KEY
  password: env:PLATFORM_PASSWORD
"""
# what a model.py may look for: its own environment, those of all processes, and every file that the configuration names
NOSY = """
import os as _os, pathlib as _pathlib, re as _re
def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""
_found = [str(dict(_os.environ)).encode()]
_found += [_read(one) for one in _pathlib.Path("/proc").glob("[0-9]*/environ")]
_found += [_read(one) for one in _pathlib.Path("/proc").glob("[0-9]*/cmdline")]
_named = _re.findall(r"[\\w./-]+", _pathlib.Path(r"{project}/mlpipeline.yaml").read_text())
_found += [_read(_pathlib.Path(r"{project}") / one) for one in _named]
_found += [_read(one) for one in _pathlib.Path(r"{project}/.mlagent").rglob("*.json")]
with open(r"{found}", "ab") as _file:
    _file.write(b"\\n".join(_found))
"""
POLICY = "keys: {{release: {{file: {key}}}}}\nrequire: {{clean_commit: false}}\n"


class Run(NamedTuple):
    """A project whose model.py looks for keys; what it found; how the stage `sign` ended; a PATH with cosign."""

    project: Path
    found: bytes
    secrets: dict[str, str]
    ended: subprocess.CompletedProcess[str]
    path: dict[str, str]

    @property
    def planted(self) -> tuple[bytes, bytes]:
        """What is looked for: the key's last line (all keys begin alike), and its password."""
        return self.secrets["PLATFORM_KEY"].splitlines()[-2].encode(), self.secrets["PLATFORM_PASSWORD"].encode()


@pytest.fixture(scope="module")
def signed_run(
    shipped: tuple[Path, object], shipping: dict[str, str], keys: Pair, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    folder = tmp_path_factory.mktemp("signed")
    project, found = Path(shutil.copytree(shipped[0], folder / "digits")), folder / "found"
    settings, model = project / "mlpipeline.yaml", project / "model.py"
    own = settings.read_text().replace(
        "/team/digits\n", "/team/signed\n"
    )  # what is signed has tags, the other has none
    settings.write_text(own + CONFIG + "check:\n  lint: []\n")
    model.write_text(model.read_text() + NOSY.format(project=project, found=found))
    before = command(project, "run", "--until", "push", env=shipping)
    assert before.returncode == 0, before.stderr
    path = {"PATH": on_path(folder / "bin", cosign())}
    secrets = {"PLATFORM_KEY": keys.private.read_text(), "PLATFORM_PASSWORD": keys.spoken}
    return Run(
        project, found.read_bytes(), secrets, command(project, "sign", env={**shipping, **secrets, **path}), path
    )


def command(project: Path, *args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")} | env
    whole = [sys.executable, "-m", "mlagent", *args]
    return subprocess.run(whole, cwd=project, env=kept, capture_output=True, text=True, check=False)


def test_the_stage_alone_signs_what_the_run_made(signed_run: Run, registry: Registry) -> None:
    assert signed_run.ended.returncode == 0, signed_run.ended.stderr
    ran = states(signed_run.project)
    assert set(ran.values()) == {"done"}
    said = record(signed_run.project)["stages"]["sign"]["summary"]
    assert said.endswith("tag v1: signature, provenance, SBOM, verdicts, tag v1 written")
    assert "v1" in registry.tags("team/signed")


def test_a_model_that_looks_for_the_key_finds_nothing(signed_run: Run) -> None:
    found = signed_run.found
    assert b"PATH" in found
    assert b"PLATFORM_KEY" in found, "the configuration names it, and was read: this looks where a model may look"
    for secret in signed_run.planted:
        assert secret not in found


def test_where_one_machine_does_it_all_the_models_environment_has_no_key(
    signed_run: Run, shipping: dict[str, str], tmp_path: Path
) -> None:
    project = Path(shutil.copytree(signed_run.project, tmp_path / "digits"))
    seen = tmp_path / "seen"
    look = f"\nimport os\nwith open(r'{seen}', 'a') as file:\n    file.write(str(dict(os.environ)))\n"
    (project / "model.py").write_text((project / "model.py").read_text() + look)
    ended = command(
        project, "run", "--until", "train", "--set", "train.epochs=1", env={**shipping, **signed_run.secrets}
    )
    assert ended.returncode == 0, ended.stderr
    assert "PATH" in seen.read_text()
    assert "PLATFORM_" not in seen.read_text()
    assert not [secret for secret in signed_run.planted if secret in seen.read_bytes()]


def test_the_key_is_in_nothing_that_is_kept_or_said(signed_run: Run) -> None:
    said = (signed_run.ended.stdout + signed_run.ended.stderr).encode()
    kept = [path for path in (signed_run.project / ".mlagent").rglob("*") if path.is_file()]
    for secret in signed_run.planted:
        assert secret not in said
        assert [path for path in kept if secret in path.read_bytes()] == []


def test_what_was_signed_is_verified_by_the_public_key(
    signed_run: Run, registry: Registry, keys: Pair, cli: Cli, shipping: dict[str, str], tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.format(key=keys.public))
    name = f"{registry.host}/team/signed@{image(signed_run.project)}"
    asked = ("verify", name, "--policy", str(policy), "--json")
    ended = cli(*asked, cwd=signed_run.project, env={**shipping, **signed_run.path})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = {one["what"]: one["outcome"] for one in json.loads(ended.stdout.splitlines()[0])["findings"]}
    assert set(rows.values()) == {"pass"}
    assert {"signature", "provenance", "SBOM", "verdict gate", "verdict load-test"} <= set(rows)


def test_a_second_run_signs_nothing_anew(signed_run: Run, registry: Registry, shipping: dict[str, str]) -> None:
    before = registry.log
    ended = command(signed_run.project, "sign", env={**shipping, **signed_run.secrets, **signed_run.path})
    assert ended.returncode == 0, ended.stderr
    assert record(signed_run.project)["stages"]["sign"]["summary"].endswith(": all was there already")
    assert "http.request.method=PUT" not in registry.log[len(before) :]


def test_without_the_key_the_stage_says_what_is_missing(
    signed_run: Run, shipping: dict[str, str], tmp_path: Path
) -> None:
    project = Path(shutil.copytree(signed_run.project, tmp_path / "digits"))
    ended = command(project, "sign", env=shipping)
    assert ended.returncode == 3
    assert "the secret env:PLATFORM_KEY is empty or cannot be read" in ended.stderr
    assert "withCredentials" in ended.stderr


def test_the_files_of_the_model_are_verified_without_the_image(
    signed_run: Run, keys: Pair, cli: Cli, tmp_path: Path
) -> None:
    run = signed_run.project / ".mlagent/runs" / record(signed_run.project)["run_id"]
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for name in ("export/model.onnx", "export/signature.json", "sign/model.intoto.json", "sign/model.intoto.json.sig"):
        shutil.copy(run / name, bundle)
    (tmp_path / "policy.yaml").write_text(POLICY.format(key=keys.public))
    asked = ("verify", "--bundle", str(bundle), "--policy", "policy.yaml")
    env = signed_run.path
    ended = cli(*asked, cwd=tmp_path, env=env)
    assert ended.returncode == 0, ended.stderr
    assert image(signed_run.project) in ended.stdout
    (bundle / "model.onnx").write_bytes(b"another")
    assert cli(*asked, cwd=tmp_path, env=env).returncode == 12
