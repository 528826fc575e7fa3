"""What `release` attaches to an image, that others' stays, and that the same again writes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlagent.adapters.memory_images import MemoryImages
from mlagent.config.images import Registry
from mlagent.core import oci
from mlagent.core.digest import of_bytes
from mlagent.errors import InfrastructureError, InputError
from mlagent.stages import release
from tests.contract.image_registries import referring
from tests.registry_server import Answer, Double, Fault, serving
from tests.release_house import ReleaseHouse
from tests.signing_house import PATH


def manifest_of(images: MemoryImages, house: ReleaseHouse) -> dict[str, Any]:
    (found,) = images.referrers(PATH, house.house.digest, release.KIND)
    there = images.manifest(PATH, found.digest)
    assert there
    return dict(json.loads(there.data))


@pytest.fixture
def images() -> MemoryImages:
    return MemoryImages()


@pytest.fixture
def house(tmp_path: Path, images: MemoryImages) -> ReleaseHouse:
    made = ReleaseHouse(tmp_path / "house")
    made.house.push(images)
    return made


def test_record_card_and_verdicts_are_layers_by_name(house: ReleaseHouse, images: MemoryImages, tmp_path: Path) -> None:
    assert house.attach(images)
    found = manifest_of(images, house)
    assert found["artifactType"] == release.KIND
    assert found["subject"]["digest"] == house.house.digest
    assert found["annotations"][release.NAMED] == of_bytes((house.work / release.RECORD).read_bytes())
    names = [one["annotations"][release.TITLE] for one in found["layers"]]
    assert names == [release.RECORD, release.CARD, release.VERDICTS]
    for one, name in zip(found["layers"], names, strict=True):
        images.pull(PATH, one["digest"], one["size"], tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == (house.work / name).read_bytes()


def test_what_is_attached_already_is_not_written_again(house: ReleaseHouse, images: MemoryImages) -> None:
    assert house.attach(images)
    assert not house.attach(images)
    assert len(images.referrers(PATH, house.house.digest)) == 1


def test_an_image_that_is_gone_is_said(house: ReleaseHouse) -> None:
    with pytest.raises(InputError, match="is not there any more"):
        house.attach(MemoryImages())


@pytest.fixture
def double(tmp_path: Path) -> Any:
    with serving() as made:
        yield made


def beside(tmp_path: Path, double: Double) -> ReleaseHouse:
    from mlagent.adapters.oci_registry import opened

    house = ReleaseHouse(tmp_path / "house", double.host)
    with opened(house.house.image, Registry(), tmp_path, environ={}) as client:
        house.house.push(client)
    return house


def writes(double: Double) -> int:
    return sum(double.count(method) for method in ("PUT", "POST", "PATCH"))


@pytest.mark.parametrize("lists", [True, False])
def test_a_registry_with_its_own_list_gets_no_tag_and_one_without_an_index(
    tmp_path: Path, double: Double, lists: bool
) -> None:
    double.lists_referrers = lists
    house = beside(tmp_path, double)
    assert ": attached to" in house.run().summary
    assert list(double.tags[PATH]) == ([] if lists else [house.house.digest.replace(":", "-")])
    before = writes(double)
    assert ": was attached already to" in house.run().summary
    assert writes(double) == before


def test_entries_of_others_stay_as_they_stand(tmp_path: Path, double: Double) -> None:
    house = beside(tmp_path, double)
    tag = house.house.digest.replace(":", "-")
    theirs = {"mediaType": oci.MANIFEST, "digest": house.house.digest, "size": 3, "data": "e30=", "urls": ["x"]}
    index = json.dumps({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": [theirs], "their": "own"}).encode()
    double.manifests[PATH][of_bytes(index)] = (index, oci.INDEX)
    double.tags[PATH][tag] = of_bytes(index)
    house.run()
    found = json.loads(double.manifests[PATH][double.tags[PATH][tag]][0])
    assert found["manifests"][0] == theirs
    assert found["their"] == "own"
    assert found["manifests"][1]["artifactType"] == release.KIND


def test_what_is_no_index_under_the_tag_is_left_alone_and_said(tmp_path: Path, double: Double) -> None:
    house = beside(tmp_path, double)
    tag = house.house.digest.replace(":", "-")
    double.tags[PATH][tag] = house.house.digest
    with pytest.raises(InputError, match="is no index: it is another document"):
        house.run()
    assert double.tags[PATH][tag] == house.house.digest


def test_an_index_that_another_writer_took_the_place_of_is_written_again(tmp_path: Path, double: Double) -> None:
    house = beside(tmp_path, double)
    tag = house.house.digest.replace(":", "-")
    double.faults.append(Fault("PUT", f"/manifests/{tag}", Answer(201)))  # taken, and not there
    house.run()
    assert double.count("PUT", f"/manifests/{tag}") == 2
    found = json.loads(double.manifests[PATH][double.tags[PATH][tag]][0])
    assert [one["artifactType"] for one in found["manifests"]] == [release.KIND]


def test_a_list_that_others_write_each_time_is_worth_a_retry(tmp_path: Path, double: Double) -> None:
    house = beside(tmp_path, double)
    double.faults.extend([Fault("PUT", "/manifests/sha256-", Answer(201))] * 9)
    with pytest.raises(InfrastructureError, match="others wrote its list of referrers each time"):
        house.run()


def test_a_page_for_people_in_place_of_a_list_is_passed_over(tmp_path: Path, double: Double) -> None:
    house = beside(tmp_path, double)
    for _ in range(2):
        page = Answer(200, b"<html>log in</html>", {"Content-Type": "text/html"})
        double.faults.append(Fault("GET", "/referrers/", page))
    assert ": attached to" in house.run().summary


def test_whoever_refers_to_another_image_is_not_listed(
    house: ReleaseHouse, images: MemoryImages, tmp_path: Path
) -> None:
    house.attach(images)
    images.refer(PATH, referring(images, PATH, tmp_path, b"another"))
    assert len(images.referrers(PATH, house.house.digest)) == 1
