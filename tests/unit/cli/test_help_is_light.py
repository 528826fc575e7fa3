"""What is typed most often must not pay for what it does not use."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "mlflow", "numpy", "polars", "pandas", "locust", "docker", "kubernetes"}
HEAVY |= {"onnx", "onnxruntime", "uvicorn", "gevent", "structlog", "ruamel", "sqlalchemy", "sklearn", "jenkins"}


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["config", "schema"],
        ["run", "--help"],
        ["serve", "--help"],
        ["ledger", "at", "-h"],
    ],
)
def test_no_heavy_module_is_imported(args: list[str]) -> None:
    code = (
        "import sys\nfrom mlagent.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as e: assert not e.code, e.code\n"
        "print(' '.join({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    assert ended.stdout
    assert set(ended.stderr.split()) & HEAVY == set()
