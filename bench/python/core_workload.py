"""What bench/core/workload.ts wrote: arrays by name, options, and the flat vectors cut into named tensors."""
import json
import os

import numpy as np


class Workload:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "workload.json")) as file:
            facts = json.load(file)
        self.ppo, self.gate, self.layouts = facts["ppo"], facts["gate"], facts["layouts"]
        self.hidden = facts["architecture"]["hidden"]
        with open(os.path.join(folder, "workload.safetensors"), "rb") as file:
            data = file.read()
        size = int.from_bytes(data[:8], "little")
        self.arrays = {}
        for name, entry in json.loads(data[8 : 8 + size]).items():
            begin, end = entry["data_offsets"]
            values = np.frombuffer(data, "<f4", (end - begin) // 4, 8 + size + begin)
            self.arrays[name] = values.reshape(entry["shape"]).copy()
        self.order = self.arrays["order"].astype(np.int64)

    def __getitem__(self, name):
        return self.arrays[name]

    def tensors(self, kind, vector):
        """{name: array} of a flat vector; kind is "policy" or "value"."""
        return {
            slot["name"]: vector[slot["offset"] : slot["offset"] + slot["size"]].reshape(slot["shape"])
            for slot in self.layouts[kind]["tensors"]
        }

    def flat(self, kind, tensors):
        """The flat vector of named arrays, as a list."""
        return np.concatenate([np.ravel(tensors[slot["name"]]) for slot in self.layouts[kind]["tensors"]]).tolist()
