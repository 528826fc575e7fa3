"""Whom the platform's policy.yaml asks, whose which e-mail is: an environment only asks for more."""

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from mlagent.errors import ConfigError
from mlagent.render.trust import policy_text
from mlagent.trust import explained
from mlagent.trust.policy import Approvals, Written, policy
from mlagent.trust.policy_file import load

GOOD = """\
approvals:
  approvers: [ann, bob, carl]
  override: [root]
  robots: [timer-bot]
  answerable: [carl]
  controller: https://jenkins.example/
authors:
  ann: [Ann@example.org, ann@home.example]
  bob: [bob@example.org]
  carl: [carl@example.org]
environments:
  production:
    approvals:
      approvers: [ann, bob]
      count: 2
      hours: 8
      answerable: [carl, dora]
  staging: {}
"""
PRODUCTION = "environments.production.approvals"
WITHOUT = Approvals(approvers=("a",))


def written(folder: Path, text: str = GOOD) -> Path:
    (folder / "policy.yaml").write_text(text)
    return folder / "policy.yaml"


def asked(folder: Path, text: str, environment: str) -> Approvals:
    found = policy(load(written(folder, text)), environment).approvals
    assert found is not None
    return found


def test_nobody_is_asked_where_it_does_not_say_so(tmp_path: Path) -> None:
    assert policy(Written()).approvals is None
    only_production = "environments: {production: {approvals: {approvers: [ann]}}, staging: {}}"
    assert policy(load(written(tmp_path, only_production)), "staging").approvals is None
    assert asked(tmp_path, only_production, "production") == Approvals(approvers=("ann",))


def test_an_environment_inherits_what_it_leaves_out(tmp_path: Path) -> None:
    assert asked(tmp_path, GOOD, "staging") == asked(tmp_path, GOOD, "")
    found = asked(tmp_path, GOOD, "production")
    assert (found.approvers, found.count, found.hours, found.answerable) == (("ann", "bob"), 2, 8, ("carl", "dora"))
    assert (found.override, found.robots, found.controller) == (("root",), ("timer-bot",), "https://jenkins.example/")
    authors = policy(load(written(tmp_path)), "production").authors
    assert authors["ann"] == ("Ann@example.org", "ann@home.example")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  approvers: [ann, bob, carl]", "  approver: [ann]", "2: approvals.approver: there is no such key; did you"),
        ("  approvers: [ann, bob, carl]", "  approvers: []", "2: approvals.approvers: Expected `array` of length >= 1"),
        ("  approvers: [ann, bob, carl]", "  approvers: ann", "2: approvals.approvers: Expected `array`"),
        ("  approvers: [ann, bob, carl]\n", "", "1: approvals: Object missing required field `approvers`"),
        ("[ann, bob, carl]", "[ann, ann]", "2: approvals.approvers: 'ann' stands twice"),
        ("[ann, bob, carl]", "[ann, Ann]", "2: approvals.approvers: 'ann' and 'Ann' are one person to Jenkins"),
        ("[ann, bob, carl]", "['ann,bob']", "2: approvals.approvers: 'ann,bob' is no id of a user"),
        ("[ann, bob, carl]", "[' ann']", "2: approvals.approvers: ' ann' is no id of a user"),
        ("[ann, bob, carl]", "[authenticated]", "2: approvals.approvers: 'authenticated' is no person"),
        ("[root]", "[Bob]", "2: approvals.approvers: 'bob' and 'Bob' are one person to Jenkins: spell them one way"),
        ("[timer-bot]", "[bob]", "2: approvals.approvers: 'bob' is a program by `robots`"),
        ("answerable: [carl]", "answerable: [Timer-Bot]", "5: approvals.answerable: 'Timer-Bot' is a program by"),
        ("https://jenkins.example/", "jenkins.example", "6: approvals.controller: 'jenkins.example' is no address"),
        ("https://jenkins.example/", "https://a:b@jenkins.example/", "6: approvals.controller: 'https://a:b@jenkins."),
        ("  ann: [Ann@", "  ANN: [Ann@", "2: approvals.approvers: 'ann' and 'ANN' are one person to Jenkins"),
        ("[bob@example.org]", "[ANN@example.org]", "9: authors.bob: 'ANN@example.org' is that of 'ann' already"),
        ("[bob@example.org]", "bob@example.org", "9: authors.bob: Expected `array`"),
        ("[bob@example.org]", "['']", "9: authors.bob: Expected `str` of length >= 1"),
        ("  bob: [bob@example.org]", "  Ann: [x@example.org]", "9: authors.Ann: 'ann' and 'Ann' are one person"),
        ("count: 2", "count: 3", f"15: {PRODUCTION}.count: 3 people have to agree, and 2 may"),
        ("count: 2", "count: 0", f"15: {PRODUCTION}.count: Expected `int` >= 1"),
        ("hours: 8", "hours: .nan", f"16: {PRODUCTION}.hours: Expected `float` > 0.0"),
        ("  staging: {}", "  staging: {authors: {}}", "18: environments.staging.authors: it stands at the top of the"),
        ("  staging: {}", "  staging: {approvals: }", "18: environments.staging.approvals: expected names with values"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, GOOD.replace(old, new, 1)))
    assert f"policy.yaml:{said}" in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[ann, bob]", "[ann, dora]", ".approvers: dora may not, by the policy"),
        ("hours: 8", "override: [ann]", ".override: ann may not, by the policy"),
        ("hours: 8", "hours: 25", ".hours: 25 is laxer than the policy, which says 24"),
        ("hours: 8", "robots: []", ".robots: what is a program is one everywhere"),
        ("hours: 8", "robots: [timer-bot, eve]", ".robots: what is a program is one everywhere"),
        ("hours: 8", "outside_jenkins: true", ".outside_jenkins: true is laxer than the policy, which says false"),
        ("hours: 8", "controller: https://other.example/", ".controller: the policy says https://jenkins.example/"),
        ("hours: 8", "controller: ''", ".controller: the policy says https://jenkins.example/"),
        ("[carl, dora]", "[dora]", ".answerable: carl answers for it as well, by the policy"),
    ],
)
def test_an_environment_that_asks_for_less_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, GOOD.replace(old, new, 1)))
    assert f"{PRODUCTION}{said}" in refused.value.message
    assert refused.value.hint == "an environment may only ask for more"


def test_fewer_people_than_the_whole_platform_asks_for_is_less(tmp_path: Path) -> None:
    text = GOOD.replace("  robots: [timer-bot]", "  robots: [timer-bot]\n  count: 3").replace(
        "[ann, bob]\n", "[ann, bob, carl]\n"
    )
    with pytest.raises(ConfigError, match="count: 2 is laxer than the policy, which says 3"):
        load(written(tmp_path, text))


def test_who_answers_where_the_file_names_nobody_may_not_be_said_by_an_environment(tmp_path: Path) -> None:
    """There it is refused what nobody started; a name would let it pass."""
    with pytest.raises(ConfigError, match="by the policy nobody answers for a build that nobody started"):
        load(written(tmp_path, GOOD.replace("  answerable: [carl]\n", "")))
    assert asked(tmp_path, GOOD.replace("[carl, dora]", "[]"), "production").answerable == ()


@pytest.mark.parametrize("change", [("[ann, bob, carl]", "[ann, bob]"), ("carl@", "dora@"), ("hours: 8", "hours: 9")])
def test_the_digest_is_of_the_people_too(tmp_path: Path, change: tuple[str, str]) -> None:
    assert load(written(tmp_path, GOOD.replace(*change))).digest != load(written(tmp_path)).digest


def test_every_rule_about_people_is_explained_with_its_line(tmp_path: Path) -> None:
    rows = {row.rule: row for row in explained.rows(policy(load(written(tmp_path)), "production"))}
    assert rows["approvals.approvers"][1:3] == ("ann, bob", "policy.yaml:14")
    assert rows["approvals.override"][1:3] == ("root", "policy.yaml:3")
    assert rows["approvals.count"][1:3] == ("2", "policy.yaml:15")
    assert rows["authors.ann"][1:3] == ("Ann@example.org, ann@home.example", "policy.yaml:8")
    nobody = {row.rule: row.value for row in explained.rows(policy(Written()))}
    assert (nobody["approvals"], nobody["authors"]) == ("none", "nobody")


def notes(folder: Path, text: str) -> list[str]:
    return [one for one in explained.notes(load(written(folder, text))) if "approv" in one]


def test_what_is_left_open_is_noted_though_nothing_is_wrong(tmp_path: Path) -> None:
    assert notes(tmp_path, GOOD) == []
    alone = notes(tmp_path, "environments: {production: {approvals: {approvers: [ann, bob], outside_jenkins: true}}}")
    assert [one.removeprefix("production: approvals").split(" ")[0] for one in alone] == [
        ".answerable",
        ".controller",
        ".outside_jenkins",
        ".approvers",
    ]
    assert "ann, bob" in alone[-1]
    everyone = GOOD.replace("answerable: [carl]", "answerable: [ann, bob, carl]").replace(
        "carl, dora", "ann, bob, carl"
    )
    assert [one.split(" ")[0] for one in notes(tmp_path, everyone)] == ["approvals.answerable", "production:"]
    unasked = "environments: {staging: {approvals: {approvers: [ann]}}, production: {}}\n"
    assert notes(tmp_path, unasked)[0].startswith("it asks for no approval")


def test_the_published_schema_takes_what_mlagent_takes() -> None:
    schema = json.loads(policy_text())
    yaml = YAML(typ="safe", pure=True)
    jsonschema.validate(yaml.load(GOOD), schema)
    jsonschema.validate(yaml.load("environments: {a: {approvals: {count: 2}}}"), schema)
    bad = ("approvals: {count: 2}", "approvals: {approvers: []}", "environments: {a: {authors: {}}}", "authors: [ann]")
    for text in bad:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.load(text), schema)
