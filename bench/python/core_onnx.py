"""onnxruntime, one thread: inference of the exported policy."""
import os

import onnxruntime


def tasks(workload):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = os.path.join(workload.folder, "policy.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {"observation": workload["batch.observations"][:1]}
    mean = lambda: session.run(None, feed)[0].ravel()
    return f"onnxruntime {onnxruntime.__version__} (Python), CPU, 1 thread", {"inference": (mean, mean)}
