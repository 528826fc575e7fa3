"""With the real cosign and registry: a pack by the command, and its own verify.py in a Python that has nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from mlagent.adapters.stores import open_store
from mlagent.ledger.standalone import verify
from tests.conftest import Cli
from tests.e2e.signing.conftest import Signed, cosign, in_a_registry, sign
from tests.e2e.signing.test_a_forged_envelope_does_not_count import lay, own_line
from tests.pack_house import Ended, Left, packed, relist, unpacked
from tests.pack_tampering import CONTENT, Tampering, with_its_list
from tests.parts.keys import Pair
from tests.parts.registry import PASSWORD
from tests.signing_house import RUN

SIGNS = """
sign: {{key: "file:{key}", password: "file:{password}"}}
"""
NOWHERE = "http://127.0.0.1:9"  # whoever asks the network for something hears nothing


class Evidence(NamedTuple):
    """A release that is signed for real, and what `mlagent evidence` made of it."""

    signed: Signed
    pack: Path
    said: str

    @property
    def files(self) -> dict[str, bytes]:
        return unpacked(self.pack.read_bytes())

    def again(self, *, policy: bool = True) -> subprocess.CompletedProcess[str]:
        return evidence(self.signed, self.pack.with_name("again.zip"), policy=policy)

    def changed(self, files: Mapping[str, bytes]) -> Path:
        file = self.pack.with_name("changed.zip")
        file.write_bytes(packed(files))
        return file


def evidence(signed: Signed, out: Path, *, policy: bool = True) -> subprocess.CompletedProcess[str]:
    env = {"TEAM_PASSWORD": PASSWORD, "PATH": signed.path}
    env |= {"MLAGENT_POLICY_FILE": str(signed.folder / "policy.yaml")} if policy else {}
    return signed.cli("evidence", RUN, "--out", str(out), cwd=signed.folder, env=env)


def configure(signed: Signed, more: str) -> None:
    settings = signed.folder / "mlpipeline.yaml"
    settings.write_text(settings.read_text() + more)


def leave(signed: Signed, *without: str) -> Left:
    return Left(
        open_store(signed.folder / ".mlagent/store"), signed.folder / "left", signed.house, signed.signer.by(), *without
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, keys: Pair, cli: Cli) -> Iterator[Evidence]:
    """Once for all; what is done to the registry afterwards adds to it."""
    with in_a_registry(tmp_path_factory.mktemp("made"), keys, cli) as pushed:
        signed = sign(pushed)
        configure(signed, SIGNS.format(key=keys.private, password=keys.password))
        leave(signed)
        ended = evidence(signed, signed.folder / "pack.zip")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        yield Evidence(signed, signed.folder / "pack.zip", ended.stdout)


def tried(pack: Path, *keys: Path, program: Path | None = None, python: str = sys.executable) -> Ended:
    """By a Python without any package, in a place without mlagent, without a network."""
    env = {"PATH": os.environ["PATH"], "COSIGN": cosign(), "HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE}
    command = [python, "-I", "-S", str(program or Path(verify.__file__)), str(pack), *(f"--key={one}" for one in keys)]
    ended = subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, check=False)
    assert not ended.stderr, ended.stderr
    return Ended(ended.returncode, [" ".join(one.split(maxsplit=1)) for one in ended.stdout.splitlines()])


def test_a_pack_of_a_real_release_holds_by_its_public_key_alone(made: Evidence) -> None:
    assert "not in it" not in made.said
    found = tried(made.pack, made.signed.keys.public)
    assert found.status == 0, found.rows
    for what in ("manifest.json, the list", "image/signature-1.json", "ledger/checkpoint.json (13 entries"):
        assert [one for one in found.rows if what in one and f"signed by {made.signed.keys.public}" in one], what
    for kind in ("provenance", "sbom", "verdicts"):
        assert found.says("ok", f"attestations/{kind}-1.json: signed by")
    assert found.says("ok", "entry 10 (promoted staging, ann")


def test_unpacked_it_checks_itself_by_the_program_that_is_in_it(made: Evidence, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(made.pack), str(folder)], check=True)
    found = tried(folder, program=folder / "verify.py")
    assert found.status == 2
    assert found.says("open", "keys: those of the pack vouch for nothing")
    assert len([one for one in found.rows if one.startswith("open")]) == 1
    assert tried(folder, made.signed.keys.public, program=folder / "verify.py").status == 0


def test_the_same_evidence_is_the_same_bytes_though_no_two_signatures_are(made: Evidence) -> None:
    assert made.again().returncode == 0
    assert made.pack.with_name("again.zip").read_bytes() == made.pack.read_bytes()


def test_by_another_key_nothing_in_it_is_signed(made: Evidence, others_keys: Pair) -> None:
    found = tried(made.pack, others_keys.public)
    assert found.status == 1
    assert len([one for one in found.rows if "its signature is by none of the keys" in one]) == 6


def test_a_byte_of_any_file_is_missed(made: Evidence) -> None:
    for name, data in made.files.items():
        changed = data[:-1] + bytes([data[-1] ^ 1])
        found = tried(made.changed({**made.files, name: changed}), made.signed.keys.public)
        assert found.status == 1, name
        assert found.says("WRONG", name if name != verify.SIGNED else "manifest.json, the list: its signature"), name


def test_a_list_that_was_changed_along_is_not_the_one_that_was_signed(made: Evidence) -> None:
    changed = {**made.files, "report.html": b"<p>All is well."}
    relist(changed)
    found = tried(made.changed(changed), made.signed.keys.public)
    assert found.status == 1
    assert found.says("WRONG", "manifest.json, the list: its signature is by none of the keys")


def test_every_change_of_what_is_in_it_is_named(made: Evidence, others_keys: Pair) -> None:
    by_another = made.signed.here.signer(others_keys)

    def theirs(data: bytes) -> str:
        file = made.signed.folder / "to-sign"
        file.write_bytes(data)
        return by_another.sign_blob(file).decode()

    def named(one: Tampering) -> bool:
        changed = made.files
        with_its_list(one.change, changed, theirs)
        found = tried(made.changed(changed), made.signed.keys.public)
        return found.status == 1 and all(found.says("WRONG", text) for text in one.says)

    assert [one.name for one in CONTENT if not named(one)] == []
    assert len(CONTENT) > 20


def test_what_strangers_laid_beside_the_image_is_not_packed(made: Evidence, others_keys: Pair) -> None:
    lay(made.signed, own_line)
    made.signed.here.signer(others_keys).sign(made.signed.house.image)
    assert made.again().returncode == 0
    assert made.pack.with_name("again.zip").read_bytes() == made.pack.read_bytes()


def test_whoever_has_no_key_packs_what_others_signed(signed: Signed) -> None:
    leave(signed)
    ended = evidence(signed, signed.folder / "pack.zip")
    assert ended.returncode == 0, ended.stderr
    assert "not in it: manifest.json.sig: no key signs here" in ended.stdout
    assert "not in it: ledger/checkpoint.json: none was taken yet" in ended.stdout
    found = tried(signed.folder / "pack.zip", signed.keys.public)
    assert found.status == 2, found.rows
    assert found.says("ok", "image/signature-1.json: signed by")


def test_a_run_that_pushed_nothing_is_packed_with_what_it_has(signed: Signed) -> None:
    configure(signed, SIGNS.format(key=signed.keys.private, password=signed.keys.password))
    leave(signed, "pushed", "decision@staging")
    ended = evidence(signed, signed.folder / "pack.zip", policy=False)
    assert ended.returncode == 0, ended.stderr
    assert "not in it: image/signature: no image was pushed" in ended.stdout
    assert tried(signed.folder / "pack.zip", signed.keys.public).status == 2


def test_a_registry_that_is_away_is_waited_for_and_no_half_pack_is_left(signed: Signed) -> None:
    leave(signed)
    signed.here.registry.stop()
    ended = evidence(signed, signed.folder / "pack.zip")
    assert ended.returncode == 20, ended.stderr
    assert not (signed.folder / "pack.zip").exists()


def test_the_private_key_is_in_no_pack(made: Evidence) -> None:
    planted = made.signed.keys.private.read_text().splitlines()[-2].encode()
    listed = json.loads(made.files[verify.MANIFEST])
    assert listed["release"] == made.signed.house.digest
    assert not [
        name for name, data in made.files.items() if planted in data or made.signed.keys.spoken.encode() in data
    ]
    assert not [name for name, data in made.files.items() if PASSWORD.encode() in data]
