"""Drives the figure eight on SUMO as the bridge does, over SUMO's own Python client or inside the process.

Usage: python3 sumo_peer.py traci|libsumo STEPS LEARNERS(comma) SPEED LIMIT -- SUMO-PROGRAM SUMO-ARGUMENTS
Every step reads speed, road and place of every car and the collisions, and commands each learner towards SPEED (m/s) with
at most LIMIT (m/s²). Prints one JSON object: microseconds a step and the mean speed, which shows that the work is the same.
"""

import json
import os
import sys
import time


def load(name):
    """The client; SUMO_HOME/tools is searched first, then Debian's folder, as SUMO's documentation tells."""
    for folder in (os.path.join(os.environ.get("SUMO_HOME", ""), "tools"), "/usr/share/sumo/tools"):
        if os.path.isdir(folder):
            sys.path.append(folder)
    if name == "libsumo":
        import libsumo

        return libsumo
    import traci

    return traci


def main():
    name, steps, learners, wanted, limit = sys.argv[1:6]
    command = sys.argv[sys.argv.index("--") + 1 :]
    steps, wanted, limit = int(steps), float(wanted), float(limit)
    learners = learners.split(",")
    client = load(name)
    if name == "traci":
        # The client's own retry waits a whole second.
        client.start(command, stdout=open(os.devnull, "w"))
    else:
        client.start(command)
    constants = client.constants
    client.simulationStep()
    vehicles = client.vehicle.getIDList()
    for vehicle in vehicles:
        client.vehicle.setSpeedMode(vehicle, 1)
        client.vehicle.subscribe(vehicle, [constants.VAR_SPEED, constants.VAR_ROAD_ID, constants.VAR_LANEPOSITION])
    client.simulation.subscribe([constants.VAR_COLLISIONS])
    total = 0.0
    state = client.vehicle.getAllSubscriptionResults()
    begin = time.perf_counter()
    for _ in range(steps):
        for vehicle in learners:
            speed = state[vehicle][constants.VAR_SPEED]
            acceleration = max(-limit, min(limit, wanted - speed))
            client.vehicle.slowDown(vehicle, max(0.0, speed + 0.1 * acceleration), 1e-3)
        client.simulationStep()
        state = client.vehicle.getAllSubscriptionResults()
        client.simulation.getSubscriptionResults()
        for vehicle in vehicles:
            total += state[vehicle][constants.VAR_SPEED]
    seconds = time.perf_counter() - begin
    client.close()
    print(json.dumps({"microseconds": 1e6 * seconds / steps, "meanSpeed": total / len(vehicles) / steps}))


main()
