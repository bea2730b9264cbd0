"""Trains CleanRL's ppo_continuous_action.py, unchanged, on one learner among 13 drivers (docs/results/cleanrl.md).

    python bench/cleanrl.py --cleanrl PATH/cleanrl/ppo_continuous_action.py --seed 1 --out runs/cleanrl-1.jsonl

Around the script: gymnasium 1.x resets within the step, as CleanRL expects (0.29 did); its normalising wrappers do nothing;
a stand-in for tyro fills in its options.
"""
import argparse
import json
import os
import runpy
import sys
import tempfile
import types

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "sim-bridge", "python"))

import gymnasium as gym
import numpy as np
import torch
from trustmix_env import TrustmixEnv

TASK = ["--setting", "headway", "--vehicles", "14", "--learners", "1", "--start-jitter", "1"]
SERVER = ["node", os.path.join(ROOT, "build", "cli", "main.js"), "sim-bridge", "--serve", *TASK]
parser = argparse.ArgumentParser()
parser.add_argument("--cleanrl", required=True)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--decisions", type=int, default=200_000)
parser.add_argument("--out", required=True)
parser.add_argument("--streams", help="draw weights, noise, orders and starts from bench:cleanrl-streams")
parser.add_argument("--float64", action="store_true", help="double precision, as trustmix's reference engine")
options = parser.parse_args()
out = open(options.out, "w", buffering=1)


class Recorded(TrustmixEnv):
    """Writes a line for every epoch driven."""

    decision = length = total = 0

    def reset(self, *, seed=None, options=None):
        if not streams:
            return super().reset(seed=seed, options=options)
        rows, answer = self.connection.reset(int(next(starts)))
        return rows[self.index], answer["info"]

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        self.decision += 1
        self.length += 1
        self.total += reward
        if terminated or truncated:
            line = {"decision": self.decision, "return": self.total, "length": self.length}
            out.write(json.dumps({**line, "meanSpeed": info["epochMeanSpeed"], "collisions": info["collisions"]}) + "\n")
            self.length = self.total = 0
        return observation, reward, terminated, truncated, info


class SameStepVectorEnv(gym.vector.SyncVectorEnv):
    def __init__(self, functions):
        super().__init__(functions, autoreset_mode=gym.vector.AutoresetMode.SAME_STEP)

    def step(self, actions):
        *outcome, infos = super().step(actions)
        infos.pop("final_info", None)  # a list in 0.29, which the script reads; the epochs are written above
        return (*outcome, infos)


def unchanged(env, *_, **__):
    return env


streams = options.streams
if streams:
    weights, noise, orders, starts = (
        iter(np.fromfile(os.path.join(streams, name), kind))
        for name, kind in (("weights.f64", "f8"), ("noise.f64", "f8"), ("orders.i32", "i4"), ("starts.u32", "u4"))
    )

    def drawn_weights(tensor, gain):
        with torch.no_grad():
            return tensor.copy_(torch.tensor(np.fromiter(weights, "f8", tensor.numel())).view_as(tensor))

    def drawn_sample(normal):
        return normal.mean + normal.stddev * float(next(noise))

    def drawn_shuffle(indices):
        indices[:] = np.fromiter(orders, "i4", len(indices))

    torch.nn.init.orthogonal_ = drawn_weights
    torch.distributions.normal.Normal.sample = drawn_sample
    np.random.shuffle = drawn_shuffle

gym.register("trustmix/OneLearner-v0", lambda: Recorded(SERVER, action="acceleration", decision_steps=10))
gym.vector.SyncVectorEnv = SameStepVectorEnv
for wrapper in ("NormalizeObservation", "TransformObservation", "NormalizeReward", "TransformReward"):
    setattr(gym.wrappers, wrapper, unchanged)
torch.set_num_threads(1)
if options.float64:
    torch.set_default_dtype(torch.float64)

arguments = {
    "env_id": "trustmix/OneLearner-v0",
    "seed": options.seed,
    "total_timesteps": options.decisions,
    "anneal_lr": False,
    "clip_vloss": False,
    "cuda": False,
}
sys.modules["tyro"] = types.SimpleNamespace(cli=lambda Args: Args(**arguments))
script = os.path.abspath(options.cleanrl)
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)  # the script writes runs/ where it stands
    runpy.run_path(script, run_name="__main__")
