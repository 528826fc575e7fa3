"""ONNX Runtime: runs the file that ships."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from mlagent.errors import InputError

BATCH = 4096


class Scorer:
    """Scores rows with an ONNX file on the CPU."""

    def __init__(self, model: Path) -> None:
        """Load the file; InputError (4) when it is no ONNX model this runtime can run."""
        try:
            self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's exceptions share no other base
            raise InputError(
                f"{model.name} cannot be loaded by ONNX Runtime: {str(error).splitlines()[0]}",
                hint="export it anew; an older ONNX Runtime may lack the operator set (export.opset)",
            ) from error

    @property
    def types(self) -> dict[str, str]:
        """ONNX types of the inputs by name, such as `tensor(float)`."""
        return {one.name: one.type for one in self._session.get_inputs()}

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Probabilities float32 (rows, classes) of the model's inputs by name, each (rows, …), in batches."""
        rows = len(next(iter(inputs.values())))
        batches = ({name: one[at : at + BATCH] for name, one in inputs.items()} for at in range(0, rows, BATCH))
        return np.concatenate([self._session.run(["probabilities"], batch)[0] for batch in batches])


def tools() -> dict[str, str]:
    """Name and version, for verdicts."""
    return {"onnxruntime": onnxruntime.__version__}
