"""The stage `release`: what stands in the record, and that the same run writes the same bytes whatever builds it."""

import json
from pathlib import Path

import msgspec
import pytest

from mlagent.core.digest import canonical_json, of_bytes, of_json
from mlagent.core.verdict import Waiver
from mlagent.errors import InputError
from mlagent.trust import origins, provenance, record, stated, verdicts
from tests.good_release import ORIGIN, a_digest, done, judged
from tests.release_house import ReleaseHouse
from tests.signing_house import LOCK, ONNX, from_elsewhere


@pytest.fixture
def house(tmp_path: Path) -> ReleaseHouse:
    return ReleaseHouse(tmp_path / "house")


def test_it_ties_together_what_the_release_rests_on(house: ReleaseHouse) -> None:
    found = house.write()
    image = house.house.image
    assert (found.model, found.run, found.build, found.commit) == ("risk", "a1b2c3d4e5f6", 7, ORIGIN.commit)
    assert (found.sources, found.data, found.config) == (ORIGIN.sources, ORIGIN.data, ORIGIN.config)
    assert (found.lock, found.onnx, found.evaluation) == (LOCK, ONNX, of_bytes(house.evaluation))
    assert found.image == record.Image(
        repository=image.repository, digest=str(image.digest), config=house.house.pieces[0].digest
    )
    assert found.release == image.digest
    assert found.sbom == origins.bill(house.house.bill).digest
    assert found.signed_by == "key sha256:abc"
    assert found.mlflow.version == 3


def test_every_verdict_is_named_by_the_digest_of_its_canonical_json(house: ReleaseHouse) -> None:
    found = house.write()
    said = json.loads((house.work / "verdicts.json").read_bytes())["verdicts"]
    assert [one.subject for one in found.verdicts] == ["data", "split", "parity", "gate", "load-test"]
    assert [one.digest for one in found.verdicts] == [of_json(one["verdict"]) for one in said]
    whole = verdicts.parse({"verdicts": said})
    assert canonical_json(whole) == (house.work / "verdicts.json").read_bytes()


def test_the_provenance_is_the_one_that_sign_attests(house: ReleaseHouse) -> None:
    from mlagent.adapters.memory_images import MemoryImages
    from mlagent.adapters.memory_signer import Board, MemorySigner
    from tests.signing_house import statements

    images, signer = MemoryImages(), MemorySigner(Board())
    house.house.push(images)
    house.house.to(images, signer)
    (envelope,) = signer.attestations(house.house.image, provenance.TYPE, signer.by())
    attested = statements([envelope])[0].predicate
    assert house.write().provenance == of_bytes(stated.comparable(attested))


def test_another_build_of_the_same_run_writes_the_same_bytes(house: ReleaseHouse) -> None:
    house.write()
    first = {path.name: path.read_bytes() for path in house.work.iterdir()}
    house.house.origin = from_elsewhere(ORIGIN, url="https://jenkins.example/job/risk/8/", begun="2026-08-01T00:00:00Z")
    house.write()
    assert {path.name: path.read_bytes() for path in house.work.iterdir()} == first


def test_what_is_another_release_is_another_record(house: ReleaseHouse) -> None:
    first = house.write()
    late = judged("load-test", {"onnx": ONNX}, value=0.75)
    house.house.chain = tuple(
        done("load-test", None, late) if one.stage == "load-test" else one for one in house.house.chain
    )
    second = house.write()
    assert first.verdicts[:-1] == second.verdicts[:-1]
    assert first.verdicts[-1].digest != second.verdicts[-1].digest
    assert house.write() == second


def test_a_note_that_nobody_can_read_is_written_anew(house: ReleaseHouse) -> None:
    house.notes = {"record": '{"schema": 99}'}
    assert house.write().schema == record.SCHEMA


def test_a_run_that_pushed_no_image_records_the_model_alone(tmp_path: Path) -> None:
    house = ReleaseHouse(tmp_path / "house", pushed=False)
    outputs = house.run()
    assert outputs.summary.endswith("kept with the run, since no image was pushed")
    found = house.record
    assert (found.image, found.release, found.sbom, found.provenance, found.signed_by) == (None, ONNX, "", "", "")
    assert "Image: none was pushed." in house.card


def test_an_image_that_nobody_signed_has_no_provenance_in_the_record(tmp_path: Path) -> None:
    found = ReleaseHouse(tmp_path / "house", signed=False).write()
    assert found.image is not None
    assert (found.provenance, found.signed_by) == ("", "")


def test_waivers_stand_with_who_answers_for_them(house: ReleaseHouse) -> None:
    waiver = msgspec.convert({"owner": "jane", "reason": "case 4711", "expires": "2026-12-31"}, Waiver)
    verdict = judged("gate", {"evaluation": a_digest("evaluation")})
    waived = msgspec.structs.replace(verdict.checks[0], outcome="waived", waiver=waiver)
    verdict = msgspec.structs.replace(verdict, checks=(waived,))
    house.house.chain = tuple(done("gate", None, verdict) if one.stage == "gate" else one for one in house.house.chain)
    assert house.write().waivers == (
        record.Waived(subject="gate", check="figure", owner="jane", reason="case 4711", expires="2026-12-31"),
    )
    assert "case 4711" in house.card


@pytest.mark.parametrize("label", ["pull_request", "skipped"])
def test_nothing_is_recorded_of_what_goes_nowhere(house: ReleaseHouse, label: str) -> None:
    house.house.labels = {label: "17"}
    assert house.run().summary.startswith("no record is written of")
    assert not list(house.work.iterdir())


READABLE = "the release record"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: b"", "is no JSON"),
        (lambda _: b"[1]", "names no schema"),
        (lambda data: data.replace(b'"schema":1', b'"schema":true'), "names no schema"),
        (lambda data: data.replace(b'"schema":1', b'"schema":2'), "written by a newer mlagent"),
        (lambda data: data.replace(b'"build":7', b'"build":"7"'), "build"),
        (lambda data: data.replace(b'"model":"risk",', b""), "model"),
        (lambda data: data.replace(b'"schema":1', b'"schema":1,"run":"x"'), "stands twice"),
    ],
)
def test_what_is_no_record_is_refused_in_words(house: ReleaseHouse, change: object, said: str) -> None:
    house.write()
    data = (house.work / record.FILE).read_bytes()
    assert record.write(record.read(data)) == data
    with pytest.raises(InputError, match=said) as told:
        record.read(change(data))  # type: ignore[operator]
    assert told.value.hint
