"""PyTorch on one thread: eager as fast as we could write it (fused Adam, no distribution objects), or with torch.compile
around the loss and the forms. Forward-mode products are written out by hand, which is faster than torch.func.jvp.
"""
import math

import numpy as np
import torch
from torch import nn


def tasks(workload, compiled):
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    tensor = torch.from_numpy
    ppo, gate = workload.ppo, workload.gate
    named = lambda vector: {name: tensor(array) for name, array in workload.tensors("policy", vector).items()}
    own, other = named(workload["policy"]), named(workload["otherPolicy"])
    peers = [named(row) for row in workload["peers"]]
    deltas = [named(row - workload["policy"]) for row in workload["peers"]]
    states = tensor(workload["states"])
    maybe = torch.compile if compiled else (lambda function, **_: function)

    def forward(p, x):
        h1 = torch.tanh(torch.addmm(p["policy.0.bias"], x, p["policy.0.weight"].T))
        h2 = torch.tanh(torch.addmm(p["policy.2.bias"], h1, p["policy.2.weight"].T))
        return torch.addmm(p["policy.4.bias"], h2, p["policy.4.weight"].T), h1, h2

    def log_prob(p, mean, action):
        z = (action - mean) * torch.exp(-p["log_std"])
        return (-0.5 * z * z - p["log_std"] - 0.5 * math.log(2 * math.pi)).sum(1)

    def from_change(p, d, change):
        change = change * torch.exp(-p["log_std"])
        return (change * change).mean(0).sum() + 2 * (d["log_std"] ** 2).sum()

    @maybe
    def fisher(p, d, x):
        _, h1, h2 = forward(p, x)
        d1 = torch.addmm(d["policy.0.bias"], x, d["policy.0.weight"].T) * (1 - h1 * h1)
        d2 = torch.addmm(d["policy.2.bias"], h1, d["policy.2.weight"].T)
        d2 = torch.addmm(d2, d1, p["policy.2.weight"].T) * (1 - h2 * h2)
        change = torch.addmm(d["policy.4.bias"], h2, d["policy.4.weight"].T)
        return from_change(p, d, torch.addmm(change, d2, p["policy.4.weight"].T))

    def keep(p, x):
        """The own policy's passes over the states: J Δ is then three products with Δ alone."""
        mean, h1, h2 = forward(p, x)
        s2 = p["policy.4.weight"] * (1 - h2 * h2)
        s1 = (s2 @ p["policy.2.weight"]) * (1 - h1 * h1)
        return mean, x, h1, h2, s1, s2

    @maybe
    def fisher_cached(p, d, kept):
        _, x, h1, h2, s1, s2 = kept
        change = (s1 * torch.addmm(d["policy.0.bias"], x, d["policy.0.weight"].T)).sum(1, keepdim=True)
        change = change + (s2 * torch.addmm(d["policy.2.bias"], h1, d["policy.2.weight"].T)).sum(1, keepdim=True)
        change = torch.addmm(change + d["policy.4.bias"], h2, d["policy.4.weight"].T)
        return from_change(p, d, change)

    def fisher_materialised(p, d, x):
        """G = mean Γ Γᵀ over the states as a [d, d] matrix (the expectation over actions in closed form), then Δᵀ G Δ."""
        _, _, h1, h2, s1, s2 = keep(p, x)
        rows = {"log_std": torch.zeros(len(x), 1), "policy.0.bias": s1, "policy.2.bias": s2}
        rows["policy.4.bias"] = torch.ones(len(x), 1)
        rows["policy.0.weight"] = (s1[:, :, None] * x[:, None, :]).flatten(1)
        rows["policy.2.weight"] = (s2[:, :, None] * h1[:, None, :]).flatten(1)
        rows["policy.4.weight"] = h2
        names = [slot["name"] for slot in workload.layouts["policy"]["tensors"]]
        J = torch.cat([rows[name] for name in names], 1) * torch.exp(-p["log_std"])
        G = J.T @ J / len(x)
        first = next(slot["offset"] for slot in workload.layouts["policy"]["tensors"] if slot["name"] == "log_std")
        G[first, first] += 2
        delta = torch.cat([d[name].flatten() for name in names])
        return delta @ (G @ delta)

    @maybe
    def judge_with(p, peer, d, advantage, own_log_prob, kept, observations, actions, behaviour, q):
        own_weight = torch.exp(own_log_prob - behaviour)
        peer_weight = torch.exp(log_prob(peer, forward(peer, observations)[0], actions) - behaviour)
        terms = (peer_weight - own_weight) * advantage
        mean = terms.mean()
        error = terms.std() / math.sqrt(len(terms))
        size = peer_weight.sum() ** 2 / (peer_weight**2).sum()
        c = 2 * advantage.abs().max() * gate["gamma"] / (1 - gate["gamma"]) ** 2
        bound = torch.sqrt(2 * mean / (1 - gate["gamma"]) / c / q)
        alpha = (1 - gate["margin"]) * torch.clamp(bound, max=1)
        mixed = {name: p[name] + alpha * d[name] for name in p}
        to, change = forward(mixed, kept[1])[0], mixed["log_std"] - p["log_std"]
        z = (to - kept[0]) * torch.exp(-mixed["log_std"])
        kl = (change + 0.5 * torch.expm1(-2 * change)).sum() + 0.5 * (z * z).mean(0).sum()
        return torch.stack([mean, error, size, q, alpha, kl])

    def judgement(count, warm):
        observations = tensor(workload["evidence.observations"][:count])
        actions = tensor(workload["evidence.actions"][:count])
        behaviour = tensor(workload["evidence.logProb"][:count])
        advantages = [tensor(row[:count].copy()) for row in workload["advantages"]]
        x = states[:count]
        own_log_prob = lambda p: log_prob(p, forward(p, observations)[0], actions)
        held = (own_log_prob(own), keep(own, x))

        def judge(p, i):
            d = deltas[i]
            if warm:
                known, kept = held
                q = fisher_cached(p, d, kept)
            else:
                known, kept = own_log_prob(p), (forward(p, x)[0], x)
                q = fisher(p, d, x)
            # A verdict is read: the numbers leave the tensors.
            evidence = (advantages[i], known, kept, observations, actions, behaviour, q)
            return judge_with(p, peers[i], d, *evidence).tolist()

        return in_turns(lambda p, i: judge(own if warm else p, i))

    def in_turns(work):
        count = [0]

        def run():
            count[0] += 1
            with torch.inference_mode():
                return work(own if count[0] % 2 else other, count[0] % len(peers))

        def result():
            with torch.inference_mode():
                return np.ravel(work(own, 0)).tolist()

        return run, result

    def inference():
        observation = states.new_tensor(workload["batch.observations"][:1])

        def mean():
            with torch.inference_mode():
                return maybe_forward(own, observation)[0].flatten()

        maybe_forward = maybe(forward)
        return mean, lambda: mean().tolist()

    with torch.inference_mode():
        kept = keep(own, states)
    return about(compiled), {
        "inference": inference(),
        **training(workload, maybe, log_prob),
        "fisher": in_turns(lambda p, i: fisher(p, deltas[i], states)),
        "fisher-cached": in_turns(lambda p, i: fisher_cached(own, deltas[i], kept)),
        **({} if compiled else {"fisher-materialised": in_turns(lambda p, i: fisher_materialised(p, deltas[i], states))}),
        "gate-cold-256": judgement(256, False),
        "gate-warm-256": judgement(256, True),
        "gate-cold-50": judgement(50, False),
        "gate-warm-50": judgement(50, True),
    }


def training(workload, maybe, log_prob):
    tensor, ppo = torch.from_numpy, workload.ppo
    columns = [tensor(workload[f"batch.{name}"]) for name in ("observations", "actions", "logProb", "advantage", "returns")]
    order = tensor(workload.order)
    start = {**workload.tensors("policy", workload["policy"]), **workload.tensors("value", workload["value"])}

    def network():
        return nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))

    class Learner:
        def __init__(self):
            self.policy, self.value, self.log_std = network(), network(), nn.Parameter(torch.zeros(1))
            with torch.no_grad():
                for name, parameter in self.named().items():
                    parameter.copy_(tensor(start[name]))
            self.parameters = list(self.named().values())
            rate, epsilon = ppo["learningRate"], ppo["adamEpsilon"]
            self.optimizer = torch.optim.Adam(self.parameters, lr=rate, eps=epsilon, fused=True)

        def named(self):
            found = {"log_std": self.log_std}
            for prefix, module in (("policy", self.policy), ("value", self.value)):
                found.update({f"{prefix}.{name}": parameter for name, parameter in module.named_parameters()})
            return found

        def step(self, rows):
            self.optimizer.zero_grad()
            loss(self.policy, self.value, self.log_std, *(column[rows] for column in columns)).backward()
            nn.utils.clip_grad_norm_(self.parameters, ppo["maxGradNorm"])
            self.optimizer.step()

    @maybe
    def loss(policy, value, log_std, observations, actions, behaviour, advantage, returns):
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        ratio = torch.exp(log_prob({"log_std": log_std}, policy(observations), actions) - behaviour)
        clipped = torch.clamp(ratio, 1 - ppo["clipRange"], 1 + ppo["clipRange"])
        policy_loss = -torch.min(ratio * advantage, clipped * advantage).mean()
        value_loss = 0.5 * ((value(observations).flatten() - returns) ** 2).mean()
        entropy = (0.5 + 0.5 * math.log(2 * math.pi) + log_std).sum()
        return policy_loss - ppo["entropyCoef"] * entropy + ppo["valueCoef"] * value_loss

    def learn(count):
        learner = Learner()
        for rows in order[:count]:
            learner.step(rows)
        arrays = {name: parameter.detach().numpy() for name, parameter in learner.named().items()}
        return workload.flat("policy", arrays) + workload.flat("value", arrays)

    running, taken = Learner(), [0]

    def step():
        running.step(order[taken[0] % len(order)])
        taken[0] += 1

    return {"step": (step, lambda: learn(1)), "update": (lambda: learn(len(order)), lambda: learn(len(order)))}


def about(compiled):
    """Version, BLAS and instruction set as the library names them."""
    lines = torch.__config__.show().splitlines()
    find = lambda *words: next((line.strip(" -") for line in lines if any(word in line for word in words)), "unknown")
    blas = find("Math Kernel Library", "OpenBLAS") if torch.backends.mkl.is_available() else find("BLAS_INFO")[:60]
    how = "torch.compile" if compiled else "eager, fused Adam"
    return f"PyTorch {torch.__version__} {how}, {blas.split(' for ')[0]}, {find('CPU capability')}, 1 thread"
