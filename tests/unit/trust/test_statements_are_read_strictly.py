"""Statements of both versions, envelopes, predicates: read as written, refused in words, whatever the bytes."""

import base64
import contextlib
import json
from collections.abc import Callable
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.core.digest import canonical_json, of_bytes
from mlagent.errors import InputError
from mlagent.render.trust import verdicts_text
from mlagent.trust import origins, plain, provenance, release, statement, verdicts
from tests.good_release import CHAIN, IMAGE, MANIFEST, ORIGIN, OTHER, SBOM, a_digest

WRITTEN = statement.write("urn:x", {"a": 1}, {"b": OTHER, "a": IMAGE})
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3),
    max_leaves=5,
)


def changed(**more: Any) -> bytes:
    return json.dumps({**json.loads(WRITTEN), **more}).encode()


def envelope(held_in_it: bytes, **more: Any) -> bytes:
    held = {"payload": base64.b64encode(held_in_it).decode(), "payloadType": statement.PAYLOAD}
    return json.dumps({**held, "signatures": [{"keyid": "", "sig": "MEUC"}], **more}).encode()


@pytest.mark.parametrize("version", [statement.V01, statement.V1])
def test_both_versions_are_read(version: str) -> None:
    found = statement.parse(changed(_type=version, more="is left out"))
    assert found.about() == {IMAGE, OTHER}
    assert (found.predicate_type, found.predicate) == ("urn:x", {"a": 1})


def test_an_envelope_is_opened_in_either_alphabet_of_base64() -> None:
    odd = changed(predicate={"a": "ÿþ>?~~~"})
    assert statement.opened(envelope(odd)) == odd
    url_safe = base64.urlsafe_b64encode(odd).decode()
    assert "-" in url_safe or "_" in url_safe
    assert statement.opened(envelope(odd, payload=url_safe)) == odd


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"[]", "Expected `object`, got `array`"),
        (b"[" * 100_000, "nested too deeply"),
        (WRITTEN.replace(b'"a":1', b'"a":1,"a":2'), "the key 'a' stands twice"),
        (WRITTEN.replace(b'"a":1', b'"a":NaN'), "NaN is no number"),
        (WRITTEN.replace(b'"a":1', b'"a":1e999'), "Out of range float"),
        (WRITTEN.replace(b'"a":1', b'"a":"\\ud800"'), "not UTF-8 text"),
        (changed(_type="https://in-toto.io/Statement/v2"), "is of type 'https://in-toto.io/Statement/v2'"),
        (changed(subject=[]), "it has no subject"),
        (changed(subject=[{"name": "x"}]), "missing required field `digest`"),
        (changed(predicate=[]), "Expected `object`, got `array`"),
        (changed(predicateType=None), "Expected `str`, got `null`"),
    ],
)
def test_what_is_no_statement_is_refused_in_words(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as refused:
        statement.parse(data)
    assert said in refused.value.message
    assert refused.value.message.startswith("the statement")
    assert refused.value.hint


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (envelope(WRITTEN, payloadType="text/plain"), "holds 'text/plain'"),
        (envelope(WRITTEN, signatures=[]), "has no signature"),
        (envelope(WRITTEN, payload="%%%"), "no base64"),
        (envelope(WRITTEN, payload="ÿÿÿÿ"), "no base64"),
    ],
)
def test_what_is_no_envelope_is_refused_in_words(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        statement.opened(data)


def test_more_than_a_statement_can_be_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="more than 10"):
        statement.parse(WRITTEN)


@given(st.binary() | PLAIN.map(lambda one: json.dumps(one).encode()))
def test_whatever_the_bytes_it_is_read_or_refused(data: bytes) -> None:
    readers: tuple[Callable[[bytes], object], ...] = (statement.parse, statement.opened, release.read)
    for read in readers:
        with contextlib.suppress(InputError):
            read(data)


def test_what_is_written_is_read_back_the_same() -> None:
    built = provenance.of(ORIGIN, CHAIN, "a1b2c3d4e5f6", MANIFEST)
    assert provenance.parse(json.loads(canonical_json(built))) == built
    said = verdicts.of(CHAIN)
    assert verdicts.parse(json.loads(canonical_json(said))) == said


def test_whole_numbers_that_another_program_wrote_without_a_point_are_the_same_verdicts() -> None:
    said = verdicts.of(CHAIN)
    text = canonical_json(said).decode().replace('"value":1.0', '"value":1')
    assert text != canonical_json(said).decode()
    assert verdicts.parse(json.loads(text)) == said


def test_the_provenance_names_all_that_went_in() -> None:
    built = provenance.of(ORIGIN, CHAIN, "a1b2c3d4e5f6", MANIFEST)
    definition = json.loads(canonical_json(built))["buildDefinition"]
    found = {one["name"]: one for one in definition["resolvedDependencies"]}
    assert found["commit"]["digest"] == {"gitCommit": ORIGIN.commit}
    assert set(found) == {"commit", "sources", "data", "serving-lock", "model", "server", "base"}
    assert found["base"]["uri"] == "pkg:oci/docker.io/library/python"
    assert definition["externalParameters"]["commit"] == ORIGIN.commit
    assert definition["internalParameters"]["stages"]["package"]["outputs"]["image"] == IMAGE
    assert built.run_details.metadata.invocation_id == ORIGIN.url
    outside = msgspec.structs.replace(ORIGIN, url="", commit="", data="")
    bare = provenance.of(outside, CHAIN, "a1b2c3d4e5f6", MANIFEST)
    assert bare.run_details.metadata.invocation_id == f"{ORIGIN.builder}#a1b2c3d4e5f6"
    assert bare.build_definition.dependency("data") == ""


def test_the_published_schema_takes_what_is_attested_and_refuses_what_is_not() -> None:
    schema = json.loads(verdicts_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    said = json.loads(canonical_json(verdicts.of(CHAIN)))
    jsonschema.validate(said, schema)
    said["verdicts"][0]["verdict"]["outcome"] = "perhaps"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(said, schema)


FILES = {"model.onnx": a_digest("onnx"), "signature.json": a_digest("signature")}


def test_a_statement_over_the_models_files_is_bound_to_the_image() -> None:
    said, bundle = release.read(release.write(FILES, IMAGE, "registry.example/risk"))
    assert (bundle.release, bundle.repository) == (IMAGE, "registry.example/risk")
    assert release.differing(said, FILES) == []
    assert release.differing(said, {**FILES, "more.txt": OTHER}) == []


def test_a_file_that_is_another_or_missing_is_named() -> None:
    said, _ = release.read(release.write(FILES, IMAGE, ""))
    wrong = release.differing(said, {"model.onnx": of_bytes(b"another")})
    assert wrong == [
        f"model.onnx is {of_bytes(b'another')}, and {FILES['model.onnx']} was signed",
        "signature.json is missing",
    ]


def test_another_statement_is_no_statement_over_a_model() -> None:
    with pytest.raises(InputError, match=r"model\.intoto\.json states 'urn:x'"):
        release.read(WRITTEN)


def test_a_bill_is_named_by_its_content() -> None:
    assert origins.bill(SBOM).digest == of_bytes(canonical_json(SBOM))
    assert origins.bill(json.loads(json.dumps(SBOM, indent=2))).digest == origins.bill(SBOM).digest
