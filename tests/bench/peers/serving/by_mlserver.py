"""The model behind MLServer: a custom runtime, as its documentation writes one.

It takes no binary tensors over HTTP: base64, which it has a codec for, stands in.
"""

import os

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Bench(MLModel):  # type: ignore[misc]
    """MODEL and THREADS are read from the environment."""

    async def load(self) -> bool:
        """Make the session."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("THREADS", "0"))
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self.given, self.made = self.session.get_inputs()[0], self.session.get_outputs()[0]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer in JSON."""
        tensor = payload.inputs[0]
        if tensor.datatype == "BYTES":
            features = np.frombuffer(Base64Codec.decode_input(tensor)[0], np.float32).reshape(1, *self.given.shape[1:])
        else:
            features = NumpyCodec.decode_input(tensor)
        answer = self.session.run(None, {self.given.name: features})[0]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output(self.made.name, answer)])
