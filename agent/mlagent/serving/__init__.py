"""What answers over HTTP: one ONNX model, by rows or by tensors; it imports nothing else of mlagent.

python -m mlagent.serving --model model.onnx --signature signature.json --name digits --port 0 --ready-file ready.json

app        one bare ASGI callable: body, refusals, counting (pure: a test calls it without a socket)
routes     which path is answered by what
predict    POST /predict: rows of named columns
signature  what a row is
rows       a body decoded straight to arrays
arrays     a column's values as the array that the model takes
rowfaults  what is wrong with a body, by row and field
protocol   POST …/infer, the Open Inference Protocol v2: what a request must be, and the sentence that refuses it
tensors    JSON values <-> numpy arrays
datatypes  the table of element types, the protocol's names and ONNX's
metadata   what a model takes and gives; the `Model` protocol
onnx       an ONNX Runtime session as such a Model
metrics    what is counted, and how Prometheus reads it
server     the process: sockets, ready file, signals
"""
