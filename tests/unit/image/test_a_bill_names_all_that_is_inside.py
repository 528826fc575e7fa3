"""Configuration, manifest and bill of materials: made of contents alone, and in the shapes that others read."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlagent.core import oci
from mlagent.core.oci import Descriptor
from mlagent.image import assemble, sbom
from mlagent.image.assemble import Named
from mlagent.image.base import Base
from mlagent.image.inside import Inside, Package
from mlagent.image.layers import Layer
from mlagent.image.lock import Lock, Requirement

HASHES = [f"sha256:{digit * 64}" for digit in "0123456789abcdef"]
LAYERS = [Layer(Descriptor(media_type=oci.LAYER, digest=one, size=1), one) for one in HASHES[:4]]
OLD = {
    "Env": ["PATH=/bin", "PYTHONPATH=/theirs"],
    "Cmd": ["sh"],
    "Entrypoint": ["/old"],
    "OnBuild": ["RUN x"],
    "Labels": {"vendor": "us"},
    "ExposedPorts": {"22/tcp": {}},
}
INSIDE = Inside(
    ("/usr/bin/python3.11",),
    (Package("deb", "libc6", "2.36-9+deb12u10", "amd64", "glibc"), Package("deb", "a+b", "1:2~3", "all")),
    ("debian", "12"),
)
BASE = Base(
    HASHES[9], {"architecture": "amd64", "os": "linux", "created": "2024-05-05T05:05:05Z", "config": OLD},
    (LAYERS[0],), INSIDE,
)  # fmt: skip
NAMED = Named(name="risk", model=HASHES[5], lock=HASHES[6], server=HASHES[7], base=HASHES[9], base_name="example.org/b")
OURS = dict(zip(["dependencies", "server", "model"], LAYERS[1:], strict=True))
LOCK = Lock("linux/amd64", "3.11", ("numpy",), (Requirement("numpy", "2.1+local", (HASHES[1], HASHES[2])),))


def configured() -> dict[str, Any]:
    return json.loads(assemble.configuration(BASE, "/usr/bin/python3.11", NAMED, OURS))  # type: ignore[no-any-return]


def billed() -> dict[str, Any]:
    return json.loads(sbom.bill(HASHES[8], NAMED, LOCK, BASE))  # type: ignore[no-any-return]


def test_a_container_runs_the_server_as_nobody_and_is_asked_for_its_health() -> None:
    config = configured()["config"]
    assert config["Entrypoint"] == ["/usr/bin/python3.11", "-m", "mlagent.serving"]
    assert config["Cmd"][:2] == ["--model", "/srv/model/model.onnx"]
    assert config["User"] == "65532:65532"
    assert config["Healthcheck"]["Test"][:4] == ["CMD", "/usr/bin/python3.11", "-m", "mlagent.serving.probe"]
    assert sorted(config["ExposedPorts"]) == ["22/tcp", "8000/tcp", "8001/tcp"]
    assert "OnBuild" not in config


def test_our_variables_take_the_place_of_the_bases() -> None:
    env = configured()["config"]["Env"]
    assert env[0] == "PATH=/bin"
    assert [one for one in env if one.startswith("PYTHONPATH=")] == ["PYTHONPATH=/opt/mlagent/server:/opt/mlagent/lib"]


def test_labels_name_what_it_is_made_of_and_no_build() -> None:
    labels = configured()["config"]["Labels"]
    assert labels == {"vendor": "us"} | NAMED.labels()
    assert labels["io.mlagent.model.digest"] == HASHES[5]
    manifest = oci.Manifest
    found = json.loads(assemble.manifest(LAYERS[0].descriptor, BASE, NAMED, OURS))
    assert found["annotations"] == NAMED.labels()
    assert found["mediaType"] == oci.MANIFEST
    assert [one["digest"] for one in found["layers"]] == HASHES[:4]
    assert set(found) <= {"schemaVersion", "mediaType", "config", "layers", "annotations"}, manifest


def test_every_layer_has_its_line_of_history_and_none_has_a_clock() -> None:
    found = configured()
    assert found["created"] == "1970-01-01T00:00:00Z"
    assert len(found["history"]) == len(found["rootfs"]["diff_ids"]) == 4
    assert {line["created"] for line in found["history"]} == {"1970-01-01T00:00:00Z"}


def test_the_bases_history_is_kept_where_it_fits() -> None:
    lines = [{"created_by": "ADD"}, {"created_by": "ENV", "empty_layer": True}]
    base = Base(BASE.digest, {**BASE.configuration, "history": lines}, BASE.layers, BASE.inside)
    found = json.loads(assemble.configuration(base, "/p", NAMED, OURS))["history"]
    assert found[:2] == lines
    assert len(found) == 5


def test_the_bill_names_packages_of_both_kinds_the_model_and_the_server() -> None:
    found = billed()
    assert [found[name] for name in ("bomFormat", "specVersion", "version")] == ["CycloneDX", "1.5", 1]
    by = {one["name"]: one for one in found["components"]}
    assert by["numpy"]["purl"] == "pkg:pypi/numpy@2.1%2Blocal"
    assert [one["content"] for one in by["numpy"]["hashes"]] == ["1" * 64, "2" * 64]
    assert by["libc6"]["purl"] == ("pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12&upstream=glibc")
    assert by["a+b"]["purl"].startswith("pkg:deb/debian/a%2Bb@1%3A2~3?")
    assert by["risk"]["type"] == "machine-learning-model"
    assert by["mlagent.serving"]["hashes"][0]["content"] == "7" * 64
    assert found["metadata"]["component"]["version"] == HASHES[8]


def test_the_bill_is_the_same_twice_and_another_for_another_image() -> None:
    first = sbom.bill(HASHES[8], NAMED, LOCK, BASE)
    assert sbom.bill(HASHES[8], NAMED, LOCK, BASE) == first
    other = json.loads(sbom.bill(HASHES[10], NAMED, LOCK, BASE))
    assert other["serialNumber"] != billed()["serialNumber"]
    assert billed()["serialNumber"].startswith("urn:uuid:")
    assert "timestamp" not in billed()["metadata"]


def test_every_reference_of_the_bill_is_there_once() -> None:
    found = billed()
    references = [one["bom-ref"] for one in found["components"]] + [found["metadata"]["component"]["bom-ref"]]
    assert len(set(references)) == len(references)
    (depends,) = found["dependencies"]
    assert {depends["ref"], *depends["dependsOn"]} == set(references)


@pytest.mark.parametrize("name", ["model", "lock", "server", "base"])
def test_each_part_changes_the_name(name: str, tmp_path: Path) -> None:
    changed = Named(**{**{one: getattr(NAMED, one) for one in Named.__struct_fields__}, name: HASHES[11]})
    assert changed.labels() != NAMED.labels()
