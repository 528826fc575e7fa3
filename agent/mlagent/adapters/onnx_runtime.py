"""ONNX Runtime: runs the file that ships."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from mlagent.errors import InputError

BATCH = 4096
ANSWERS = ("probabilities", "prediction")


class Scorer:
    """Scores rows with an ONNX file on the CPU."""

    def __init__(self, model: Path) -> None:
        """Load the file; InputError (4) when it is no ONNX model this runtime can run, or gives other answers."""
        try:
            self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's exceptions share no other base
            raise InputError(
                f"{model.name} cannot be loaded by ONNX Runtime: {str(error).splitlines()[0]}",
                hint="export it anew; an older ONNX Runtime may lack the operator set (export.opset)",
            ) from error
        self._name = model.name
        given = [one.name for one in self._session.get_outputs()]
        self._answer = next((one for one in ANSWERS if one in given), "")
        if not self._answer:
            raise InputError(
                f"{model.name} gives {', '.join(given)}, and neither {' nor '.join(ANSWERS)}",
                hint="export it anew; was it made by something else than mlagent?",
            )

    @property
    def answer(self) -> str:
        """The name of the output that a call gives."""
        return self._answer

    @property
    def types(self) -> dict[str, str]:
        """ONNX types of the inputs by name, such as `tensor(float)`."""
        return {one.name: one.type for one in self._session.get_inputs()}

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Probabilities float32 (rows, classes) or numbers (rows, 1), of inputs by name, each (rows, …), in batches.

        InputError (4) where they are of other types or widths than it takes.
        """
        rows = len(next(iter(inputs.values())))
        batches = ({name: one[at : at + BATCH] for name, one in inputs.items()} for at in range(0, rows, BATCH))
        try:
            return np.concatenate([self._session.run([self._answer], batch)[0] for batch in batches])
        except InvalidArgument as error:
            raise InputError(
                f"{self._name} does not take these rows: {str(error).splitlines()[0]}",
                hint="retrain it on today's columns",
            ) from error


def tools() -> dict[str, str]:
    """Name and version, for verdicts."""
    return {"onnxruntime": onnxruntime.__version__}
