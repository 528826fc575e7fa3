"""The model behind KServe's SDK: `python by_kserve.py --http_port P --workers N`; MODEL, THREADS by the environment."""

import os

import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.utils.utils import generate_uuid


class Bench(Model):  # type: ignore[misc]
    """A custom predictor, as KServe's documentation writes one."""

    def __init__(self, name: str) -> None:
        """Load at once: what serves is ready."""
        super().__init__(name)
        self.load()

    def load(self) -> bool:
        """Make the session."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("THREADS", "0"))
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self.given, self.made = self.session.get_inputs()[0].name, self.session.get_outputs()[0].name
        self.ready = True
        return True

    def __reduce__(self) -> tuple[type["Bench"], tuple[str]]:
        """A session cannot be sent to another process: it is loaded there."""
        return Bench, (self.name,)

    def predict(self, payload: InferRequest, _headers: dict[str, str] | None = None) -> InferResponse:
        """Answer in the form that was asked for."""
        binary = bool(payload.use_binary_outputs)
        answer = self.session.run(None, {self.given: payload.inputs[0].as_numpy()})[0]
        output = InferOutput(name=self.made, shape=list(answer.shape), datatype="FP32")
        output.set_data_from_numpy(answer, binary_data=binary)
        return InferResponse(
            response_id=payload.id or generate_uuid(),
            model_name=self.name,
            infer_outputs=[output],
            use_binary_outputs=binary,
        )


if __name__ == "__main__":
    ModelServer().start([Bench("bench")])
