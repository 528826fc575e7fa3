"""The platform's policy.yaml: every wrong line is named, an environment only asks for more."""

import ast
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mlagent.errors import ConfigError
from mlagent.render.trust import policy_text
from mlagent.trust import explained, keys
from mlagent.trust.policy import NO_FILE, SUBJECTS, Written, matches, policy
from mlagent.trust.policy_file import load
from tests.good_release import PEM

GOOD = """\
keys:
  release: {file: release.pub}
  before:
    pem: |
      -----BEGIN PUBLIC KEY-----
      YW5vdGhlcg==
      -----END PUBLIC KEY-----
identities:
  ci:
    issuer: https://token.example
    subject: https://git.example/risk
repositories: ["registry.example/**"]
builders: ["https://jenkins.example/"]
verdicts:
  gate: {max_age_days: 90}
  load-test: {max_age_days: 7, accept_expired: true}
require:
  sbom: false
environments:
  production:
    keys: [release]
    identities: []
    repositories: ["*/risk/*"]
    verdicts:
      load-test: {max_age_days: 3}
      data: {}
    require: {sbom: true}
  staging: {}
"""


def written(folder: Path, text: str = GOOD) -> Path:
    (folder / "release.pub").write_text(PEM)
    (folder / "release.key").write_text(PEM.replace("PUBLIC", "ENCRYPTED SIGSTORE PRIVATE"))
    (folder / "policy.yaml").write_text(text)
    return folder / "policy.yaml"


def test_it_holds_what_it_says_and_what_it_leaves_out_is_strict(tmp_path: Path) -> None:
    found = policy(load(written(tmp_path)))
    assert list(found.keys) == ["release", "before"]
    assert found.keys["release"].pem == PEM
    assert found.identities["ci"].issuer == "https://token.example"
    assert {name: one.max_age_days for name, one in found.verdicts.items()} == {"gate": 90, "load-test": 7}
    assert (found.require.provenance, found.require.sbom, found.require.clean_commit) == (True, False, True)
    assert found.transparency_log is False
    assert found.sources["verdicts.gate"] == "policy.yaml:15"


def test_an_environment_asks_for_more(tmp_path: Path) -> None:
    found = policy(load(written(tmp_path)), "production")
    assert (list(found.keys), dict(found.identities)) == (["release"], {})
    assert found.repositories == (("registry.example/**",), ("*/risk/*",))
    assert found.builders == (("https://jenkins.example/",),)
    assert {name: one.max_age_days for name, one in found.verdicts.items()} == {"gate": 90, "load-test": 3, "data": 30}
    assert found.verdicts["load-test"].accept_expired, "what an environment leaves out is as above"
    assert found.require.sbom
    assert found.sources["verdicts.load-test"] == "policy.yaml:25"
    assert policy(load(written(tmp_path)), "staging").require == policy(load(written(tmp_path))).require


def test_an_environment_that_it_does_not_name_is_refused_since_it_would_be_asked_for_less(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no environment 'producton'; did you mean 'production'"):
        policy(load(written(tmp_path)), "producton")
    assert policy(Written(), "anything").environment == "anything"


def test_without_a_file_everything_is_asked_and_no_key_is_named() -> None:
    found = policy(Written())
    assert not found.keys
    assert tuple(found.verdicts) == SUBJECTS
    assert (found.require.provenance, found.require.sbom, found.require.clean_commit) == (True, True, True)
    given_key = policy(Written(), keys={"release.pub": keys.key(PEM)})
    assert list(given_key.keys) == ["release.pub"]
    other = "-----BEGIN PUBLIC KEY-----\nYW5vdGhlcg==\n-----END PUBLIC KEY-----\n"
    other_key = policy(Written(), keys={"release.pub": keys.key(other)})
    assert len({found.digest, given_key.digest, other_key.digest}) == 3, "whose signature counts is of the policy"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("verdicts:\n  gate", "verdict:\n  gate", "policy.yaml:14: verdict: there is no such key; did you mean"),
        ("  gate: {", "  gates: {", "policy.yaml:15: verdicts.gates: no stage judges this; did you mean 'gate'"),
        ("max_age_days: 90", "max_age: 90", "policy.yaml:15: verdicts.gate.max_age: there is no such key; did you"),
        ("max_age_days: 90", "max_age_days: 0", "policy.yaml:15: verdicts.gate.max_age_days: Expected `float` > 0.0"),
        ("max_age_days: 90", "max_age_days: soon", "policy.yaml:15: verdicts.gate.max_age_days: Expected `float`"),
        ("{max_age_days: 90}", "90", "policy.yaml:15: verdicts.gate: expected names with values, found int 90"),
        ("sbom: false", "sbom: no", "policy.yaml:18: require.sbom: Expected `bool`"),
        ("file: release.pub", "file: gone.pub", "policy.yaml:2: keys.release.file: gone.pub cannot be read: No such"),
        ("file: release.pub", "file: release.key", "policy.yaml:2: keys.release.file: this is the private key"),
        ("file: release.pub", "file: policy.yaml", "policy.yaml:2: keys.release.file: this is no PEM text"),
        ("{file: release.pub}", "release.pub", "policy.yaml:2: keys.release: expected names with values"),
        ("file: release.pub", "file: a, pem: b", "policy.yaml:2: keys.release: a key is given by `file:` or by `pem:`"),
        ("YW5vdGhlcg==", "YW5vd!", "policy.yaml:4: keys.before.pem: what stands between the lines BEGIN and END"),
        ('["registry.example/**"]', "[]", "policy.yaml:12: repositories: an empty list allows nothing"),
        ('["registry.example/**"]', "registry.example", "policy.yaml:12: repositories: Expected `array`"),
        ("    subject: https://git.example/risk\n", "", "policy.yaml:9: identities.ci: Object missing required field"),
        (
            "keys: [release]",
            "keys: [relese]",
            "policy.yaml:21: environments.production.keys: the policy has no 'relese'",
        ),
        ("max_age_days: 3}", "max_age_days: 8}", "policy.yaml:25: environments.production.verdicts.load-test.max_age_"),
        (
            "  staging: {}",
            "  staging:",
            "policy.yaml:28: environments.staging: expected names with values, found nothing",
        ),
        (
            "  staging: {}",
            "  staging: {kyes: []}",
            "environments.staging.kyes: there is no such key; did you mean 'keys'",
        ),
        (
            "  staging: {}",
            "  staging: {require: {clean_commit: false}}",
            "false is laxer than the policy, which says true",
        ),
        (
            "  staging: {}",
            "  staging: {verdicts: {gate: {accept_expired: true}}}",
            "environments.staging.verdicts.gate.accept_expired: true is laxer than the policy, which says false",
        ),
        (
            "  staging: {}\n",
            "  staging: {transparency_log: false}\ntransparency_log: true\n",
            "environments.staging.transparency_log: false is laxer than the policy, which says true",
        ),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, GOOD.replace(old, new, 1)))
    assert said in refused.value.message
    assert refused.value.hint
    assert "PRIVATE" not in refused.value.message


@given(st.binary(max_size=200) | st.text(alphabet="abkeys:[]{}- \n\"'&*!|>?%#,0", max_size=80).map(str.encode))
def test_whatever_the_file_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.yaml"
    path.write_bytes(data)
    try:
        load(path)
    except ConfigError as error:
        assert error.message.startswith("odd.yaml")


def test_the_digest_is_of_the_rules_and_the_keys_content_not_of_the_layout(tmp_path: Path) -> None:
    before = load(written(tmp_path)).digest
    assert load(written(tmp_path, "# ours\n" + GOOD.replace("[release]", "[ release ]"))).digest == before
    assert load(written(tmp_path, GOOD.replace("max_age_days: 3}", "max_age_days: 2}"))).digest != before
    path = written(tmp_path)
    (tmp_path / "release.pub").write_text(PEM.replace("YSBwdWJsaWM", "YSBQVUJMSUM"))
    assert load(path).digest != before


@pytest.mark.parametrize(
    ("glob", "text", "good"),
    [
        ("registry.example/*", "registry.example/risk", True),
        ("registry.example/*", "registry.example/risk/model", False),
        ("registry.example/**", "registry.example/risk/model", True),
        ("registry.example", "registryXexample", False),
        ("*.example/risk", "evil.test/x.example/risk", False),
        ("https://jenkins-?.example/", "https://jenkins-1.example/", True),
        ("https://jenkins.example/", "https://jenkins.example/\n", False),
        ("[a]", "a", False),
    ],
)
def test_a_star_stops_at_a_slash(glob: str, text: str, good: bool) -> None:
    assert matches(text, [[glob]]) is good
    assert matches(text, [["nothing", glob], [glob]]) is good
    assert matches(text, []), "no group limits nothing"


def test_every_rule_is_explained_with_the_line_that_wrote_it(tmp_path: Path) -> None:
    found = load(written(tmp_path))
    rows = {row.rule: row for row in explained.rows(policy(found, "production"))}
    assert rows["verdicts.load-test"][1:3] == ("3 days", "policy.yaml:25")
    assert rows["verdicts.split"][1:3] == ("not asked for", "policy.yaml:24")
    assert rows["require.clean_commit"][1:3] == ("true", NO_FILE)
    assert rows["repositories"].value == "registry.example/** and */risk/*"
    assert all(row.about for row in rows.values())
    open_ = list(explained.notes(found))
    assert open_ == ["it asks for no approval: nobody is asked before a release comes to production"]
    assert len(list(explained.notes(Written()))) == 4
    for_nothing = load(written(tmp_path, "verdicts: {}"))
    assert "it asks for no verdict: what no gate has judged passes" in explained.notes(for_nothing)


@pytest.mark.parametrize("nothing", ["", "[]", "false", "0", '""'])
def test_environments_that_are_none_are_refused_since_any_name_would_do(tmp_path: Path, nothing: str) -> None:
    with pytest.raises(ConfigError, match="environments: expected names with values"):
        load(written(tmp_path, f"environments: {nothing}"))


def test_the_published_schema_takes_what_mlagent_takes() -> None:
    schema = json.loads(policy_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    yaml = YAML(typ="safe", pure=True)
    jsonschema.validate(yaml.load(GOOD), schema)
    for bad in ("verdict: {}", "keys: {a: {file: x, pem: y}}", "builders: []", "environments: {a: {environments: {}}}"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.load(bad), schema)


def test_the_verdicts_that_are_asked_for_are_those_that_stages_write() -> None:
    rooms = Path(keys.__file__).parents[1]
    found: set[str] = set()
    for path in [*(rooms / "stages").glob("*.py"), *(rooms / "loadtest").glob("*.py")]:
        tree = ast.parse(path.read_text())
        calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)]
        subjects = [one.args[0] for one in calls if one.func.id == "verdict" and one.args]  # type: ignore[attr-defined]
        found |= {str(one.value) for one in subjects if isinstance(one, ast.Constant)}
        found |= {"load-test" for one in subjects if isinstance(one, ast.Name) and one.id == "SUBJECT"}
    assert found == set(SUBJECTS)
