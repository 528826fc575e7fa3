"""What answers over HTTP: one ONNX model behind the Open Inference Protocol v2; it imports nothing else of mlagent.

python -m mlagent.serving --model model.onnx --name digits --port 0 --ready-file ready.json

app        the routes, as one bare ASGI callable (pure: a test calls it without a socket)
protocol   what a request must be, and the sentence that refuses it
tensors    JSON values <-> numpy arrays
datatypes  the table of element types, the protocol's names and ONNX's
metadata   what a model takes and gives; the `Model` protocol
onnx       an ONNX Runtime session as such a Model
server     the process: socket, ready file, signals
"""
