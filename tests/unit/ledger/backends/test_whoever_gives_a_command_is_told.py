"""A line that was set aside is said by the command that found it, among its other warnings."""

from pathlib import Path

import pytest

from mlagent.cli.app import App
from tests.contract.ledgers import fact

YAML = "project: {name: risk}\ndata: {path: data.csv, target: y}\nledger: {file: ledger.jsonl}\n"


def test_a_torn_line_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mlpipeline.yaml").write_text(YAML)
    ledger = App({}, str(tmp_path), log_format="lines").workspace().ledger
    ledger.append(fact(1))
    with (tmp_path / "ledger.jsonl").open("ab") as file:
        file.write(b'{"fact":')
    assert capsys.readouterr().err == ""
    ledger.append(fact(2))
    said = capsys.readouterr()
    assert "warning" in said.err
    assert "was moved into" in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
