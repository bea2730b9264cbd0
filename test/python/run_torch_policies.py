"""Runs exported policies in PyTorch.

Reads from stdin a JSON list of {"path", "observations", "resaved"}; loads each safetensors file into an nn.Sequential, prints a
JSON list of {"actions", "metadata"} and stores the modules' parameters again under "resaved".
"""

import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file


class Policy(torch.nn.Module):
    def __init__(self, observations, hidden, actions):
        super().__init__()
        sizes = [observations, *hidden, actions]
        layers = []
        for inputs, outputs in zip(sizes, sizes[1:]):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.Tanh()]
        self.policy = torch.nn.Sequential(*layers[:-1])
        self.log_std = torch.nn.Parameter(torch.zeros(actions))


answers = []
for case in json.load(sys.stdin):
    with safe_open(case["path"], framework="pt") as file:
        metadata = file.metadata()
    names = {key: json.loads(metadata[key]) for key in ("observationNames", "hidden", "actionNames")}
    module = Policy(len(names["observationNames"]), names["hidden"], len(names["actionNames"]))
    module.load_state_dict(load_file(case["path"]), strict=True)
    with torch.no_grad():
        actions = module.policy(torch.tensor(case["observations"], dtype=torch.float32))
    save_file(module.state_dict(), case["resaved"], metadata=metadata)
    answers.append({"actions": actions.tolist(), "metadata": metadata})
json.dump(answers, sys.stdout)
