"""With the real cosign: what `sign` writes is good by public tools, and every tampering with it is named."""

import base64
import json
import os
import subprocess
from pathlib import Path

import msgspec

from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.signing import attached
from mlagent.adapters.stores import open_store
from mlagent.core import oci
from mlagent.core.digest import of_bytes
from mlagent.core.ports.ledger import Fact
from mlagent.trust import origins, provenance, release, verdicts
from tests.e2e.signing.conftest import Signed, cosign
from tests.good_release import ORIGIN, a_digest, done, judged
from tests.parts.keys import Pair
from tests.parts.registry import PASSWORD, USER
from tests.signing_house import PATH, from_elsewhere

KINDS = (provenance.TYPE, origins.SBOM, verdicts.TYPE)


def public(signed: Signed, *args: str) -> subprocess.CompletedProcess[str]:
    """A public tool with the public key only: cosign as anybody runs it who may read the registry."""
    home = signed.folder / "home"
    home.mkdir(exist_ok=True)
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (home / "config.json").write_text(json.dumps({"auths": {signed.house.host: {"auth": login}}}))
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "DOCKER_CONFIG": str(home)}
    trust = ["--key", str(signed.keys.public), "--insecure-ignore-tlog=true"]
    command = [cosign(), args[0], *trust, *args[1:]]
    return subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, check=False)


def test_public_tools_take_the_signature_and_each_statement(signed: Signed) -> None:
    ca, image = f"--registry-cacert={signed.here.registry.ca}", str(signed.house.image)
    ended = public(signed, "verify", ca, image)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)[0]["critical"]["image"]["docker-manifest-digest"] == signed.house.digest
    for kind in ("slsaprovenance1", "cyclonedx", "urn:mlagent:verdicts:v1"):
        ended = public(signed, "verify-attestation", ca, "--type", kind, image)
        assert ended.returncode == 0, ended.stderr
        assert len(ended.stdout.splitlines()) == 1
    assert public(signed, "verify", ca, f"{signed.house.host}/{PATH}:v3").returncode == 0


def test_public_tools_take_the_signature_on_the_models_files(signed: Signed) -> None:
    statement, signature = signed.house.work / release.FILE, signed.house.work / release.SIGNATURE
    ended = public(signed, "verify-blob", "--signature", str(signature), str(statement))
    assert ended.returncode == 0, ended.stderr
    statement.write_bytes(statement.read_bytes().replace(b"model.onnx", b"other.onnx"))
    assert public(signed, "verify-blob", "--signature", str(signature), str(statement)).returncode != 0


def test_a_release_as_it_was_signed_may_run(signed: Signed) -> None:
    ended = signed.verify()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "may run" in ended.stdout
    assert signed.verify(image=f"{signed.house.host}/{PATH}:v3").returncode == 0


def test_another_model_in_the_layer_has_nothing_to_show(signed: Signed, tmp_path: Path) -> None:
    other = signed.another(tmp_path / "other")
    bad = signed.refused(image=str(other.image))
    assert bad["signature"] == "none"
    assert bad["provenance"] == "none"


def test_another_key_is_named_as_such(signed: Signed, others_keys: Pair) -> None:
    policy = signed.folder / "policy.yaml"
    policy.write_text(policy.read_text().replace(str(signed.keys.public), str(others_keys.public)))
    bad = signed.refused()
    assert bad["signature"] == "1 by another key"
    assert "by another key" in bad["provenance"]
    assert "by another key" in bad["verdicts"]


def test_an_attestation_of_another_digest_is_named_as_such(signed: Signed, tmp_path: Path) -> None:
    other = signed.another(tmp_path / "other", sign=True)
    with signed.here.client(other.image) as client:
        theirs = client.manifest(PATH, attached.tag(other.image, "att"))
        assert theirs is not None
        client.put_manifest(PATH, theirs.data, theirs.media_type, attached.tag(signed.house.image, "att"))
    bad = signed.refused()
    assert "of another digest" in bad["provenance"]
    assert "of another digest" in bad["verdicts"]


def test_a_verdict_that_was_removed_is_missing(signed: Signed) -> None:
    said = signed.said(verdicts.TYPE)
    kept = [one for one in said["verdicts"] if one["verdict"]["subject"] != "gate"]
    signed.restate(verdicts.TYPE, {"verdicts": kept})
    assert signed.refused() == {"verdict gate": "none"}


def test_verdicts_that_were_removed_altogether_are_missing(signed: Signed) -> None:
    signer, image = signed.signer, signed.house.image
    signer.withdraw(image, signer.attestations(image, verdicts.TYPE, signer.by()))
    assert signed.refused()["verdicts"] == "none"


def test_a_verdict_that_failed_is_refused(signed: Signed) -> None:
    bad = judged("gate", {"evaluation": a_digest("evaluation")}, value=0.1)
    chain = tuple(done("gate", None, bad) if one.stage == "gate" else one for one in signed.house.chain)
    signed.restate(verdicts.TYPE, msgspec.to_builtins(verdicts.of(chain)))
    assert "fail: figure" in signed.refused()["verdict gate"]


def test_a_verdict_that_is_too_old_is_refused_where_the_environment_says_so(signed: Signed) -> None:
    assert signed.verify("--env", "staging").returncode == 0
    assert "too old" in signed.refused("--env", "production")["verdict gate"]


def test_a_policy_that_was_changed_since_is_refused(signed: Signed) -> None:
    before = json.loads(signed.verify("--json").stdout.splitlines()[0])["policy"]
    assert signed.verify("--policy-digest", before).returncode == 0
    policy = signed.folder / "policy.yaml"
    policy.write_text(policy.read_text().replace("gate: {max_age_days: 3650}", "gate: {max_age_days: 3649}"))
    assert "it was changed" in signed.refused("--policy-digest", before)["policy"]


def test_a_tag_that_was_moved_is_refused(signed: Signed, tmp_path: Path) -> None:
    named = str(signed.house.image).replace("@", ":v3@")
    assert signed.verify(image=named).returncode == 0
    other = signed.another(tmp_path / "other")
    with signed.here.client(other.image) as client:
        client.put_manifest(PATH, other.manifest, oci.MANIFEST, "v3")
    assert "it was moved" in signed.refused(image=named)["tag v3"]


def test_a_signature_that_was_deleted_is_missing(signed: Signed) -> None:
    with signed.here.client(signed.house.image) as client:
        there = client.manifest(PATH, attached.tag(signed.house.image, "sig"))
        assert there is not None
        client.delete(PATH, of_bytes(there.data))
    assert signed.refused() == {"signature": "none"}


def test_a_bill_of_another_lock_is_refused(signed: Signed) -> None:
    signed.house.lock = a_digest("another lock")
    signed.restate(origins.SBOM, signed.house.bill)
    assert "of another lock" in signed.refused()["SBOM"]


def test_provenance_by_a_builder_that_is_not_allowed_is_refused(signed: Signed) -> None:
    elsewhere = from_elsewhere(ORIGIN, builder="https://elsewhere.example/")
    manifest = msgspec.json.decode(signed.house.manifest, type=oci.Manifest)
    built = provenance.of(elsewhere, signed.house.chain, "a1b2c3d4e5f6", manifest)
    signed.restate(provenance.TYPE, msgspec.to_builtins(built))
    assert signed.refused() == {"builder": "https://elsewhere.example/"}


def test_signing_again_writes_nothing(signed: Signed) -> None:
    before = signed.here.registry.log
    with signed.here.client(signed.house.image) as client:
        assert signed.house.to(client, signed.signer).written == []
    assert "http.request.method=PUT" not in signed.here.registry.log[len(before) :]
    assert signed.counted() == dict.fromkeys(KINDS, 1)


def test_a_later_build_of_the_same_image_replaces_what_the_first_said(signed: Signed) -> None:
    signed.house.origin = from_elsewhere(ORIGIN, build=8, commit="f" * 40)
    with signed.here.client(signed.house.image) as client:
        assert signed.house.to(client, signed.signer).written == ["provenance"]
    assert signed.counted() == dict.fromkeys(KINDS, 1)
    assert signed.said(provenance.TYPE)["buildDefinition"]["internalParameters"]["build"] == 8
    assert signed.verify().returncode == 0


def test_an_older_release_is_superseded_where_a_later_build_was_promoted(signed: Signed) -> None:
    assert signed.verify("--env", "staging").returncode == 0
    fact = Fact(
        what="promoted",
        model="risk",
        who="ann",
        time="2026-07-01T00:00:00Z",
        release=a_digest("a later release"),
        environment="staging",
        build=ORIGIN.build + 1,
    )
    ObjectLedger(open_store(signed.folder / ".mlagent/store")).append(fact)
    assert signed.refused("--env", "staging") == {"build": f"{ORIGIN.build}: superseded"}
