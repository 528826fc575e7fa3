"""The model behind LitServe: `python by_litserve.py PORT WORKERS`, MODEL and THREADS in the environment.

It takes JSON or forms; tensors that are large come as base64 in JSON, as its documentation sends images.
"""

import base64
import os
import sys
from typing import Any

import litserve
import numpy as np
import onnxruntime


class Bench(litserve.LitAPI):  # type: ignore[misc]
    """As LitServe's documentation writes one."""

    def setup(self, _device: str) -> None:
        """Make the session."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("THREADS", "0"))
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self.given = self.session.get_inputs()[0]

    def decode_request(self, request: dict[str, Any]) -> np.ndarray:
        """Give the one input."""
        if "content" in request:
            return np.frombuffer(base64.b64decode(request["content"]), np.float32).reshape(1, *self.given.shape[1:])
        return np.array(request["input"], np.float32)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Give the one output."""
        answer: np.ndarray = self.session.run(None, {self.given.name: features})[0]
        return answer

    def encode_response(self, answer: np.ndarray) -> dict[str, list[float]]:
        """Answer in JSON."""
        return {"output": answer.ravel().tolist()}


if __name__ == "__main__":
    port, workers = map(int, sys.argv[1:])
    server = litserve.LitServer(Bench(), accelerator="cpu", workers_per_device=workers, fast_queue=True)
    server.run(host="127.0.0.1", port=port, num_api_servers=1, generate_client_file=False, log_level="warning")
