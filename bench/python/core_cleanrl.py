"""CleanRL's own update: the class Agent and the loop over epochs are taken, unchanged, out of its
ppo_continuous_action.py and run on our batch, weights and order of rows. Of its options only those that the workload
differs in are set: entropy coefficient, no clipping of the value loss.
"""
import ast
import types

import numpy as np
import torch

NAMES = {"actor_mean": "policy", "critic": "value"}


def tasks(workload, path):
    torch.set_num_threads(1)
    with open(path) as file:
        tree = ast.parse(file.read(), path)
    agent_class = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Agent")
    layer_init = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "layer_init")
    loop = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and node.target.id == "epoch"
    )
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)) and "torch" in ast.unparse(node)]
    imports = [node for node in imports if "tensorboard" not in ast.unparse(node)]
    scope = {"np": np}
    exec(compile(ast.Module([*imports, layer_init, agent_class], []), path, "exec"), scope)
    code = compile(ast.Module([loop], []), path, "exec")
    space = types.SimpleNamespace
    envs = space(single_observation_space=space(shape=(6,)), single_action_space=space(shape=(1,)))
    ppo, batch = workload.ppo, workload.order.shape
    args = space(
        update_epochs=10,
        batch_size=batch[0] * batch[1] // 10,
        minibatch_size=batch[1],
        clip_coef=ppo["clipRange"],
        norm_adv=ppo["normalizeAdvantage"],
        clip_vloss=False,
        ent_coef=ppo["entropyCoef"],
        vf_coef=ppo["valueCoef"],
        max_grad_norm=ppo["maxGradNorm"],
        target_kl=None,
    )
    tensor = torch.from_numpy
    columns = {
        "b_obs": tensor(workload["batch.observations"]),
        "b_actions": tensor(workload["batch.actions"]),
        "b_logprobs": tensor(workload["batch.logProb"]),
        "b_advantages": tensor(workload["batch.advantage"]),
        "b_returns": tensor(workload["batch.returns"]),
        "b_values": torch.zeros(args.batch_size),
    }
    start = {**workload.tensors("policy", workload["policy"]), **workload.tensors("value", workload["value"])}

    def update():
        agent = scope["Agent"](envs)
        with torch.no_grad():
            agent.actor_logstd.copy_(tensor(start["log_std"]).reshape(1, 1))
            for inner, outer in NAMES.items():
                for name, parameter in getattr(agent, inner).named_parameters():
                    parameter.copy_(tensor(start[f"{outer}.{name}"]))
        optimizer = torch.optim.Adam(agent.parameters(), lr=ppo["learningRate"], eps=ppo["adamEpsilon"])
        orders = iter(workload.order.reshape(args.update_epochs, -1))

        class Order:
            """numpy, but its shuffle gives the rows of the workload."""

            random = space(shuffle=lambda rows: np.copyto(rows, next(orders)))

            def __getattr__(self, name):
                return getattr(np, name)

        here = {**scope, **columns, "np": Order(), "args": args, "agent": agent, "optimizer": optimizer}
        here.update(b_inds=np.arange(args.batch_size), clipfracs=[])
        exec(code, here)
        return agent

    def result():
        agent = update()
        named = {"log_std": agent.actor_logstd}
        for inner, outer in NAMES.items():
            named.update({f"{outer}.{name}": p for name, p in getattr(agent, inner).named_parameters()})
        arrays = {name: p.detach().numpy() for name, p in named.items()}
        return workload.flat("policy", arrays) + workload.flat("value", arrays)

    return f"CleanRL's update loop on PyTorch {torch.__version__} eager, 1 thread", {"update": (update, result)}
