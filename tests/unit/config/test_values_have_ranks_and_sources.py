"""Flag beats environment beats file beats default, and each value knows where it came from."""

from pathlib import Path

import pytest

from mlagent import catalog
from mlagent.config.fields import all_fields
from mlagent.config.load import Flag, load
from mlagent.config.secret import Secret
from mlagent.errors import ConfigError

FILE = "project: {name: small}\ndata: {path: d.csv, target: y}\n"


def write(folder: Path, text: str) -> Path:
    (folder / "mlpipeline.yaml").write_text(FILE + text)
    return folder


def test_the_default_holds_where_nothing_is_said(tmp_path: Path) -> None:
    settings = load(catalog.SECTIONS, write(tmp_path, ""), {})
    assert settings.sections["train"].epochs == 10
    assert str(settings.sources["train.epochs"]) == "default"


def test_each_source_overrules_the_one_below_it(tmp_path: Path) -> None:
    folder = write(tmp_path, "train:\n  epochs: 3\n")
    by_file = load(catalog.SECTIONS, folder, {})
    by_variable = load(catalog.SECTIONS, folder, {"MLAGENT_TRAIN_EPOCHS": "4"})
    by_flag = load(catalog.SECTIONS, folder, {"MLAGENT_TRAIN_EPOCHS": "4"}, [Flag("train.epochs", "5", "--epochs")])
    assert [one.sections["train"].epochs for one in (by_file, by_variable, by_flag)] == [3, 4, 5]
    said = [str(one.sources["train.epochs"]) for one in (by_file, by_variable, by_flag)]
    assert said == ["mlpipeline.yaml:4", "MLAGENT_TRAIN_EPOCHS", "--epochs"]


def test_a_list_is_split_into_words_in_a_variable_and_stands_as_a_list_in_the_file(tmp_path: Path) -> None:
    folder = write(tmp_path, "check:\n  lint: [ruff, check, 'a b']\n")
    settings = load(catalog.SECTIONS, folder, {"MLAGENT_CHECK_TEST": "pytest -k 'one or two'"})
    assert settings.sections["check"].lint == ("ruff", "check", "a b")
    assert settings.sections["check"].test == ("pytest", "-k", "one or two")


def test_an_empty_variable_clears_an_optional_value(tmp_path: Path) -> None:
    folder = write(tmp_path, "tracking:\n  uri: http://127.0.0.1:5000\n")
    assert load(catalog.SECTIONS, folder, {"MLAGENT_TRACKING_URI": ""}).sections["tracking"].uri is None


def test_yaml_is_read_as_version_1_2(tmp_path: Path) -> None:
    folder = write(tmp_path, "train:\n  learning_rate: 1e-3\n  model: no.py\nexport:\n  opset: 0o24\n")
    settings = load(catalog.SECTIONS, folder, {})
    assert settings.sections["train"].learning_rate == 0.001
    assert settings.sections["export"].opset == 20


def test_test_and_wheelhouse_variables_are_no_configuration(tmp_path: Path) -> None:
    load(catalog.SECTIONS, write(tmp_path, ""), {"MLAGENT_TEST_DATA": "x"})


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("nonsense://user:hunter22@x", "tracking: uri begins with 'nonsense', and MLflow knows http, https, sqlite"),
        ("localhost:5000", "a server's is http://host:port"),
        ("http://127.0.0.1:99999", "tracking: Port out of range 0-65535"),
    ],
)
def test_a_tracking_server_that_nothing_could_reach_is_refused(tmp_path: Path, uri: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(catalog.SECTIONS, write(tmp_path, f"tracking: {{uri: '{uri}'}}\n"), {})
    assert said in refused.value.message
    assert "hunter22" not in refused.value.message


@pytest.mark.parametrize("uri", ["https://u:p@host:8443/x", "postgresql+psycopg2://u:p@h/db", "sqlite:///m.db"])
def test_a_tracking_server_of_a_kind_that_mlflow_knows_is_taken(tmp_path: Path, uri: str) -> None:
    assert load(catalog.SECTIONS, write(tmp_path, f"tracking: {{uri: '{uri}'}}\n"), {}).sections["tracking"].uri == uri


def test_a_secret_stays_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_HERE", "value-of-the-secret")
    settings = load(catalog.SECTIONS, write(tmp_path, "tracking:\n  token: env:TOKEN_HERE\n"), {})
    assert settings.secrets() == [Secret("env:TOKEN_HERE")]
    assert settings.plain("tracking")["token"] == "env:TOKEN_HERE"
    assert "value-of-the-secret" not in repr(settings)
    assert settings.secrets()[0].reveal() == "value-of-the-secret"


def test_names_with_values_come_as_json_where_they_come_as_text(tmp_path: Path) -> None:
    script = write(tmp_path, "train: {script: train.py}\n")
    settings = load(catalog.SECTIONS, script, {"MLAGENT_TRAIN_PARAMS": '{"rate": 0.5, "name": "7"}'})
    assert settings.plain("train")["params"] == {"rate": 0.5, "name": "7"}
    for wrong in ("{rate: 0.5}", "[1]", '{"rate": [1]}'):
        with pytest.raises(ConfigError) as failed:
            load(catalog.SECTIONS, script, {"MLAGENT_TRAIN_PARAMS": wrong})
        assert "MLAGENT_TRAIN_PARAMS" in failed.value.message


def test_every_field_is_described_and_its_variable_is_its_own() -> None:
    fields = all_fields(catalog.SECTIONS)
    assert [field.key for field in fields.values() if not field.about.endswith(".")] == []
    assert len({field.variable for field in fields.values()}) == len(fields)


def test_every_field_says_what_it_takes_in_words() -> None:
    expected = {field.key: field.expects for field in all_fields(catalog.SECTIONS).values()}
    assert expected["export.precision"] == "fp32, fp16 or int8, default fp32"
    assert expected["export.variants"] == "a list of fp32, fp16 or int8, default []"
    assert [key for key, words in expected.items() if "[" in words.partition(", default")[0] or "typing" in words] == []


def test_no_field_takes_the_name_of_an_option_that_every_stage_has() -> None:
    assert {field.name for field in all_fields(catalog.SECTIONS).values()} & {
        "run",
        "set",
        "help",
        "run_id",
        "sets",
    } == set()
