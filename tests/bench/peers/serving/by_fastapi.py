"""The model behind FastAPI: the V2 protocol's JSON, checked by pydantic, and tensors as bare bytes.

Run as `uvicorn by_fastapi:app`. From the environment come MODEL, THREADS (0: ONNX Runtime's own choice) and THREADED
(the model in Starlette's pool of threads, as FastAPI has it with a plain function).
"""

import os

import numpy as np
import onnxruntime
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ.get("THREADS", "0"))
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
given, made = session.get_inputs()[0], session.get_outputs()[0]
app = FastAPI()


class Tensor(BaseModel):
    """A tensor in JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Inference(BaseModel):
    """What is asked."""

    inputs: list[Tensor]


class Inferred(BaseModel):
    """What is answered."""

    model_name: str
    outputs: list[Tensor]


def run(features: np.ndarray) -> np.ndarray:
    """Give the one output."""
    answer: np.ndarray = session.run(None, {given.name: features})[0]
    return answer


@app.get("/v2/health/ready")
async def ready() -> dict[str, bool]:
    """Say that it serves."""
    return {"ready": True}


@app.post("/v2/models/bench/infer")
async def infer(asked: Inference) -> Inferred:
    """Answer in JSON."""
    tensor = asked.inputs[0]
    answer = run(np.array(tensor.data, np.float32).reshape(tensor.shape))
    flat = answer.ravel().tolist()
    return Inferred(
        model_name="bench",
        outputs=[Tensor(name=made.name, shape=list(answer.shape), datatype="FP32", data=flat)],
    )


@app.post("/bytes")
async def infer_bytes(request: Request) -> Response:
    """Answer with the bytes of the answer."""
    features = np.frombuffer(await request.body(), np.float32).reshape(1, *given.shape[1:])
    answer = await run_in_threadpool(run, features) if "THREADED" in os.environ else run(features)
    return Response(answer.tobytes(), media_type="application/octet-stream")
