"""What answers over HTTP: one ONNX model, by rows or by tensors; it imports nothing else of mlagent.

python -m mlagent.serving --model model.onnx --signature signature.json --name digits --port 0 --ready-file ready.json

The process
options    the command line, and the same by variables
process    what a process is: the only one, a worker of several, or the one that keeps them
workers    starts and watches several processes behind one port
server     a port and its pulse, and the graceful end
sockets    listening; a door that is closed on nobody
door       accepts, and leaves to the other processes what is theirs
model      a model that is opened, timed and planned
cpus       how many processors there are to use

Bytes to requests
connection whose turn it is on one connection, for how long, and when it ends
reading    HTTP/1.1 (by llhttp) to a request, within limits
target     the path of a request
crowd      all connections of a process: how many, what they hold, whose time has come
message    a request, and what answers it
faults     the ways to say no

Requests to answers
app        finds the route, sends and counts the answer (pure: a test calls it without a socket)
routes     what a route is; health and metrics
inference  the routes of a model
predict    POST /predict: rows of named columns
signature  what a row is
rows       a body decoded straight to arrays
arrays     a column's values as the array that the model takes
rowfaults  what is wrong with a body, by row and field
protocol   POST …/infer, the Open Inference Protocol v2: a body to arrays
forms      what a request of it looks like
answers    the body of an answer
tensors    JSON values to numpy arrays
binary     the binary tensor extension
datatypes  the table of element types, the protocol's names and ONNX's
metadata   what a model takes and gives; the `Model` protocol
openapi    the document of all routes
token      the bearer token that callers show

Computing and counting
execution  in the event loop or in threads, in batches, within bounds
onnx       an ONNX Runtime session as a Model
counters   numbers that several processes share
metrics    what is counted, and how Prometheus reads it
access     the access log
"""
