"""JAX on the CPU, one thread, every task one jitted function; the update is one scan over all minibatches."""
import math

import jax
import jax.numpy as np
import numpy


def tasks(workload):
    ppo, gate = workload.ppo, workload.gate
    named = lambda vector: {name: np.asarray(array) for name, array in workload.tensors("policy", vector).items()}
    own, other = named(workload["policy"]), named(workload["otherPolicy"])
    peers = [named(row) for row in workload["peers"]]
    deltas = [named(row - workload["policy"]) for row in workload["peers"]]
    states = np.asarray(workload["states"])

    def fisher(p, d, x):
        change = jax.jvp(lambda q: forward(q, "policy", x)[0], (p,), (d,))[1]
        return from_change(p, d, change)

    def from_change(p, d, change):
        change = change * np.exp(-p["log_std"])
        return (change * change).mean(0).sum() + 2 * (d["log_std"] ** 2).sum()

    def keep(p, x):
        mean, h1, h2 = forward(p, "policy", x)
        s2 = p["policy.4.weight"] * (1 - h2 * h2)
        s1 = (s2 @ p["policy.2.weight"]) * (1 - h1 * h1)
        return mean, x, h1, h2, s1, s2

    def fisher_cached(p, d, kept):
        _, x, h1, h2, s1, s2 = kept
        change = (s1 * (x @ d["policy.0.weight"].T + d["policy.0.bias"])).sum(1, keepdims=True)
        change += (s2 * (h1 @ d["policy.2.weight"].T + d["policy.2.bias"])).sum(1, keepdims=True)
        return from_change(p, d, change + h2 @ d["policy.4.weight"].T + d["policy.4.bias"])

    def judge(p, peer, d, advantage, own_log_prob, kept, evidence, q):
        observations, actions, behaviour = evidence
        own_weight = np.exp(own_log_prob - behaviour)
        peer_weight = np.exp(log_prob(peer, forward(peer, "policy", observations)[0], actions) - behaviour)
        terms = (peer_weight - own_weight) * advantage
        mean, error = terms.mean(), terms.std(ddof=1) / math.sqrt(len(terms))
        size = peer_weight.sum() ** 2 / (peer_weight**2).sum()
        c = 2 * np.abs(advantage).max() * gate["gamma"] / (1 - gate["gamma"]) ** 2
        alpha = (1 - gate["margin"]) * np.minimum(np.sqrt(2 * mean / (1 - gate["gamma"]) / c / q), 1)
        mixed = {name: p[name] + alpha * d[name] for name in p}
        to, change = forward(mixed, "policy", kept[1])[0], mixed["log_std"] - p["log_std"]
        z = (to - kept[0]) * np.exp(-mixed["log_std"])
        kl = (change + 0.5 * np.expm1(-2 * change)).sum() + 0.5 * (z * z).mean(0).sum()
        return np.stack([mean, error, size, q, alpha, kl])

    @jax.jit
    def cold(p, peer, d, advantage, evidence, x):
        known = log_prob(p, forward(p, "policy", evidence[0])[0], evidence[1])
        return judge(p, peer, d, advantage, known, (forward(p, "policy", x)[0], x), evidence, fisher(p, d, x))

    @jax.jit
    def warm(p, peer, d, advantage, evidence, known, kept):
        return judge(p, peer, d, advantage, known, kept, evidence, fisher_cached(p, d, kept))

    def judgement(count, is_warm):
        evidence = [np.asarray(workload[f"evidence.{name}"][:count]) for name in ("observations", "actions", "logProb")]
        advantages = [np.asarray(row[:count]) for row in workload["advantages"]]
        x = states[:count]
        known = log_prob(own, forward(own, "policy", evidence[0])[0], evidence[1])
        kept = keep(own, x)
        if is_warm:
            return in_turns(lambda p, i: warm(own, peers[i], deltas[i], advantages[i], evidence, known, kept))
        return in_turns(lambda p, i: cold(p, peers[i], deltas[i], advantages[i], evidence, x))

    def in_turns(work):
        count = [0]

        def run():
            count[0] += 1
            # The numbers leave the arrays, as those of a verdict do.
            return numpy.asarray(work(own if count[0] % 2 else other, count[0] % len(peers)))

        return run, lambda: numpy.ravel(work(own, 0)).tolist()

    jitted = {name: jax.jit(function) for name, function in (("fisher", fisher), ("cached", fisher_cached))}
    act = jax.jit(lambda p, x: forward(p, "policy", x)[0])
    observation = workload["batch.observations"][:1]
    mean = lambda: numpy.asarray(act(own, observation)).ravel()
    kept = keep(own, states)
    return f"JAX {jax.__version__} jit, {jax.default_backend()}, 1 thread", {
        "inference": (mean, mean),
        **training(workload, ppo),
        "fisher": in_turns(lambda p, i: jitted["fisher"](p, deltas[i], states)),
        "fisher-cached": in_turns(lambda p, i: jitted["cached"](own, deltas[i], kept)),
        "gate-cold-256": judgement(256, False),
        "gate-warm-256": judgement(256, True),
        "gate-cold-50": judgement(50, False),
        "gate-warm-50": judgement(50, True),
    }


def forward(p, prefix, x):
    h1 = np.tanh(x @ p[f"{prefix}.0.weight"].T + p[f"{prefix}.0.bias"])
    h2 = np.tanh(h1 @ p[f"{prefix}.2.weight"].T + p[f"{prefix}.2.bias"])
    return h2 @ p[f"{prefix}.4.weight"].T + p[f"{prefix}.4.bias"], h1, h2


def log_prob(p, mean, action):
    z = (action - mean) * np.exp(-p["log_std"])
    return (-0.5 * z * z - p["log_std"] - 0.5 * math.log(2 * math.pi)).sum(1)


def training(workload, ppo):
    columns = [np.asarray(workload[f"batch.{name}"]) for name in ("observations", "actions", "logProb", "advantage", "returns")]
    order = np.asarray(workload.order)
    start = {**workload.tensors("policy", workload["policy"]), **workload.tensors("value", workload["value"])}
    start = {name: np.asarray(array) for name, array in start.items()}

    def loss(p, rows):
        observations, actions, behaviour, advantage, returns = (column[rows] for column in columns)
        advantage = (advantage - advantage.mean()) / (advantage.std(ddof=1) + 1e-8)
        ratio = np.exp(log_prob(p, forward(p, "policy", observations)[0], actions) - behaviour)
        clipped = np.clip(ratio, 1 - ppo["clipRange"], 1 + ppo["clipRange"])
        policy_loss = -np.minimum(ratio * advantage, clipped * advantage).mean()
        value_loss = 0.5 * ((forward(p, "value", observations)[0][:, 0] - returns) ** 2).mean()
        entropy = (0.5 + 0.5 * math.log(2 * math.pi) + p["log_std"]).sum()
        return policy_loss - ppo["entropyCoef"] * entropy + ppo["valueCoef"] * value_loss

    def one(state, rows):
        p, m, v, t = state
        gradient = jax.grad(loss)(p, rows)
        norm = np.sqrt(sum((g * g).sum() for g in jax.tree.leaves(gradient)))
        scale = np.minimum(1, ppo["maxGradNorm"] / (norm + 1e-6))
        gradient = jax.tree.map(lambda g: g * scale, gradient)
        t = t + 1
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, gradient)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, gradient)
        size, root = ppo["learningRate"] / (1 - 0.9**t), np.sqrt(1 - 0.999**t)
        p = jax.tree.map(lambda x, a, b: x - size * a / (np.sqrt(b) / root + ppo["adamEpsilon"]), p, m, v)
        return (p, m, v, t), None

    zeros = jax.tree.map(np.zeros_like, start)
    fresh = (start, zeros, zeros, np.float32(0))
    step = jax.jit(lambda state, rows: one(state, rows)[0])
    scan = jax.jit(lambda state, rows: jax.lax.scan(one, state, rows)[0])
    state, taken = [fresh], [0]
    rows = list(order)

    def run_step():
        state[0] = jax.block_until_ready(step(state[0], rows[taken[0] % len(rows)]))
        taken[0] += 1

    def values(done):
        arrays = {name: numpy.asarray(array) for name, array in done[0].items()}
        return workload.flat("policy", arrays) + workload.flat("value", arrays)

    return {
        "step": (run_step, lambda: values(step(fresh, rows[0]))),
        "update": (lambda: jax.block_until_ready(scan(fresh, order)), lambda: values(scan(fresh, order))),
    }
