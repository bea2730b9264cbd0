import { createRng } from '../device/core/rng.ts'
import { timeGapRange } from '../schemas/setting.ts'
import { drawSchedules, scheduleOf } from '../sim-bridge/schedule.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'

/**
 * How long rewards must be collected for the gradient of the mean speed with respect to the time gap to have the right
 * sign: score-function estimates over epochs that are driven with a fixed noisy action, nothing is learned.
 * Command: npm run bench:credit-window
 */
const seeds = [101, 102, 103]
const epochs = 300
const steps = 1500
const windowsS = [12.5, 25, 50, 75, 100, 150]
const [shortest, longest] = timeGapRange.flow

for (const [mean, deviation] of [
  [0, 0.607],
  [0.2, 0.607],
  [0, 0.368],
  [0.2, 0.368],
] as const) {
  const estimates = windowsS.map((): number[] => [])
  for (const seed of seeds)
    for (const [w, values] of driveSeed(seed, mean, deviation).entries()) estimates[w]?.push(...values)
  const cells = estimates.map((values, w) => `${windowsS[w]} s: ${interval(values)}`)
  console.log(`action ${mean} ± ${deviation}  d(mean speed)/d(action), m/s per unit, within ${cells.join('  ')}`)
}

interface Epoch {
  /** Σ of the mean speed up to each step. */
  readonly speedSum: Float64Array
  readonly decisions: readonly { readonly step: number; readonly score: number }[]
}

/** One estimate per window and epoch. */
function driveSeed(seed: number, mean: number, deviation: number): number[][] {
  const simulator = new TrafficSimulator({ preset: 'flow' })
  const { vehicles, learner, gap, speed, accelerationLimit: limit } = simulator
  const schedules = drawSchedules(
    seed,
    vehicles.filter((_, i) => learner[i]),
  )
  const rng = createRng(seed, 'credit-window')
  const driven: Epoch[] = []
  for (let e = 0; e < epochs; e++) {
    simulator.reset()
    const timeGaps = new Map<number, number>()
    const speedSum = new Float64Array(steps + 1)
    const decisions: { step: number; score: number }[] = []
    const accelerations = new Float64Array(vehicles.length)
    for (let k = 0; k < steps; k++) {
      for (const [i, id] of vehicles.entries()) {
        if (learner[i]) {
          const { intervalSteps, phaseSteps } = scheduleOf(schedules, id)
          if (k >= phaseSteps && (k - phaseSteps) % intervalSteps === 0) {
            const noise = rng.normal()
            const action = Math.max(-1, Math.min(1, mean + deviation * noise))
            timeGaps.set(i, shortest * (longest / shortest) ** ((1 + action) / 2))
            decisions.push({ step: k, score: noise / deviation })
          }
        }
        const timeGap = timeGaps.get(i)
        accelerations[i] =
          timeGap === undefined
            ? Number.NaN
            : Math.max(-limit, Math.min(limit, 0.5 * ((gap[i] ?? 0) / timeGap - (speed[i] ?? 0))))
      }
      simulator.step(accelerations)
      const meanSpeed = speed.reduce((sum, v) => sum + v, 0) / vehicles.length
      speedSum[k + 1] = (speedSum[k] ?? 0) + meanSpeed
    }
    driven.push({ speedSum, decisions })
  }
  const usual = Float64Array.from({ length: steps + 1 }, (_, k) =>
    average(driven.map(({ speedSum }) => speedSum[k] ?? 0)),
  )
  return windowsS.map((windowS) =>
    driven.map(({ speedSum, decisions }) =>
      decisions.reduce((sum, { step, score }) => {
        const end = Math.min(steps, step + Math.round(10 * windowS))
        const gained = (speedSum[end] ?? 0) - (speedSum[step] ?? 0) - ((usual[end] ?? 0) - (usual[step] ?? 0))
        return sum + (score * gained) / steps
      }, 0),
    ),
  )
}

function average(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length
}

/** Mean and half width of its 95 % interval. */
function interval(values: readonly number[]): string {
  const mean = average(values)
  const variance = average(values.map((x) => (x - mean) ** 2))
  return `${mean.toFixed(2)} ± ${(1.96 * Math.sqrt(variance / values.length)).toFixed(2)}`
}
