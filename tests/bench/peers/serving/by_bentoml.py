"""The model behind BentoML: `bentoml serve by_bentoml:Bench`, MODEL, THREADS and WORKERS in the environment.

Its own JSON, and a file of bytes where the tensor is large.
"""

import os
from pathlib import Path
from typing import Annotated

import bentoml
import numpy as np
import onnxruntime
from bentoml.validators import ContentType


@bentoml.service(workers=int(os.environ.get("WORKERS", "1")), metrics={"enabled": True})
class Bench:
    """As BentoML's documentation writes one."""

    def __init__(self) -> None:
        """Make the session."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("THREADS", "0"))
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self.given = self.session.get_inputs()[0]

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, features: np.ndarray) -> np.ndarray:
        """Answer in JSON."""
        return self.run(features.astype(np.float32))

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict_file(self, features: Annotated[Path, ContentType("application/octet-stream")], /) -> np.ndarray:
        """The same of a file of bytes, which is how it takes what is not JSON."""
        return self.run(np.fromfile(features, np.float32).reshape(1, *self.given.shape[1:]))

    def run(self, features: np.ndarray) -> np.ndarray:
        """Give the one output."""
        answer: np.ndarray = self.session.run(None, {self.given.name: features})[0]
        return answer
