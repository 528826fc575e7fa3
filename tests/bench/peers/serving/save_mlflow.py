"""Saves a model as MLflow's ONNX flavor: `python save_mlflow.py MODEL FOLDER [THREADS]`."""

import sys

import mlflow.onnx
import onnx

model, folder, *threads = sys.argv[1:]
options = {"intra_op_num_threads": int(threads[0])} if threads else None
mlflow.onnx.save_model(onnx.load(model), folder, onnx_session_options=options)
