"""A build node and a served model call nobody: what libraries would report to their makers is switched off."""

import os
import subprocess
import sys
from pathlib import Path


def test_onnx_runtime_begins_no_session_of_its_telemetry(tmp_path: Path) -> None:
    env = {name: text for name, text in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    code = "import mlagent, onnxruntime"
    subprocess.run([sys.executable, "-c", code], env=env | {"TMPDIR": str(tmp_path)}, check=True)
    assert list(tmp_path.iterdir()) == []  # it would have left the number of its session, .ses
