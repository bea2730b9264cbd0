"""One peer of the core table: python core_peer.py KIND FOLDER [PATH]; KIND is torch, torch-compile, jax, onnxruntime or
cleanrl (PATH: its ppo_continuous_action.py). Acts once, says what it is, then answers requests line by line on stdout
(bench/core/protocol.ts). Every task is a pair of functions: run once, and the numbers of the defined instance.
"""
import json
import os
import sys
import time

# One thread each, before any library reads it.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from core_workload import Workload  # noqa: E402


def resident_bytes():
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def say(message):
    print(json.dumps(message), flush=True)


def load(kind, workload, rest):
    if kind in ("torch", "torch-compile"):
        import core_torch

        return core_torch.tasks(workload, compiled=kind == "torch-compile")
    if kind == "jax":
        import core_jax

        return core_jax.tasks(workload)
    if kind == "onnxruntime":
        import core_onnx

        return core_onnx.tasks(workload)
    if kind == "cleanrl":
        import core_cleanrl

        return core_cleanrl.tasks(workload, rest[0])
    raise SystemExit(f"kind must be torch, torch-compile, jax, onnxruntime or cleanrl, got {kind}")


kind, folder, *rest = sys.argv[1:]
about, tasks = load(kind, Workload(folder), rest)
if "inference" in tasks:
    tasks["inference"][0]()
say({"ready": True, "about": about, "tasks": list(tasks), "residentBytes": resident_bytes(), "cpuMs": 1000 * time.process_time()})
for line in sys.stdin:
    request = json.loads(line)
    run, result = tasks[request["task"]]
    calls = request.get("calls", 1)
    values = []
    wall, cpu = time.perf_counter(), time.process_time()
    if "calls" in request:
        for _ in range(calls):
            run()
    else:
        values = result()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    answer = {"wallUs": 1e6 * wall / calls, "cpuUs": 1e6 * cpu / calls}
    say(answer if "calls" in request else {**answer, "values": [float(value) for value in values]})
