import { createBatch } from '../sim-bridge/sim/batch.ts'
import { createController } from '../sim-bridge/sim/controllers.ts'
import { vehicleIds } from '../sim-bridge/sim/scenario.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'
import type { Absent } from './absent.ts'
import { type Figure, figureOf } from './measure.ts'
import { findSumoPeers } from './sumo-peers.ts'

/** Cost of one car-step by number of cars. */
export interface ScalingPoint {
  readonly cars: number
  readonly nanoseconds: number
}

export interface SimReport {
  readonly figures: readonly Figure[]
  readonly ratios: Readonly<Record<string, number>>
  readonly checks: Readonly<Record<string, number>>
  readonly absent: readonly Absent[]
  readonly scaling: readonly ScalingPoint[]
}

/** Car-steps a second that the embedded simulator must reach. */
const floor = 1_000_000

/** The embedded simulator beside SUMO, raw and over its clients, in turns, so that a change of the machine's speed hits all. */
export async function simGroup(quick: boolean): Promise<SimReport> {
  const steps = quick ? 300 : 1500
  const repetitions = quick ? 3 : 7
  const { peers, absent, close } = await findSumoPeers(steps)
  const embedded = drivers(14, 14 * steps * 10)
  const commanded = commandedDrive(steps)
  const batch = batchOf(64, steps / 10)
  const times: Record<string, number[]> = { sim: [], 'sim-commanded': [], 'sim-batch-64': [] }
  for (const { name } of peers) times[name] = []
  const meanSpeeds = new Map<string, number>()
  try {
    for (let r = -1; r < repetitions; r++) {
      const found: Record<string, number> = { sim: embedded(), 'sim-batch-64': batch() }
      const alike = commanded()
      found['sim-commanded'] = alike.microseconds
      meanSpeeds.set('sim-commanded', alike.meanSpeed)
      for (const peer of peers) {
        const { microseconds, meanSpeed } = await peer.run()
        found[peer.name] = microseconds
        meanSpeeds.set(peer.name, meanSpeed)
      }
      // The first round is before the code is compiled.
      if (r >= 0) for (const [name, value] of Object.entries(found)) times[name]?.push(value)
    }
  } finally {
    await close()
  }
  const { points, figures: sizes } = scaling(quick)
  const carStepsPerSecond = (nanoseconds: readonly number[]): number[] => nanoseconds.map((value) => 1e9 / value)
  const about = `embedded figure eight, 14 cars, ${10 * steps} steps`
  const figures = [
    figureOf('sim', 'car-steps/s', carStepsPerSecond(times.sim ?? []), about),
    figureOf(
      'sim-batch-64',
      'car-steps/s',
      carStepsPerSecond(times['sim-batch-64'] ?? []),
      `64 such worlds stepped together, ${steps / 10} steps`,
    ),
    ...sizes,
    figureOf(
      'sim-commanded',
      'µs/step',
      times['sim-commanded'] ?? [],
      `embedded, 14 cars, 7 commands a step, ${10 * steps} steps: the work of the next rows`,
    ),
    ...peers.map(({ name, about }) => figureOf(name, 'µs/step', times[name] ?? [], about)),
  ]
  const medians = new Map(figures.map((figure) => [figure.name, figure.median]))
  const ratio = (a: string, b: string): [string, number][] => {
    const [over, under] = [medians.get(a), medians.get(b)]
    return over === undefined || under === undefined ? [] : [[`${a} / ${b}`, over / under]]
  }
  const ours = meanSpeeds.get('sim-commanded') ?? Number.NaN
  const apart = [...meanSpeeds].filter(([name, v]) => name !== 'sim-commanded' && !Number.isNaN(v))
  return {
    figures,
    ratios: Object.fromEntries([
      [`sim / ${floor} car-steps/s`, (medians.get('sim') ?? Number.NaN) / floor],
      ...ratio('sim-batch-64', 'sim'),
      ...ratio('sumo-raw', 'sim-commanded'),
      ...ratio('sumo-libsumo', 'sim-commanded'),
      ...ratio('sumo-traci', 'sim-commanded'),
      ...ratio('sumo-traci-python', 'sim-commanded'),
      ...ratio('sumo-traci-python', 'sumo-traci'),
      ...ratio('sumo-libsumo', 'sumo-traci'),
      ...ratio('sumo-traci', 'sumo-raw'),
      ...ratio('sim-cars-10000', 'sim-cars-14'),
    ]),
    checks: Object.fromEntries(apart.map(([name, v]) => [`mean speed of ${name} beside ours`, Math.abs(v / ours - 1)])),
    absent,
    scaling: points,
  }
}

/** Times an embedded world that drives `carSteps` car-steps, all cars by its drivers; ns per car-step. */
function drivers(cars: number, carSteps: number): () => number {
  const scenario = { preset: 'flow', vehicles: vehicleIds(cars), learners: [], size: Math.max(1, cars / 14) } as const
  const simulator = new TrafficSimulator(scenario)
  const nobody = new Float64Array(cars).fill(Number.NaN)
  const steps = Math.max(1, Math.round(carSteps / cars))
  return () => {
    simulator.reset()
    const begin = performance.now()
    for (let k = 0; k < steps; k++) simulator.step(nobody)
    return (1e6 * (performance.now() - begin)) / (steps * cars)
  }
}

/** The work that the SUMO peers do, on the embedded simulator; µs per step and the mean speed of the first `steps`. */
function commandedDrive(steps: number): () => { readonly microseconds: number; readonly meanSpeed: number } {
  const simulator = new TrafficSimulator({ preset: 'flow' })
  const controller = createController('cap:6')
  const commands = new Float64Array(simulator.vehicles.length)
  return () => {
    simulator.reset()
    let sum = 0
    const begin = performance.now()
    for (let k = 0; k < 10 * steps; k++) {
      controller(simulator, k, commands)
      simulator.step(commands)
      if (k < steps) for (const v of simulator.speed) sum += v
    }
    const microseconds = (100 * (performance.now() - begin)) / steps
    return { microseconds, meanSpeed: sum / commands.length / steps }
  }
}

/** Times a batch of worlds; ns per car-step. */
function batchOf(worlds: number, steps: number): () => number {
  const batch = createBatch({ preset: 'flow', worlds })
  const nobody = new Float64Array(worlds * batch.cars).fill(Number.NaN)
  return () => {
    for (let w = 0; w < worlds; w++) batch.reset(w)
    const begin = performance.now()
    for (let k = 0; k < steps; k++) batch.step(nobody)
    return (1e6 * (performance.now() - begin)) / (steps * nobody.length)
  }
}

/** Cost per car-step on loops whose length grows with the number of cars: flat where a step costs as much per car. */
function scaling(quick: boolean): { readonly points: readonly ScalingPoint[]; readonly figures: readonly Figure[] } {
  const counts = [14, 100, 1000, 10_000]
  const work = counts.map((cars) => drivers(cars, quick ? 200_000 : 2_000_000))
  const times = counts.map((): number[] => [])
  for (let r = -1; r < (quick ? 3 : 5); r++) {
    for (const [index, run] of work.entries()) {
      const time = run()
      if (r >= 0) times[index]!.push(time)
    }
  }
  const figures = counts.map((cars, index) =>
    figureOf(
      `sim-cars-${cars}`,
      'ns/car-step',
      times[index]!,
      `${cars} cars on ${(cars / 14).toFixed(1)} times the loop`,
    ),
  )
  return { figures, points: counts.map((cars, index) => ({ cars, nanoseconds: figures[index]!.median })) }
}
