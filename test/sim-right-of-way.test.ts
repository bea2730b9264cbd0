import t from 'tap'
import { createDriver } from '../sim-bridge/sim/idm.ts'
import { LinkPlans } from '../sim-bridge/sim/link-plans.ts'
import { createNetwork } from '../sim-bridge/sim/network.ts'
import { figureEightPlan } from '../sim-bridge/sim/networks/figure-eight.ts'
import { mergePlan } from '../sim-bridge/sim/networks/merge.ts'
import { RightOfWay } from '../sim-bridge/sim/right-of-way.ts'
import type { ScenarioOptions } from '../sim-bridge/sim/scenario.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'
import { createSumoSimulator } from '../sim-bridge/sumo/sumo-simulator.ts'
import { minimalStandard, run } from './support/driving.ts'
import { referenceVehicles } from './support/reference-runs.ts'
import { requireTool } from './support/require.ts'
import { isHeldOut, measureRun, optionsOf, type RightOfWayRun, rightOfWayRuns } from './support/right-of-way-runs.ts'

/** Errors of one set of runs: mean speed in %, 10-s means in m/s, share of stopped cars. */
interface Errors {
  runs: number
  sum: number
  speed: number
  rms: number
  stopped: number
}

t.test('every run of SUMO with right of way is reproduced, collisions too', async (t) => {
  const sets = new Map<string, Errors>()
  for (const recorded of rightOfWayRuns()) {
    const { figures } = recorded
    const ours = await measureRun(new TrafficSimulator(optionsOf(recorded)), recorded.controller)
    const name = `${recorded.speedMode} ${recorded.network} ${recorded.preset} ${recorded.controller}`
    t.equal(ours.firstCollision >= 0, figures.firstCollision >= 0, `${name}: whether cars collide`)
    if (figures.firstCollision >= 0) {
      t.comment(`${name}: first collision in row ${ours.firstCollision}, in SUMO ${figures.firstCollision}`)
      continue
    }
    const error = 100 * Math.abs(ours.meanSpeed / figures.meanSpeed - 1)
    const rms = Math.sqrt(
      ours.meanSpeed10s.reduce((sum, mean, k) => sum + (mean - figures.meanSpeed10s[k]!) ** 2, 0) / 15,
    )
    const stopped = Math.abs(ours.stoppedShare - figures.stoppedShare)
    t.ok(error < 0.01, `${name}: mean speed within 0.01 %, is ${error.toFixed(4)} % off`)
    t.ok(rms < 0.01, `${name}: 10-s means within 0.01 m/s, are ${rms.toFixed(4)} off`)
    t.ok(stopped < 0.0005, `${name}: stopped share within 0.05 points`)
    collect(sets, setOf(recorded), error, rms, stopped)
  }
  for (const [set, { runs, sum, speed, rms, stopped }] of sets) {
    t.comment(
      `${set.padEnd(34)} ${String(runs).padStart(3)} runs  mean ${(sum / runs).toFixed(5)} %, largest ${speed.toFixed(4)} %  RMS-10 ${rms.toFixed(4)}  stopped ${stopped.toFixed(5)}`,
    )
  }
})

function setOf(recorded: RightOfWayRun): string {
  return `${recorded.speedMode} ${recorded.network} ${isHeldOut(recorded) ? 'held out' : 'reference'}`
}

function collect(sets: Map<string, Errors>, set: string, error: number, rms: number, stopped: number): void {
  const one = sets.get(set) ?? { runs: 0, sum: 0, speed: 0, rms: 0, stopped: 0 }
  sets.set(set, {
    runs: one.runs + 1,
    sum: one.sum + error,
    speed: Math.max(one.speed, error),
    rms: Math.max(one.rms, rms),
    stopped: Math.max(one.stopped, stopped),
  })
}

for (const network of ['figure-eight', 'merge'] as const) {
  t.test(`real SUMO and the embedded world agree step by step under random commands: ${network}`, async (t) => {
    if (!requireTool(t, 'sumo')) return
    for (const speedMode of [25, 31] as const) {
      const options = { preset: 'flow', network, speedMode, vehicles: referenceVehicles } as const
      const sumo = await createSumoSimulator(options)
      const embedded = new TrafficSimulator(options)
      const random = minimalStandard(7919 + speedMode)
      const accelerations = new Float64Array(14).fill(Number.NaN)
      let worst = 0
      for (let k = 0; k < 600; k++) {
        for (let i = 1; i < 14; i += 2) if (k === 0 || random() < 0.02) accelerations[i] = 6 * random() - 3
        await sumo.step(accelerations)
        embedded.step(accelerations)
        for (let i = 0; i < 14; i++) worst = Math.max(worst, Math.abs(sumo.speed[i]! - embedded.speed[i]!))
      }
      await sumo.close()
      t.comment(`${network}, speed mode ${speedMode}: largest difference of a speed ${worst.toExponential(1)} m/s`)
      t.ok(worst < 1e-3, `speed mode ${speedMode}: ${worst} m/s`)
    }
  })
}

t.test(
  'the minor road goes if it leaves the crossing 1 s before the foe comes, or comes after it has left',
  async (t) => {
    const { opened } = rightOfWayAt(createNetwork(figureEightPlan(1)))
    // At 10 m/s a car of 5 m needs 1440 ms to leave a crossing lane of 9.4 m.
    t.equal(opened({ foeArrival: 10_000 + 1440 + 1000 }), false, 'exactly 1 s is not enough')
    t.equal(opened({ foeArrival: 10_000 + 1440 + 1001 }), true)
    t.equal(opened({ foeArrival: 10_000 - 1440 }), false, 'a foe that leaves as the car comes is in the way')
    t.equal(opened({ foeArrival: 10_000 - 1441 }), true)
    t.equal(opened({ foeArrival: 10_000, foeRequest: 0 }), true, 'who does not ask to pass is no foe')
    t.equal(
      opened({ foeArrival: 11_000, canBrake: false, foeDistance: 5 }),
      true,
      'who cannot brake expects foes to stop',
    )
    t.equal(opened({ foeArrival: 11_000, canBrake: false, foeDistance: 200 }), false, 'not those too fast to')
  },
)

t.test('where roads merge the one behind must also be able to keep its distance', async (t) => {
  const { opened } = rightOfWayAt(createNetwork(mergePlan(1)))
  // 12.36 m and 5 m at 10 m/s: 1736 ms.
  t.equal(opened({ foeArrival: 10_000 + 1736 + 1001 }), true)
  t.equal(opened({ foeArrival: 10_000 + 1736 + 1001, foeBrakingSpeed: 10 }), false, 'a foe that arrives as fast')
  // A foe that goes from 10 to 20 m/s needs 1157 ms.
  t.equal(opened({ foeArrival: 10_000 - 1157 - 999, foeLeaveSpeed: 20 }), false, 'less than 1 s behind the foe')
  t.equal(opened({ foeArrival: 10_000 - 1157 - 1000, foeLeaveSpeed: 20 }), true)
  t.equal(opened({ foeArrival: 8_000 - 1736, foeLeaveSpeed: 10.1 }), true)
  t.equal(opened({ foeArrival: 8_000 - 1736, foeLeaveSpeed: 9.9 }), false, 'a foe slower than oneself')
})

/** Car 1 plans to enter the minor lane at 10 s with 10 m/s, car 0 the major lane; both have the same brakes. */
function rightOfWayAt(network: ReturnType<typeof createNetwork>) {
  const driver = createDriver(1.5, 1.5, 20)
  const minor = network.minor.indexOf(1)
  const plans = new LinkPlans(2, network.maxLinks)
  const cars = {
    drivers: [driver, driver],
    rank: new Int32Array(2),
    route: new Int32Array(2),
    lane: new Int32Array(2),
    lanePosition: new Float64Array(2),
    speed: new Float64Array(2),
    entryStep: new Int32Array(2),
    standingSteps: new Int32Array(2),
    waiting: new Uint8Array(2),
    blocked: new Uint8Array(2),
  }
  const rightOfWay = new RightOfWay(network, cars, plans)
  plans.count.fill(1)
  const own = plans.size
  plans.lane[0] = network.foeLane[minor]!
  plans.lane[own] = minor
  plans.request[own] = 1
  plans.arrivalTime[own] = 10_000
  plans.arrivalSpeed.fill(10)
  plans.leaveSpeed.fill(10)
  const opened = (foe: Foe): boolean => {
    plans.arrivalTime[0] = foe.foeArrival
    plans.request[0] = foe.foeRequest ?? 1
    plans.brakingSpeed[0] = foe.foeBrakingSpeed ?? 0
    plans.leaveSpeed[0] = foe.foeLeaveSpeed ?? 10
    plans.seen[0] = foe.foeDistance ?? 0
    rightOfWay.register()
    return rightOfWay.opened(1, own, foe.canBrake ?? true, 5000)
  }
  return { opened }
}

interface Foe {
  readonly foeArrival: number
  readonly foeRequest?: number
  readonly foeBrakingSpeed?: number
  readonly foeLeaveSpeed?: number
  readonly foeDistance?: number
  readonly canBrake?: boolean
}

t.test('in mode 31 a command stays within the car’s own acceleration and deceleration, in mode 25 not', async (t) => {
  for (const [speedMode, slower] of [
    [25, -10 / 1.01],
    [31, -0.45],
  ] as const) {
    const simulator = new TrafficSimulator({ preset: 'flow', speedMode })
    const accelerations = new Float64Array(14).fill(Number.NaN)
    for (let k = 0; k < 50; k++) simulator.step(accelerations)
    // Car 5 drives on the ring with nobody near; it learns, so that it brakes at 4.5 m/s² at most.
    const before = simulator.speed[5]!
    accelerations[5] = -100
    simulator.step(accelerations)
    const braked = simulator.speed[5]! - before
    t.ok(Math.abs(braked - Math.max(slower, -before / 1.01)) < 1e-9, `mode ${speedMode}: braked by ${braked} m/s`)
    accelerations[5] = 7
    const slow = simulator.speed[5]!
    simulator.step(accelerations)
    t.ok(simulator.speed[5]! > slow && simulator.speed[5]! - slow < 0.26 + 1e-9, 'at most 2.6 m/s² more in any mode')
  }
})

t.test('right of way and nearest first: same bits again, also after a reset', async (t) => {
  for (const options of [{ speedMode: 25 }, { speedMode: 31 }, { crossing: 'nearest-first' }] as const) {
    const a = new TrafficSimulator({ preset: 'flow', ...options })
    const b = new TrafficSimulator({ preset: 'flow', ...options })
    run(b, 'cap:6', 700)
    b.reset()
    run(a, 'headway:5', 1500)
    run(b, 'headway:5', 1500)
    t.same(a.position, b.position)
    t.same(a.speed, b.speed)
  }
})

t.test('unknown modes and rules are refused, nearest first on SUMO too', async (t) => {
  const refused: [Partial<Record<keyof ScenarioOptions, unknown>>, RegExp][] = [
    [{ speedMode: 7 }, /speedMode must be one of 1,25,31, got 7/],
    [{ crossing: 'lights' }, /crossing must be one of priority,nearest-first, got lights/],
  ]
  for (const [options, message] of refused) {
    t.throws(() => new TrafficSimulator({ preset: 'flow', ...options } as ScenarioOptions), message)
  }
  await t.rejects(
    createSumoSimulator({ preset: 'flow', crossing: 'nearest-first' }),
    /crossing must be priority, the only rule that SUMO knows, got nearest-first/,
  )
})
