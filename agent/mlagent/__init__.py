"""mlagent: takes a commit plus data to a model that is validated, packaged, gated and watched."""

import os

__version__ = "0.1.0"

os.environ.setdefault(
    "ORT_DISABLE_TELEMETRY", "1"
)  # read when onnxruntime is imported, which else reports to its maker
