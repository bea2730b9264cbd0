"""Gymnasium and PettingZoo environments over `trustmix sim-bridge --serve`.

    env = TrustmixEnv(["npx", "trustmix", "sim-bridge", "--serve", "--learners", "1"], decision_steps=10)
    env = TrustmixParallelEnv(("127.0.0.1", 40123))

`server` is a command, which is started (its standard input stays open: it ends with this program), or the (host, port) of
a server that runs. Actions are in [-1, 1], scaled by the server to an acceleration or a time gap; NaN leaves the car to
the simulator's driver. Observations are what trustmix's own devices see: "raw" or "gaps" as in its settings letter and
headway, or "sensed", metres and m/s. A decision is held for `decision_steps` steps; its reward is the mean over them.
Which world, reward and defaults: the server's command line. The same seed gives the same epoch, bit for bit.
"""
import json
import math
import socket
import subprocess

import gymnasium
import numpy as np
import pettingzoo

VERSION = 1
COMMAND = ("npx", "trustmix", "sim-bridge", "--serve")


class TrustmixError(RuntimeError):
    """What the server refused, in its words."""


class Connection:
    """One world of a server: a line of JSON each way, in turns."""

    def __init__(self, server=COMMAND, observation=None, action=None, decision_steps=None, timeout=60.0):
        self.process = self.socket = self.lines = None
        try:
            if isinstance(server, tuple) and len(server) == 2 and isinstance(server[1], int):
                address = server
            else:
                command = [*server, "--port", "0", "--json", "--follow-stdin"]
                self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                line = self.process.stdout.readline()
                if not line:
                    raise TrustmixError(f"{server[0]} must print its address, got exit code {self.process.wait()}")
                address = (json.loads(line)["host"], json.loads(line)["port"])
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.lines = self.socket.makefile("rb")
            self.hello = self._answer()
            if self.hello["version"] != VERSION:
                raise TrustmixError(f"version must be {VERSION}, got {self.hello['version']}")
        except BaseException:
            self.close()
            raise
        given = {"observation": observation, "action": action, "decisionSteps": decision_steps}
        self.options = {**self.hello["defaults"], **{k: v for k, v in given.items() if v is not None}}
        self.agents = self.hello["agents"]
        view = self.hello["observations"][self.options["observation"]]
        self.observation_space = gymnasium.spaces.Box(np.float32(view["low"]), np.float32(view["high"]), dtype=np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, seed):
        return self._ask({"kind": "reset", "seed": seed, "options": self.options})

    def step(self, actions):
        return self._ask({"kind": "step", "actions": [None if math.isnan(u) else u for u in actions]})

    def _ask(self, request):
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        answer = self._answer()
        return np.array(answer["observations"], np.float32), answer

    def _answer(self):
        line = self.lines.readline()
        answer = json.loads(line) if line else {"kind": "error", "reason": "closed", "detail": "the server has gone"}
        if answer["kind"] == "error":
            raise TrustmixError(f"{answer['reason']}: {answer['detail']}")
        return answer

    def close(self):
        for end in (self.lines, self.socket):
            if end:
                end.close()
        if self.process:
            self.process.stdin.close()
            self.process.stdout.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = self.socket = self.lines = None


class TrustmixEnv(gymnasium.Env):
    """One learning car, the first or `agent`; the others' drivers, or `others` = {agent: action}, have the rest."""

    metadata = {"render_modes": []}
    render_mode = None

    def __init__(self, server=COMMAND, agent=None, others=None, **options):
        self.connection = Connection(server, **options)
        agents = self.connection.agents
        self.index = agents.index(agent) if agent else 0
        self.actions = [float((others or {}).get(name, math.nan)) for name in agents]
        self.observation_space, self.action_space = self.connection.observation_space, self.connection.action_space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        rows, answer = self.connection.reset(int(self.np_random.integers(2**32)))
        return rows[self.index], answer["info"]

    def step(self, action):
        self.actions[self.index] = float(action[0])
        rows, answer = self.connection.step(self.actions)
        return (rows[self.index], answer["rewards"][self.index], answer["terminated"], answer["truncated"], answer["info"])

    def close(self):
        self.connection.close()


class TrustmixParallelEnv(pettingzoo.ParallelEnv):
    """All learning cars, under the ids of the server; an agent without an action is left to its driver."""

    metadata = {"render_modes": [], "name": "trustmix_v1"}
    render_mode = None

    def __init__(self, server=COMMAND, **options):
        self.connection = Connection(server, **options)
        self.possible_agents = list(self.connection.agents)
        self.agents = []
        self.random = np.random.default_rng()

    def observation_space(self, agent):
        return self.connection.observation_space

    def action_space(self, agent):
        return self.connection.action_space

    def reset(self, seed=None, options=None):
        if seed is not None:
            self.random = np.random.default_rng(seed)
        rows, answer = self.connection.reset(int(self.random.integers(2**32)))
        self.agents = list(self.possible_agents)
        return dict(zip(self.agents, rows)), {agent: answer["info"] for agent in self.agents}

    def step(self, actions):
        wanted = [float(actions[agent][0]) if agent in actions else math.nan for agent in self.possible_agents]
        rows, answer = self.connection.step(wanted)
        told = self.agents
        if answer["terminated"] or answer["truncated"]:
            self.agents = []
        each = [dict.fromkeys(told, answer[end]) for end in ("terminated", "truncated")]
        return (dict(zip(told, rows)), dict(zip(told, answer["rewards"])), *each, {a: answer["info"] for a in told})

    def close(self):
        self.connection.close()
