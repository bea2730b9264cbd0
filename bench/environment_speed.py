"""Decisions per second through the Python client, random actions, no learning: python bench/environment_speed.py"""
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "sim-bridge", "python"))

import numpy as np
from trustmix_env import TrustmixEnv, TrustmixParallelEnv

SERVER = ["node", os.path.join(ROOT, "build", "cli", "main.js"), "sim-bridge", "--serve", "--learners"]


def measure(env, act, decisions):
    """Best of five."""
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        ended = True
        for k in range(decisions):
            if ended:
                env.reset(seed=k)
            outcome = env.step(act())
            ended = outcome[2] or outcome[3] if isinstance(outcome[2], bool) else not env.agents
        best = max(best, decisions / (time.perf_counter() - start))
    env.close()
    return best


if __name__ == "__main__":
    random = np.random.default_rng(1)
    for steps in (1, 10):
        one = TrustmixEnv([*SERVER, "1"], decision_steps=steps)
        rate = measure(one, lambda: random.uniform(-1, 1, 1), 3000)
        print(f"TrustmixEnv, 1 learner, {steps} steps a decision: {rate:.0f} decisions/s, {rate * steps:.0f} steps/s")
        all7 = TrustmixParallelEnv([*SERVER, "7"], decision_steps=steps)
        rate = measure(all7, lambda: {a: random.uniform(-1, 1, 1) for a in all7.possible_agents}, 3000)
        print(f"TrustmixParallelEnv, 7 learners, {steps} steps a decision: {rate:.0f} decisions/s, {rate * steps:.0f} steps/s")
