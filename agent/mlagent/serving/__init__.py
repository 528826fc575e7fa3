"""What answers over HTTP: one ONNX model, by rows or by tensors; it imports nothing else of mlagent.

python -m mlagent.serving --model model.onnx --signature signature.json --name digits --port 0 --ready-file ready.json

process     the only process, one of several, or the one that keeps the workers; options: its command line
workers     the processes behind one port; counters: what they count, in memory that they share
server      a process's ports, its pulse, a graceful end; door, sockets: how clients come in; crowd: all of them
connection  one client, in order and in time; reading: bytes to requests; target: a request's path
message     a request and its reply; faults: the ways of saying no
app         finds the route of a request, sends and counts its answer; token, access: who may ask, and the log
routes      which path is answered by what
model       a model that is ready to answer: opened, timed, planned
execution   when and where it computes: in the event loop or in threads, alone or with others
onnx        an ONNX Runtime session as a Model; cpus: how many processors there are for it
metadata    what a model takes and gives; the `Model` protocol; datatypes: the table of element types
protocol    POST …/infer, the Open Inference Protocol v2: a body to arrays, results to a body
forms       what such a body looks like; tensors: JSON values to arrays; binary: tensors as bytes; answers: back
predict     POST /predict: rows of named columns; signature: what a row is
rows        a body decoded straight to arrays; arrays: a column's values; rowfaults: what is wrong, by row and field
openapi     the port's document; schemas: what it allows in bodies, which is what is accepted
metrics     what is counted, and how Prometheus reads it; probe: the image's health check
"""
