"""The worker: trains and exports the team's model in a child process that shares nothing with mlagent but files.

It imports the standard library, numpy, torch (>= 2.9), onnx and, through torch's exporter, onnxscript, and for `rows`
pandera with pandas or polars; nothing else of mlagent, because it also runs inside a team's own environment, where
nothing else of mlagent is installed.

    python -m mlagent.training REQUEST.json

**Every request** holds `task` ("train", "script", "export", "own" or "rows"), `project` (absolute folder of the team's
code; nothing is written there), `model` (the model's file in it, such as "model.py") and `output` (absolute folder that
exists). Keys that are unknown, missing or of another type are refused. A data file is an npz with `features`, float32
(n, d), finite, and `target` (n,): int64 in 0 .. classes - 1 for a `kind` "classification", float32 and finite for
"regression", and whole and not below 0 for "count"; `classes` is 0 for the latter two.

`train` asks further for `train` and `validation` (npz), `kind`, `classes`, `checkpoints` (a folder that exists), and
the settings of the loop (requests.TrainRequest names them all), and leaves model.pt, epochs.jsonl, result.json and
environment.txt, which lists what is installed. What an interrupted attempt at an equal request left in `checkpoints`
is gone on from, to the same bits on the same device where `deterministic` is asked for.
`script` asks, besides `train`, `validation`, `kind`, `classes` and `checkpoints`, for `script` (the team's file),
`shape` (a path), `device`, `seed`, `threads` and `params` (an object of its own), and leaves the same, but
model.onnx, and expected.npz if the script wrote it, where the script does not leave weights.
`export` asks further for `checkpoint` (a model.pt), `probe` (npz, only `features` is read), `features` (d), `kind`,
`classes` (k), `opset` (18 or later), `precision` and `variants` (a list) of fp32, fp16 and int8, and `shape` (JSON:
`raw`, and `encoding` where that is true), and leaves model.onnx, a model-PRECISION.onnx for each variant, expected.npz
and result.json, which says by which exporter.
`own` asks for `onnx` (a script's own model.onnx), `shape`, `kind` and `classes`, without project and model, and leaves
model.onnx and result.json.
`rows` asks, instead of `model`, for `schema` ("checks.py:name"), `listing` (JSON: `files`, each with name and path,
and `sensitive`, columns whose values are not shown) and `shown` (rows a check), and leaves result.json with its
findings.

`epochs.jsonl` grows by one whole line an epoch, so that a parent can watch: epoch, of, train_loss, validation_loss,
validation_accuracy (validation_mae where the target is a number), learning_rate, seconds. It is the only output in
which time stands. `progress.json`, about once a second while it trains, says how far it is in an epoch: epoch, of,
step, steps, train_loss.
`result.json` is written last: it is there exactly when everything else is. No file ever stands half written under its
own name. `model.pt` holds the state_dict of the epoch with the lowest validation loss, on the CPU; `model.onnx` takes
`features` float32 (batch, d), or the raw columns of the encoding, (batch, 1) or (batch, items), and gives
`probabilities` float32 (batch, k), or for a number or a count `prediction` float32 (batch, 1), for any batch;
`expected.npz` holds the same, as PyTorch gives it for the probe. Equal requests give equal bytes on one machine.

**The team's model.py** holds `build_model(config: dict) -> torch.nn.Module`, called with {"features": d, "classes": k,
"outputs": k or 1}; the module maps float32 (n, d) to (n, outputs): one logit a class, a number, or the logarithm of an
expected count. They are learned by cross entropy, squared error and the Poisson likelihood, and ship behind a softmax,
as they are, and behind an exponential.

**Exit status**; all but 0 and 128 + n leave `error.json` in `output`: {"category", "message", "hint"}.

| status | category | what |
|---|---|---|
| 0 | | done |
| 3 | configuration | this environment lacks a package that the worker itself needs |
| 4 | input | a data file or the checkpoint is missing or is not what it should be |
| 5 | team-code | the team's code failed; its traceback, only its own frames, is on stderr |
| 20 | infrastructure | the output could not be written, or memory was refused by the machine |
| 70 | bug | the request is wrong, or the worker is |
| 128 + n | | stopped by SIGINT or SIGTERM; no partial file is left |
"""
