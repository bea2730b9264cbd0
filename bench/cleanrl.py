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
import torch
from trustmix_env import TrustmixEnv

TASK = ["--setting", "headway", "--vehicles", "14", "--learners", "1", "--start-jitter", "1"]
SERVER = ["node", os.path.join(ROOT, "build", "cli", "main.js"), "sim-bridge", "--serve", *TASK]
parser = argparse.ArgumentParser()
parser.add_argument("--cleanrl", required=True)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--decisions", type=int, default=200_000)
parser.add_argument("--out", required=True)
options = parser.parse_args()
out = open(options.out, "w", buffering=1)


class Recorded(TrustmixEnv):
    """Writes a line for every epoch driven."""

    decision = length = total = 0

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


gym.register("trustmix/OneLearner-v0", lambda: Recorded(SERVER, action="acceleration", decision_steps=10))
gym.vector.SyncVectorEnv = SameStepVectorEnv
for wrapper in ("NormalizeObservation", "TransformObservation", "NormalizeReward", "TransformReward"):
    setattr(gym.wrappers, wrapper, unchanged)
torch.set_num_threads(1)

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
