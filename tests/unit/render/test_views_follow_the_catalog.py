"""A derived file is never older than what it is derived from."""

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from mlagent import catalog
from mlagent.config.fields import all_fields
from mlagent.render import views
from mlagent.render.schema import schema
from tests.conftest import GOOD, Cli

ROOT = Path(__file__).parents[3]


def test_the_views_in_the_repository_are_fresh(cli: Cli) -> None:
    ended = cli("render", "--check", cwd=ROOT)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("change", ["edit", "remove", "orphan"])
def test_a_stale_view_is_named_and_mended(tmp_path: Path, cli: Cli, change: str) -> None:
    (tmp_path / "agent" / "mlagent").mkdir(parents=True)
    assert cli("render", cwd=tmp_path).returncode == 0
    assert cli("render", "--check", cwd=tmp_path).returncode == 0
    page = tmp_path / "agent" / "docs" / "stages" / ("gone.md" if change == "orphan" else "train.md")
    page.unlink() if change == "remove" else page.write_text("by hand")
    ended = cli("render", "--check", cwd=tmp_path)
    assert (ended.returncode, page.name in ended.stderr, "make render" in ended.stderr) == (4, True, True)
    cli("render", cwd=tmp_path)
    assert cli("render", "--check", cwd=tmp_path).returncode == 0


def test_the_schema_is_itself_valid_and_takes_what_the_templates_hold() -> None:
    whole = schema()
    jsonschema.Draft202012Validator.check_schema(whole)
    yaml = YAML(typ="safe", pure=True)
    for path in (ROOT / "agent" / "mlagent" / "templates").glob("*/mlpipeline.yaml"):
        jsonschema.validate(yaml.load(path.read_text()), whole)


@pytest.mark.parametrize(
    "bad",
    [
        {"trian": {}},
        {"train": {"epoch": 3}},
        {"train": {"epochs": 0}},
        {"train": {"epochs": "ten"}},
        {"tracking": {"token": "hunter2"}},
        {"project": {}},
    ],
)
def test_the_schema_refuses_what_mlagent_refuses(bad: dict[str, object]) -> None:
    good = YAML(typ="safe", pure=True).load(GOOD)
    jsonschema.validate(good, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, **bad}, schema())


def test_every_key_is_described_in_the_schema_and_on_a_page() -> None:
    pages = "".join(views.views().values())
    whole = schema()
    for field in all_fields(catalog.SECTIONS).values():
        section = whole["$defs"][whole["properties"][field.section]["$ref"].rpartition("/")[2]]
        assert section["properties"][field.name]["description"] == field.about
        assert f"`{field.key}`" in pages


def test_jenkins_is_told_every_stage_and_every_code() -> None:
    told = json.loads(views.stages_json())
    assert [stage["name"] for stage in told["stages"]] == [stage.name for stage in catalog.STAGES]
    assert {row["code"]: row["jenkins"] for row in told["exit_codes"]}[11] == "UNSTABLE"
    assert [stage["name"] for stage in told["stages"] if stage["needs"]["gpu"]] == ["train"]
