import t from 'tap'
import { observe } from '../sim-bridge/sim/neighbours.ts'
import { createNetwork } from '../sim-bridge/sim/network.ts'
import { mergePlan } from '../sim-bridge/sim/networks/merge.ts'
import { Occupancy } from '../sim-bridge/sim/occupancy.ts'
import { createScenario, spreadLearners, vehicleIds } from '../sim-bridge/sim/scenario.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'
import { run } from './support/driving.ts'

t.test('roads have their lengths at every size', async (t) => {
  const length = (network: 'figure-eight' | 'ring' | 'merge', size: number): number =>
    new TrafficSimulator({ preset: 'flow', network, size, vehicles: ['a', 'b'] }).loopLength
  t.equal(length('figure-eight', 1), 421.94)
  // 4 · 60 + 2 · 282.74 + 2 · 9.4 + 4 · 0.1
  t.equal(length('figure-eight', 2), 824.68)
  t.equal(length('ring', 1), 230.4)
  t.equal(length('ring', 10), 2300.4)
  t.equal(length('merge', 1), 324.72)
  const merge = new TrafficSimulator({ preset: 'flow', network: 'merge', vehicles: ['a', 'b', 'c'] })
  t.same([...merge.routeLength], [324.72, 324.72, 474.72], 'the first half, rounded up, is on the main loop')
})

t.test('every number of cars from 2 to 40 starts apart on every network', async (t) => {
  for (const network of ['figure-eight', 'ring', 'merge'] as const) {
    for (let count = 2; count <= (network === 'ring' ? 30 : 40); count++) {
      const simulator = new TrafficSimulator({ preset: 'flow', network, vehicles: vehicleIds(count) })
      if (Math.min(...simulator.gap) < 2.5) t.fail(`${network} with ${count} cars`)
      if (simulator.collisions.length > 0) t.fail(`${network} with ${count} cars`)
    }
  }
  t.throws(
    () => createScenario({ preset: 'flow', network: 'ring', vehicles: vehicleIds(31) }),
    /cars must start at least 2.5 m apart, got 2.4\d m from/,
  )
  const merge = new TrafficSimulator({ preset: 'flow', network: 'merge', vehicles: ['a', 'b'] })
  t.throws(
    () => merge.reset([-75, 145]),
    /at least 2.5 m apart, got 0.00 m from b to a/,
    'both on the common stretch, 75 m and 70 m after its start',
  )
})

t.test('ids and learners are spread as asked', async (t) => {
  t.same(vehicleIds(3), ['car00', 'car01', 'car02'])
  t.equal(vehicleIds(101)[7], 'car007')
  t.same(spreadLearners(14, 7), [1, 3, 5, 7, 9, 11, 13])
  t.same(spreadLearners(14, 1), [13])
  t.same(spreadLearners(4, 4), [0, 1, 2, 3])
  t.same(spreadLearners(4, 0), [])
  t.throws(() => spreadLearners(4, 5), /learners must be 0 to 4, got 5/)
})

t.test('a car of the other loop is a neighbour where its body is on the own lanes', async (t) => {
  const network = createNetwork(mergePlan(1))
  const [common, , main, , splitRamp, ramp] = network.plan.lanes.keys()
  const cars = [
    { route: 0, lane: main!, lanePosition: 140 },
    { route: 1, lane: ramp!, lanePosition: 299 },
    { route: 1, lane: common!, lanePosition: 3 },
    { route: 1, lane: splitRamp!, lanePosition: 2 },
    { route: 0, lane: common!, lanePosition: 140 },
  ]
  const places = {
    route: Int32Array.from(cars, (car) => car.route),
    lane: Int32Array.from(cars, (car) => car.lane),
    lanePosition: Float64Array.from(cars, (car) => car.lanePosition),
  }
  const seen = {
    position: new Float64Array(5),
    gap: new Float64Array(5),
    leader: new Int32Array(5),
    follower: new Int32Array(5),
  }
  const occupancy = new Occupancy(network, 5)
  occupancy.update(places, new Float64Array(5))
  observe(network, places, occupancy, seen)
  t.same([...seen.leader], [2, 2, 4, 1, 3])
  // 10 + 12.36 + 3 − 5; 1 + 12.36 + 3 − 5; 140 − 3 − 5; 10.36 + 299 − 5; 150 + 2 − 140 − 5, where the rear still is on `common`
  t.same(
    [...seen.gap].map((gap) => Math.round(100 * gap) / 100),
    [20.36, 11.36, 132, 304.36, 7],
  )
  t.same([...seen.follower], [4, 3, 1, 4, 2], 'behind a car on `common` the nearest on its own route')
  t.same(
    [...seen.position].map((x) => Math.round(100 * x) / 100),
    [302.36, 461.36, 3, 152, 140],
  )
})

t.test('a reset starts where it is told, and without an argument where the scenario does', async (t) => {
  const simulator = new TrafficSimulator({ preset: 'flow', network: 'merge' })
  const start = [...simulator.position]
  run(simulator, 'none', 100)
  simulator.reset(start.map(() => 1))
  t.same(
    [...simulator.position].map((x) => Math.round(100 * x)),
    start.map((x) => Math.round(100 * (x + 1))),
  )
  simulator.reset()
  t.same([...simulator.position], start)
  t.equal(Math.max(...simulator.speed), 0)
  const eight = new TrafficSimulator({ preset: 'flow' })
  t.throws(() => eight.reset([1]), /one value per car \(14\), got 1/)
})
