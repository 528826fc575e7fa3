"""`mlagent verify` and `mlagent policy` as a person types them; a fake of cosign and a registry of dictionaries."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from mlagent import adapters
from mlagent.adapters.memory_images import MemoryImages
from mlagent.adapters.memory_signer import MemorySigner
from mlagent.cli.app import App
from mlagent.cli.main import cli as mlagent
from mlagent.core.digest import canonical_json, of_bytes
from mlagent.core.ports.ledger import Fact
from mlagent.errors import MlagentError
from mlagent.trust import release, verdicts
from tests.conftest import GOOD, Cli
from tests.good_release import IMAGE, OTHER, REPOSITORY, Shop
from tests.registry_server import serving

NAME = f"{REPOSITORY}@{IMAGE}"
POLICY = """\
keys:
  release: {file: release.pub}
repositories: ["registry.example/**"]
builders: ["https://jenkins.example/"]
verdicts: {gate: {max_age_days: 9}, load-test: {max_age_days: 9, accept_expired: true}}
environments:
  production: {verdicts: {gate: {max_age_days: 1}}}
"""


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Person:
    """Someone in a folder, with the variables that the platform set on the node."""

    def __init__(self, shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.folder, self.env = shop, folder, dict[str, str]()
        self.asked: list[Any] = []
        monkeypatch.setattr(adapters, "verifier", self._verifier)
        monkeypatch.setattr(adapters, "image_registry", self._registry)

    def _verifier(self, settings: Any, _project: Path, **more: Any) -> MemorySigner:
        self.asked.append((settings, more))
        return self.shop.signer

    @contextmanager
    def _registry(self, _where: Any, settings: Any, _project: Path, **_more: Any) -> Iterator[MemoryImages]:
        self.asked.append((settings, {}))
        yield self.shop.images

    def types(self, *words: str) -> Said:
        app = App(self.env, str(self.folder))
        ended = CliRunner().invoke(mlagent, ["--project", str(self.folder), *words], obj=app, standalone_mode=False)
        error = ended.exception
        if error is not None and not isinstance(error, MlagentError):
            raise error
        return Said(error.code if error else 0, ended.stdout, ended.stderr + (error.message if error else ""))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path, when=datetime.now(UTC).isoformat(timespec="milliseconds"))
    made.sign()
    (tmp_path / "policy.yaml").write_text(POLICY)
    return made


@pytest.fixture
def person(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    made = Person(shop, tmp_path, monkeypatch)
    made.env["MLAGENT_POLICY_FILE"] = str(tmp_path / "policy.yaml")
    return made


def test_a_good_release_passes_and_one_table_says_why(person: Person) -> None:
    said = person.types("verify", NAME)
    assert (said.code, said.err) == (0, "")
    assert f"{NAME} may run (policy " in said.out
    head, _, *rows = said.out.splitlines()
    assert head.split() == ["what", "asked", "found", "verdict"]
    assert [row.split()[-1] for row in rows[:11]] == ["pass"] * 11


def test_what_is_missing_ends_with_12_and_names_it(person: Person) -> None:
    person.shop.withdraw(verdicts.TYPE)
    said = person.types("verify", NAME)
    assert said.code == 12
    assert "may run" not in said.out
    assert "verdict gate: none" in said.err
    assert "verdict load-test: none" in said.err
    assert said.out.count("missing") == 3


def test_the_decision_as_json_is_canonical_and_holds_the_policys_digest(person: Person) -> None:
    digest = person.types("policy", "check").out.split()[-1]
    said = person.types("verify", NAME, "--json")
    decision = json.loads(said.out)
    assert canonical_json(decision).decode() == said.out.rstrip("\n")
    assert (decision["passed"], decision["policy"], decision["image"]) == (True, digest, NAME)
    person.shop.board.signatures.clear()
    refused = person.types("verify", NAME, "--json")
    assert (refused.code, json.loads(refused.out)["passed"]) == (12, False)


def test_a_decision_before_pins_its_policy(person: Person) -> None:
    digest = person.types("policy", "check").out.split()[-1]
    assert person.types("verify", NAME, "--policy-digest", digest).code == 0
    with_key = person.types("verify", NAME, "--policy-digest", digest, "--key", str(person.shop.key))
    assert (with_key.code, "it was changed" in with_key.err) == (12, True), with_key.err
    (person.folder / "policy.yaml").write_text(POLICY.replace("days: 9", "days: 8"))
    said = person.types("verify", NAME, "--policy-digest", digest)
    assert said.code == 12
    assert "policy: " in said.err
    assert "it was changed" in said.err


def test_without_a_policy_it_asks_for_everything_and_a_key(person: Person) -> None:
    del person.env["MLAGENT_POLICY_FILE"]
    said = person.types("verify", NAME)
    assert said.code == 12
    assert "--key FILE" in said.err
    key = str(person.shop.key)
    said = person.types("verify", NAME, "--key", key)
    assert (said.code, "load-test: it held until" in said.err) == (12, True)
    assert person.types("verify", NAME, "--key", key, "--policy", str(person.folder / "policy.yaml")).code == 0


def test_a_key_that_is_none_is_said_to_be(person: Person) -> None:
    said = person.types("verify", NAME, "--key", str(person.folder / "policy.yaml"))
    assert said.code == 3
    assert "no PEM text" in said.err


def test_a_tag_is_told_as_the_digest_that_it_is_now(person: Person) -> None:
    said = person.types("verify", f"{REPOSITORY}:v7")
    assert (said.code, said.err.strip()) == (0, f"{REPOSITORY}:v7 is {NAME} now")


def test_an_environment_asks_its_ledger_too(person: Person) -> None:
    (person.folder / "mlpipeline.yaml").write_text(GOOD.replace("small", "risk"))
    assert person.types("verify", NAME, "--env", "production").code == 0
    workspace = App(person.env, str(person.folder)).workspace()
    workspace.ledger.append(
        Fact(what="promoted", model="risk", who="jane", time="t", release=OTHER, environment="production", build=8)
    )
    said = person.types("verify", NAME, "--env", "production")
    assert (said.code, "build: 7: superseded" in said.err) == (12, True)
    said = person.types("verify", NAME, "--env", "prod")
    assert (said.code, "no environment 'prod'" in said.err) == (3, True)


def test_the_credentials_of_one_registry_are_not_shown_to_another(person: Person) -> None:
    person.env |= {"MLAGENT_REGISTRY_USERNAME": "ci", "MLAGENT_REGISTRY_PASSWORD": "env:CI_PASSWORD"}
    person.env["MLAGENT_REGISTRY_REPOSITORY"] = "elsewhere.example/risk"
    person.types("verify", NAME)
    assert [one.username for one, _ in person.asked] == [None, None]
    person.env["MLAGENT_REGISTRY_REPOSITORY"] = "registry.example/another"
    person.asked.clear()
    person.types("verify", NAME)
    assert [one.username for one, _ in person.asked] == ["ci", "ci"]


def test_a_project_cannot_choose_the_policy(person: Person) -> None:
    del person.env["MLAGENT_POLICY_FILE"]
    (person.folder / "mlpipeline.yaml").write_text(GOOD + "policy:\n  file: policy.yaml\n")
    said = person.types("verify", NAME)
    assert said.code == 3
    assert "mlpipeline.yaml:7: policy.file is the platform's to set, not the project's" in said.err


def test_what_others_wrote_does_not_command_the_terminal(person: Person) -> None:
    said = person.shop.said()[verdicts.TYPE]
    evil = json.loads(canonical_json(said).decode().replace("figure 1", "\\u001b[2Jfigure 1"))
    evil["verdicts"][4]["verdict"]["outcome"] = "fail"
    evil["verdicts"][4]["verdict"]["checks"][0]["outcome"] = "fail"
    person.shop.withdraw(verdicts.TYPE)
    person.shop.attest(verdicts.TYPE, evil)
    told = person.types("verify", NAME)
    assert told.code == 12
    assert "\x1b[2J" not in told.out + told.err
    evil["verdicts"][4]["verdict"]["subject"] = "\x1b[2Jgate"
    person.shop.withdraw(verdicts.TYPE)
    person.shop.attest(verdicts.TYPE, evil)
    whats = [row["what"] for row in json.loads(person.types("verify", NAME, "--json").out)["findings"]]
    assert "verdict ?[2Jgate" in whats


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verify"], "name an image"),
        (["verify", NAME, "--bundle", "."], "name an image"),
        (["verify", NAME, "--policy-digest", "5f907ae796da"], "64 hex digits"),
        (["verify", "--bundle", ".", "--policy-digest", "sha256:" + 64 * "0"], "with --bundle there is none"),
        (["verify", NAME, "--policy-digest", "\a\u202e5f"], "--policy-digest ??5f: a digest is"),
        (["verify", "--bundle", ".", "--json"], "with --bundle there is none"),
        (["verify", "UPPER/case"], "is no image reference"),
        (["verify", NAME, "--policy", "gone.yaml"], "gone.yaml"),
    ],
)
def test_what_cannot_be_meant_is_a_matter_of_usage(cli: Cli, tmp_path: Path, words: list[str], said: str) -> None:
    ended = cli(*words, cwd=tmp_path)
    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr


def test_a_models_files_are_verified_without_an_image(person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name in release.FILES:
        (folder / name).write_text(name)
    files = {name: of_bytes(name.encode()) for name in release.FILES}
    (folder / release.FILE).write_bytes(release.write(files, IMAGE, REPOSITORY))
    (folder / release.SIGNATURE).write_bytes(person.shop.signer.sign_blob(folder / release.FILE))
    said = person.types("verify", "--bundle", str(folder), "--key", str(person.shop.key))
    assert (said.code, said.out) == (0, f"model.onnx, signature.json: signed by release.pub, of the release {IMAGE}\n")
    (folder / "model.onnx").write_text("another")
    assert person.types("verify", "--bundle", str(folder)).code == 12


def test_a_machine_without_cosign_says_how_to_get_it(cli: Cli, shop: Shop, tmp_path: Path) -> None:
    with serving() as double:
        where = f"{double.host}/risk/model"
        data = shop.images.manifest(shop.reference.path, IMAGE)
        assert data
        double.manifests["risk/model"][IMAGE] = data.data, "application/vnd.oci.image.manifest.v1+json"
        (tmp_path / "bin").mkdir()
        words = ("verify", f"{where}@{IMAGE}", "--key", str(shop.key))
        ended = cli(*words, cwd=tmp_path, env={"PATH": str(tmp_path / "bin")})
    assert ended.returncode == 3, ended.stderr
    assert "cosign" in ended.stderr


def test_a_policy_is_checked_and_explained(cli: Cli, shop: Shop) -> None:
    ended = cli("policy", "check", "policy.yaml", cwd=shop.folder)
    assert ended.returncode == 0
    assert ended.stderr == "note: it asks for no approval: nobody is asked before a release comes to production\n"
    assert ended.stdout.startswith("policy.yaml is right, and more for production: sha256:")
    explained = cli("policy", "explain", "--policy", "policy.yaml", "--env", "production", cwd=shop.folder)
    assert "verdicts.gate" in explained.stdout
    assert "policy.yaml:7" in explained.stdout
    as_json = cli("policy", "explain", "--policy", "policy.yaml", "--json", cwd=shop.folder)
    assert json.loads(as_json.stdout)["policy"] == ended.stdout.split()[-1]
    (shop.folder / "policy.yaml").write_text(POLICY.replace("gate:", "gaet:"))
    bad = cli("policy", "check", "policy.yaml", cwd=shop.folder)
    assert bad.returncode == 3
    assert "policy.yaml:5: verdicts.gaet: no stage judges this; did you mean 'gate'?" in bad.stderr


def test_without_a_policy_file_the_strict_default_is_explained(cli: Cli, tmp_path: Path) -> None:
    ended = cli("policy", "explain", cwd=tmp_path)
    assert ended.returncode == 0
    assert "nothing passes without --key FILE" in ended.stdout
    checked = cli("policy", "check", cwd=tmp_path)
    assert checked.stdout.startswith("the strict default is right")
    assert checked.stderr.count("note: ") == 4
