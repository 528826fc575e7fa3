"""The template's model behind HTTP: as good on the test rows, sent as JSON, as the evaluation said."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.e2e.conftest import record


def test_rows_sent_to_mlagent_serve_are_answered_as_the_evaluation_said(digits: Path) -> None:
    run = digits / ".mlagent" / "runs" / str(record(digits)["run_id"])
    rows = pl.read_parquet(run / "split" / "test-rows.parquet")
    columns = [one["name"] for one in json.loads((run / "export" / "signature.json").read_text())["columns"]]
    (target,) = set(rows.columns) - set(columns)
    command = [sys.executable, "-m", "mlagent", "serve", "--port", "0", "--metrics-port", "0"]
    with subprocess.Popen(command, cwd=digits, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            url = re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
            line = process.stdout.readline()
            pasted = json.loads(subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout)
            assert len(pasted["rows"][0]["probabilities"]) == 10
            body = json.dumps({"rows": rows.select(columns).to_dicts()}).encode()
            with urllib.request.urlopen(urllib.request.Request(f"{url}/predict", body), timeout=30) as answered:
                told = json.loads(answered.read())["rows"]
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    said = np.array([one["probabilities"] for one in told])
    found: dict[str, Any] = json.loads((run / "evaluate" / "evaluation.json").read_text())
    accuracy = found["models"]["model"]["metrics"]["accuracy"]["value"]
    assert (said.argmax(1) == rows[target].to_numpy()).mean() == pytest.approx(accuracy)
    assert process.returncode == 0, err
    assert "the gate has passed this model" in err
