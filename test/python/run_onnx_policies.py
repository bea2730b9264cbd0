"""Runs exported policies in onnxruntime.

Reads from stdin a JSON list of {"path", "observations"}; prints a JSON list of {"actions", "metadata"}.
"""

import json
import sys

import numpy
import onnxruntime

answers = []
for case in json.load(sys.stdin):
    session = onnxruntime.InferenceSession(case["path"], providers=["CPUExecutionProvider"])
    observations = numpy.array(case["observations"], dtype=numpy.float32)
    (actions,) = session.run(["action"], {"observation": observations})
    answers.append({"actions": actions.tolist(), "metadata": session.get_modelmeta().custom_metadata_map})
json.dump(answers, sys.stdout)
