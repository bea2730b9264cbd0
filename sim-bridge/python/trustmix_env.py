"""Gymnasium and PettingZoo environments over `trustmix sim-bridge --serve`; docs/python.md says what they mean.

    env = TrustmixEnv(command=["npx", "trustmix", "sim-bridge", "--serve", "--learners", "1"], decision_steps=10)
    env = TrustmixParallelEnv(address=("127.0.0.1", 40123), observation="gaps", action="acceleration")
"""
import json
import math
import socket
import subprocess

import gymnasium
import numpy as np
import pettingzoo

COMMAND = ("npx", "trustmix", "sim-bridge", "--serve")


class TrustmixError(RuntimeError):
    """What a server refused, in its words, or that it is gone."""


class Connection:
    """One world of a server: a line of JSON each way, in turns (docs/serve.md)."""

    def __init__(self, command=COMMAND, address=None, observation=None, action=None, decision_steps=None, timeout=60.0):
        self.process = self.socket = self.lines = None
        try:
            host, port = address or self._start(command)
            self.socket = socket.create_connection((host, port), timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.lines = self.socket.makefile("rb")
            self.hello = self._answer()
            self.agents = self.hello["agents"]
            if self.hello["version"] != 1 or not self.agents:
                raise TrustmixError(f"version must be 1 and a car must learn, got {self.hello}")
            given = {"observation": observation, "action": action, "decisionSteps": decision_steps}
            self.options = {**self.hello["defaults"], **{k: v for k, v in given.items() if v is not None}}
            name, views = self.options["observation"], self.hello["observations"]
            if name not in views:
                raise TrustmixError(f"observation must be one of {', '.join(views)}, got {name}")
        except BaseException:
            self.close()
            raise
        self.observation_space = gymnasium.spaces.Box(np.float32(views[name]["low"]), np.float32(views[name]["high"]))
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def _start(self, command):
        command = [*command, "--port", "0", "--json", "--follow-stdin"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            raise TrustmixError(f"{command} must print its address, got exit code {self.process.wait()}")
        return json.loads(line)["host"], json.loads(line)["port"]

    def reset(self, seed):
        return self._ask({"kind": "reset", "seed": seed, "options": self.options})

    def step(self, actions):
        return self._ask({"kind": "step", "actions": [None if math.isnan(u) else u for u in actions]})

    def _ask(self, request):
        if not self.socket:
            raise TrustmixError("closed: the environment was closed")
        try:
            self.socket.sendall(json.dumps(request).encode() + b"\n")
            answer = self._answer()
        except OSError as error:
            self.close()  # an answer that comes late would be taken for the next one
            raise TrustmixError(f"closed: {error}") from error
        return np.array(answer["observations"], np.float32), answer

    def _answer(self):
        answer = json.loads(self.lines.readline() or '{"kind": "error", "reason": "closed", "detail": "no answer"}')
        if answer["kind"] == "error":
            raise TrustmixError(f"{answer['reason']}: {answer['detail']}")
        return answer

    def close(self):
        for end in filter(None, (self.lines, self.socket)):
            end.close()
        if self.process:
            try:
                self.process.communicate(timeout=10)  # ends its input, and thereby the server
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = self.socket = self.lines = None


class TrustmixEnv(gymnasium.Env):
    """One learning car, `agent` or the first; the other learners act as `others` says ({id: action}) or are driven."""

    def __init__(self, command=COMMAND, agent=None, others=None, **options):
        self.connection = Connection(command, **options)
        self.observation_space, self.action_space = self.connection.observation_space, self.connection.action_space
        agents, others = self.connection.agents, others or {}
        for stranger in {agent or agents[0], *others} - {*agents}:
            self.close()
            raise TrustmixError(f"agent and others must be of {', '.join(agents)}, got {stranger}")
        self.index = agents.index(agent) if agent else 0
        self.actions = [float(others.get(agent, math.nan)) for agent in agents]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        rows, answer = self.connection.reset(int(self.np_random.integers(2**32)))
        return rows[self.index], answer["info"]

    def step(self, action):
        self.actions[self.index] = float(action[0])
        rows, answer = self.connection.step(self.actions)
        ends = answer["terminated"], answer["truncated"]
        return rows[self.index], answer["rewards"][self.index], *ends, answer["info"]

    def close(self):
        self.connection.close()


class TrustmixParallelEnv(pettingzoo.ParallelEnv):
    """All learning cars, by the server's ids; one without an action in a step is left to its driver."""
    metadata = {"render_modes": [], "name": "trustmix_v1"}
    render_mode = None

    def __init__(self, command=COMMAND, **options):
        self.connection = Connection(command, **options)
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
        told = self.agents
        rows, answer = self.connection.step([float(actions.get(a, [math.nan])[0]) for a in self.possible_agents])
        ends = [dict.fromkeys(told, answer[end]) for end in ("terminated", "truncated")]
        self.agents = [] if answer["terminated"] or answer["truncated"] else told
        return dict(zip(told, rows)), dict(zip(told, answer["rewards"])), *ends, {a: answer["info"] for a in told}

    def close(self):
        self.connection.close()
