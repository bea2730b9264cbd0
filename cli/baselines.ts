import { timeGapRange } from '../schemas/setting.ts'
import type { ScenarioOptions } from '../sim-bridge/sim/scenario.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'

/** A horizontal line of a learning curve. */
export interface BaselineLine {
  readonly label: string
  /** m/s */
  readonly meanSpeed: number
}

type Law = (gap: number, speed: number, leaderSpeed: number) => number

/** Hand policy a = k·(min(c, (gap − g0)/T) − v) + p·(v of the car ahead − v), found by search on the same scenario. */
const handPolicy = {
  flow: { T: 1.21, g0: 26.9, k: 0.49, c: 20.2, p: 0 },
  lab: { T: 0.57, g0: 32.8, k: 0.35, c: 19.7, p: 0.13 },
} as const

const bestTimeGap = { flow: 5, lab: 7 } as const

/**
 * What learning is measured against, driven on the embedded simulator for one epoch each (a few milliseconds): full
 * throttle, the untrained law, the best constant time gap and a hand policy.
 */
export function measureBaselines(scenario: ScenarioOptions, steps: number): BaselineLine[] {
  const { preset } = scenario
  const simulator = new TrafficSimulator(scenario)
  const [shortest, longest] = timeGapRange[preset]
  const { T, g0, k, c, p } = handPolicy[preset]
  const headway =
    (timeGap: number): Law =>
    (gap, speed) =>
      0.5 * (gap / timeGap - speed)
  const laws: readonly (readonly [string, Law])[] = [
    ['full throttle', () => Number.POSITIVE_INFINITY],
    ['untrained law', headway(Math.sqrt(shortest * longest))],
    [`time gap ${bestTimeGap[preset]} s`, headway(bestTimeGap[preset])],
    ['hand policy', (gap, speed, ahead) => k * (Math.min(c, (gap - g0) / T) - speed) + p * (ahead - speed)],
  ]
  return laws.map(([label, law]) => ({ label, meanSpeed: drive(simulator, law, steps) }))
}

function drive(simulator: TrafficSimulator, law: Law, steps: number): number {
  const { accelerationLimit: limit, learner, gap, speed, leader } = simulator
  const accelerations = new Float64Array(learner.length).fill(Number.NaN)
  let sum = 0
  simulator.reset()
  for (let k = 0; k < steps; k++) {
    for (const [i, learns] of learner.entries())
      if (learns)
        accelerations[i] = Math.min(
          limit,
          Math.max(-limit, law(gap[i] ?? 0, speed[i] ?? 0, speed[leader[i] ?? i] ?? 0)),
        )
    simulator.step(accelerations)
    for (let i = 0; i < speed.length; i++) sum += speed[i]!
  }
  return sum / (steps * speed.length)
}
