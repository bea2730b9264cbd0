import t from 'tap'
import { createController } from '../sim-bridge/sim/controllers.ts'
import { FigureEight } from '../sim-bridge/sim/figure-eight.ts'
import { type ReferenceRun, referenceRuns, referenceVehicles } from './support/reference-runs.ts'

t.test('print', async (t) => {
  for (const run of referenceRuns()) {
    const r = drive(run)
    t.comment(
      run.preset,
      run.controller.padEnd(12),
      ((100 * (r.mean - run.meanSpeed)) / run.meanSpeed).toFixed(4),
      '%',
      Math.sqrt(r.means.reduce((s, m, k) => s + (m - run.meanSpeed10s[k]!) ** 2, 0) / 15).toFixed(5),
      (r.stopped - run.stoppedShare).toFixed(5),
      'maxdv',
      r.maxDv.toFixed(4),
      r.collisions,
    )
  }
})

function drive(run: ReferenceRun) {
  const sim = new FigureEight({ preset: run.preset, vehicles: referenceVehicles })
  const controller = createController(run.controller)
  const a = new Float64Array(14)
  const sums = new Array(15).fill(0)
  let stopped = 14,
    collisions = 0,
    maxDv = 0
  for (let k = 1; k < 1500; k++) {
    controller(sim, k, a)
    sim.step(a)
    for (const v of sim.speed) {
      sums[Math.floor(k / 100)] += v / 1400
      if (v < 0.1) stopped++
    }
    collisions += sim.collisions.length
    if (k % 10 === 9) {
      const row = run.seconds[(k - 9) / 10]!
      row.speed.forEach((v, i) => {
        maxDv = Math.max(maxDv, Math.abs(v - sim.speed[i]!))
      })
    }
  }
  return { mean: sums.reduce((s, m) => s + m, 0) / 15, means: sums, stopped: stopped / 21000, collisions, maxDv }
}
