import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Architecture, createPpoUpdate, createRng, type Engine } from '../../device/core/index.ts'
import { createSlicer } from '../../device/slicer.ts'
import { freshLearner } from './ours.ts'
import { minibatchSize, ppo, type Workload } from './workload.ts'

/** How late a control tick comes while the process learns, in ms. */
export interface LatenessRow {
  readonly periodMs: number
  /** `none`: nobody learns; `whole`: an update in one piece; else slices of so many ms with room for ticks between. */
  readonly learning: 'none' | 'whole' | number
  readonly ticks: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly maximum: number
  /** Whole updates done meanwhile. */
  readonly updates: number
}

/** Slices tried, ms; the last is the default of `learnSliceMs`. */
const slices = [1, 5] as const

/**
 * Ticks that are due every 10 and every 100 ms, each with one action of the policy, while full updates (2048 samples × 10
 * epochs) follow one another without a pause.
 */
export async function lateness(
  createEngine: (architecture: Architecture) => Engine,
  workload: Workload,
  quick: boolean,
): Promise<LatenessRow[]> {
  const rows: LatenessRow[] = []
  for (const periodMs of [10, 100])
    for (const learning of ['none', ...slices, 'whole'] as const)
      rows.push(
        await measured(createEngine(workload.architecture), workload, periodMs, learning, quick ? 1_000 : 10_000),
      )
  return rows
}

async function measured(
  engine: Engine,
  workload: Workload,
  periodMs: number,
  learning: LatenessRow['learning'],
  durationMs: number,
): Promise<LatenessRow> {
  const actor = engine.createActor()
  actor.load(workload.policy)
  const observation = workload.states.subarray(0, engine.architecture.observationSize)
  const action = new Float32Array(engine.architecture.actionSize)
  const late: number[] = []
  const begin = performance.now()
  let running = true
  let timer: NodeJS.Timeout | undefined
  const plan = (n: number): void => {
    timer = setTimeout(
      () => {
        // Ticks that passed while the process was busy are late, not skipped; one action serves them all.
        let next = n
        for (const now = performance.now(); next === n || begin + next * periodMs <= now; next++)
          late.push(now - begin - next * periodMs)
        actor.act(observation, action)
        if (running) plan(next)
      },
      Math.max(0, begin + n * periodMs - performance.now()),
    )
  }
  plan(1)
  let updates = 0
  while (performance.now() - begin < durationMs) {
    if (learning === 'none') {
      await new Promise((resolve) => setTimeout(resolve, periodMs))
      continue
    }
    const options = { ...ppo, epochs: 10, minibatchSize, targetKl: null }
    const update = createPpoUpdate(
      engine,
      freshLearner(workload),
      workload.batch,
      options,
      createRng(updates, 'bench', 'late'),
    )
    const pause = createSlicer({
      now: () => performance.now(),
      sliceMs: learning === 'whole' ? Number.POSITIVE_INFINITY : learning,
      turn: () => nextTurn(),
    })
    while (update.step()) await pause()
    await nextTurn()
    updates += 1
  }
  running = false
  clearTimeout(timer)
  late.sort((a, b) => a - b)
  const quantile = (p: number): number => late[Math.min(late.length - 1, Math.floor(p * late.length))] ?? Number.NaN
  return {
    ...{ periodMs, learning, ticks: late.length, updates },
    ...{ p50: quantile(0.5), p99: quantile(0.99), p999: quantile(0.999), maximum: quantile(1) },
  }
}
