"""A real registry that keeps no list of referrers (docker-registry): public tools find the record, cosign's stays."""

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlagent.core.digest import of_bytes
from mlagent.core.oci import INDEX
from mlagent.stages import release
from mlagent.trust import record
from tests.contract.image_registries import OTHERS, referring
from tests.e2e.signing.conftest import Signed
from tests.release_house import ReleaseHouse
from tests.signing_house import PATH, statements


@pytest.fixture
def recorded(signed: Signed, tmp_path: Path) -> ReleaseHouse:
    """Of the image that is pushed and signed already; not attached yet."""
    house = ReleaseHouse(tmp_path / "recorded", signed.house.host)
    house.house = signed.house
    return house


def skopeo(signed: Signed, *args: str) -> bytes:
    source = "--src-" if args[0] == "copy" else "--"
    login = signed.here.registry.skopeo(cert=f"{source}cert-dir", creds=f"{source}creds")
    command = ["skopeo", *args[:1], *login, *args[1:]]
    return subprocess.run(command, check=True, capture_output=True).stdout


def index(signed: Signed) -> Any:
    """What stands under the tag of the image's digest."""
    tag = signed.house.digest.replace(":", "-")
    return json.loads(skopeo(signed, "inspect", "--raw", f"docker://{signed.house.host}/{PATH}:{tag}"))


def writes(signed: Signed) -> int:
    return len(re.findall(r"http\.request\.method=(?:PUT|POST|PATCH)", signed.here.registry.log))


def test_it_is_found_by_the_tag_of_the_digest_and_cosign_verifies_all_of_its_own_as_before(
    signed: Signed, recorded: ReleaseHouse, tmp_path: Path
) -> None:
    before = signed.counted()
    outputs = recorded.run(signed.here.settings)
    assert ": attached to" in outputs.summary
    (entry,) = index(signed)["manifests"]
    assert (index(signed)["mediaType"], entry["artifactType"]) == (INDEX, release.KIND)
    found = f"docker://{signed.house.host}/{PATH}@{entry['digest']}"
    manifest = json.loads(skopeo(signed, "inspect", "--raw", found))
    assert manifest["subject"]["digest"] == signed.house.digest
    skopeo(signed, "copy", found, f"dir:{tmp_path / 'taken'}")
    for layer in manifest["layers"]:
        taken = (tmp_path / "taken" / layer["digest"].partition(":")[2]).read_bytes()
        assert taken == (recorded.work / layer["annotations"][release.TITLE]).read_bytes()
        assert f"sha256:{hashlib.sha256(taken).hexdigest()}" == layer["digest"]
    assert signed.counted() == before
    ended = signed.verify()
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_record_names_what_cosign_attested(signed: Signed, recorded: ReleaseHouse) -> None:
    from mlagent.trust import provenance, stated

    recorded.run(signed.here.settings)
    said = record.read((recorded.work / record.FILE).read_bytes())
    assert said.provenance == of_bytes(stated.comparable(signed.said(provenance.TYPE)))
    assert said.image
    assert said.image.digest == signed.house.digest
    assert statements(signed.signer.attached(signed.house.image).envelopes)


def test_the_same_again_writes_nothing(signed: Signed, recorded: ReleaseHouse) -> None:
    recorded.run(signed.here.settings)
    before, kept = writes(signed), index(signed)
    assert ": was attached already to" in recorded.run(signed.here.settings).summary
    assert writes(signed) == before
    assert index(signed) == kept


def test_what_others_refer_by_stays(signed: Signed, recorded: ReleaseHouse, tmp_path: Path) -> None:
    with signed.here.client(signed.house.image) as client:
        theirs = referring(client, PATH, tmp_path, signed.house.manifest, OTHERS, "theirs")
        client.refer(PATH, theirs)
        recorded.run(signed.here.settings)
        kinds = [one.artifact_type for one in client.referrers(PATH, signed.house.digest)]
    assert kinds == [OTHERS, release.KIND]
    assert index(signed)["manifests"][0]["digest"] == of_bytes(theirs)


def test_a_registry_that_was_killed_has_it_still(signed: Signed, recorded: ReleaseHouse) -> None:
    recorded.run(signed.here.settings)
    signed.here.registry.stop()
    signed.here.registry.start()
    assert ": was attached already to" in recorded.run(signed.here.settings).summary
