"""What Gymnasium and PettingZoo say of the environments: check_environments.py CHECK COMMAND…; test/serve-python.test.ts runs it."""
import os
import sys
import warnings

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test, parallel_seed_test

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "sim-bridge", "python"))
from trustmix_env import TrustmixEnv, TrustmixError, TrustmixParallelEnv


def drive(env, seed, decisions):
    """All that an epoch gives for actions of a fixed sequence."""
    seen = [env.reset(seed=seed)[0]]
    for k in range(decisions):
        observation, reward, *_ = env.step(np.float32([np.sin(k)]))
        seen.append(np.append(observation, reward))
    return np.concatenate(seen)


def check_gymnasium(command):
    for view in ("sensed", "raw", "gaps"):
        for action in ("acceleration", "timeGap"):
            env = TrustmixEnv(command, observation=view, action=action, decision_steps=7)
            check_env(env)
            env.close()
            print("check_env passed:", view, action)


def check_pettingzoo(command):
    env = TrustmixParallelEnv(command)
    parallel_api_test(env, num_cycles=2000)
    env.close()
    parallel_seed_test(lambda: TrustmixParallelEnv(command, decision_steps=5), num_cycles=50)
    print("parallel_api_test and parallel_seed_test passed")


def check_own(command):
    env = TrustmixEnv(command, agent="car03", others={"car05": -1.0}, decision_steps=10)
    process = env.connection.process
    first, again, other = drive(env, 7, 30), drive(env, 7, 30), drive(env, 8, 30)
    assert np.array_equal(first, again), "a seed repeats its epoch"
    assert not np.array_equal(first, other), "another seed starts elsewhere"
    env.reset(seed=7)
    *_, terminated, truncated, info = env.step(np.float32([np.nan]))
    assert info["step"] == 10 and not terminated and not truncated
    for beyond in (np.inf, -np.inf):
        try:
            env.step(np.float32([beyond]))
            raise AssertionError("an infinite action must be refused")
        except TrustmixError as error:
            assert str(error).startswith("malformed: "), error
    ends = 1
    while not truncated:
        *_, truncated, info = env.step(np.float32([1]))
        ends += 1
    assert (ends, info["step"]) == (150, 1500), (ends, info)
    try:
        env.step(np.float32([1]))
        raise AssertionError("a step after the end must be refused")
    except TrustmixError as error:
        assert str(error).startswith("out-of-turn: "), error
    env.close()
    env.close()
    assert process.returncode == 0, f"close ends the server, got {process.returncode}"
    both = TrustmixParallelEnv(command, decision_steps=10)
    both.reset(seed=1)
    driven = [both.step({})[0] for _ in range(20)][-1]
    both.reset(seed=1)
    shared = TrustmixEnv(command, decision_steps=10)
    shared.reset(seed=1)
    alone = [shared.step(np.float32([np.nan]))[0] for _ in range(20)][-1]
    assert np.array_equal(driven["car01"], alone), "no action and NaN both leave the cars to the drivers"
    both.close()
    shared.close()
    print("own checks passed")


if __name__ == "__main__":
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", message=".*render modes.*")  # there are none to test
    print("gymnasium", gymnasium.__version__)
    {"gymnasium": check_gymnasium, "pettingzoo": check_pettingzoo, "own": check_own}[sys.argv[1]](sys.argv[2:])
