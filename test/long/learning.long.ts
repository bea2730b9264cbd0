import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { type Config, defaultConfig, type PartialConfig } from '../../schemas/config.ts'
import type { Summary } from '../../schemas/summary.ts'

/**
 * Learning is visible, in process, over the seeds below; every figure is printed. Settings were chosen on other seeds.
 * Command: npm run test:learning
 */
const seeds = [1, 2, 3, 4, 5]

t.test(
  'setting letter: every seed comes near the drivers within 40 epochs, from far below',
  { timeout: 1_800_000 },
  async (t) => {
    const runs = await runAll(seeds.map((seed) => ({ seed, setting: 'letter', epochs: 40 })))
    const first = runs.map((run) => mean(nas(run).slice(0, 5)))
    const last = runs.map((run) => mean(nas(run).slice(-5)))
    const spread = deviation(first)
    t.comment(`letter, gated, 40 epochs: NAS of the first five ± sd ${show(first)}; of the last five ${show(last)}`)
    for (const [i, run] of runs.entries()) {
      const drivers = run.baseline.nas
      t.comment(
        `seed ${run.seed}: first five ${first[i]?.toFixed(4)}, last five ${last[i]?.toFixed(4)}, drivers ${drivers.toFixed(4)}`,
      )
      t.ok((last[i] ?? 0) >= 0.8 * drivers, `seed ${run.seed}: the last five reach 0.8 of the drivers`)
      t.ok(
        (last[i] ?? 0) - (first[i] ?? 0) > 3 * spread,
        `seed ${run.seed}: the rise exceeds three standard deviations (${(3 * spread).toFixed(4)})`,
      )
      acceptsAndRejects(t, run)
    }
  },
)

t.test('without a learning rate nothing rises', { timeout: 1_800_000 }, async (t) => {
  const runs = await runAll(seeds.map((seed) => ({ seed, setting: 'letter', epochs: 40, learningRate: 0 })))
  const rises = runs.map((run) => mean(nas(run).slice(-5)) - mean(nas(run).slice(0, 5)))
  t.comment(`learning rate 0: rise of NAS ${show(rises)}`)
  const halfWidth = (tQuantile * deviation(rises)) / Math.sqrt(rises.length)
  t.ok(mean(rises) - halfWidth <= 0, 'the 95 % interval of the rise does not lie above 0')
  t.ok(
    rises.every((rise) => rise < 0.02),
    'no seed rises by 0.02',
  )
})

t.test(
  'setting headway: gated learns to beat the drivers by 15 % within 300 epochs',
  { timeout: 3_000_000 },
  async (t) => {
    const untrained = await runAll(seeds.map((seed) => ({ seed, epochs: 3, learningRate: 0, initialLogStd: -5 })))
    const runs = await runAll(seeds.map((seed) => ({ seed, epochs: 300 })))
    const law = mean(untrained.map((run) => mean(speeds(run))))
    const last = runs.map((run) => mean(speeds(run).slice(-30)))
    const drivers = runs[0]?.baseline.meanSpeed ?? Number.NaN
    t.comment(`drivers ${drivers.toFixed(3)} m/s, untrained law without noise ${law.toFixed(3)} m/s`)
    for (const [i, run] of runs.entries()) {
      t.comment(
        `seed ${run.seed}: first 10 % ${mean(speeds(run).slice(0, 30)).toFixed(3)}, last 10 % ${last[i]?.toFixed(3)} m/s ` +
          `(× ${((last[i] ?? 0) / drivers).toFixed(3)}), collisions ${run.collisions}, ${JSON.stringify(run.verdicts)}`,
      )
      acceptsAndRejects(t, run)
    }
    const halfWidth = (tQuantile * deviation(last)) / Math.sqrt(last.length)
    t.comment(
      `headway, flow, gated, 300 epochs: last 10 % ${mean(last).toFixed(3)} ± ${halfWidth.toFixed(3)} m/s, × ${(mean(last) / drivers).toFixed(3)}`,
    )
    t.ok(mean(last) >= 1.15 * drivers, 'mean over seeds of the last 10 % is at least 1.15 × the drivers')
    t.ok(mean(last) > law, 'and above the untrained law')
  },
)

/** 97.5 % quantile of Student's t with 4 degrees of freedom. */
const tQuantile = 2.776

function acceptsAndRejects(t: Test, run: Summary): void {
  const rounds = run.epochs.length * 6 * (run.vehicles.length - 1)
  for (const [i, vehicle] of run.vehicles.entries()) {
    const accepted = (run.matrix[i] ?? []).reduce((sum, n) => sum + n, 0)
    t.ok(
      accepted >= 1 && accepted < rounds,
      `seed ${run.seed}: ${vehicle} accepted ${accepted} of ${rounds} mixes and rejected the rest`,
    )
  }
}

/** Runs the configurations on all cores, in order of the list. */
async function runAll(parts: readonly PartialConfig[]): Promise<Summary[]> {
  const results: Summary[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let i = next++; i < parts.length; i = next++)
      results[i] = await runOne({ ...defaultConfig, ...parts[i] } as Config)
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), parts.length) }, work))
  return results
}

function runOne(config: Config): Promise<Summary> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./experiment-worker.js', import.meta.url), { workerData: config })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function nas(run: Summary): number[] {
  return run.epochs.map((epoch) => epoch.nas)
}

function speeds(run: Summary): number[] {
  return run.epochs.map((epoch) => epoch.meanSpeed)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length
}

/** Standard deviation with n − 1. */
function deviation(values: readonly number[]): number {
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (values.length - 1))
}

function show(values: readonly number[]): string {
  return `${mean(values).toFixed(4)} ± ${deviation(values).toFixed(4)} (${values.map((x) => x.toFixed(4)).join(', ')})`
}
