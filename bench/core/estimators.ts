import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Architecture,
  createRng,
  decodeSafetensors,
  type Engine,
  gaussianSample,
  inferArchitecture,
  initialPolicy,
  kroneckerFisher,
  kroneckerForm,
  policyLayout,
  slotOf,
  vectorFromTensors,
} from '../../device/core/index.ts'
import { createReferenceEngine } from '../../device/engines/reference.ts'
import { median, timeInTurnsUs } from '../measure.ts'
import { changed } from './workload.ts'

/** q of the three estimators for changes of one kind, as shares of 2 KL of the change scaled down (the true form). */
export interface EstimatorRow {
  /** What Δ is. */
  readonly change: string
  readonly cases: number
  /** Median, smallest and largest of q / true q. */
  readonly exact: Spread
  readonly sampled: Spread
  readonly kfac: Spread
  /** The exact form without its blocks between layers, which is what Kronecker factors stand for. */
  readonly blocks: Spread
  /** The same for 2 KL(own ‖ peer) itself: how far q says what mixing all of the peer would change. */
  readonly whole: Spread
}

export interface Spread {
  readonly median: number
  readonly minimum: number
  readonly maximum: number
}

export interface EstimatorReport {
  readonly rows: readonly EstimatorRow[]
  /** µs for one q, K = 256, on the reference engine: estimators beside each other; `kfacKept` with factors at hand. */
  readonly cost: Readonly<Record<'exact' | 'sampled' | 'kfac' | 'kfacKept', number>>
}

const count = 256

/** Accuracy and cost of the three estimators, on fresh policies and on the learned ones of `test/policies`. */
export function compareEstimators(quick: boolean): EstimatorReport {
  const { architecture, learned } = learnedPolicies()
  const engine = createReferenceEngine(architecture)
  const fresh = Array.from({ length: learned.length }, (_, i) =>
    initialPolicy(architecture, createRng(i, 'bench', 'fresh'), 0),
  )
  const stages = { fresh, learned } as const
  const rows = Object.entries(stages).flatMap(([stage, policies]) => [
    ...[1e-3, 1e-2, 1e-1].map((size) =>
      row(
        engine,
        `${stage}, every parameter by up to ${size}`,
        policies.map((own, i) => [own, changed(own, size, `${stage}-${size}-${i}`)]),
      ),
    ),
    ...(stage === 'fresh'
      ? [
          row(
            engine,
            'fresh, to a learned policy',
            policies.map((own, i) => [own, learned[i]!]),
          ),
        ]
      : [
          row(
            engine,
            'learned, to another learned policy',
            policies.map((own, i) => [own, learned[(i + 1) % learned.length]!]),
          ),
        ]),
  ])
  return { rows, cost: cost(engine, learned, quick) }
}

function row(engine: Engine, change: string, pairs: readonly (readonly [Float64Array, Float64Array])[]): EstimatorRow {
  const found = pairs.map(([own, peer], i) => {
    const delta = peer.map((x, d) => x - own[d]!)
    const states = statesOf(engine.architecture, i)
    const scale = 1e-3
    const near = own.map((x, d) => x + scale * delta[d]!)
    const truth = (2 * engine.meanKl(own, near, states, count)) / scale ** 2
    return {
      exact: engine.fisherExact(own, peer, states, count) / truth,
      sampled: engine.fisherSampled(own, peer, states, actionsOf(engine, own, states, i), count) / truth,
      kfac: kroneckerForm(kroneckerFisher(engine.architecture, own, states, count), delta) / truth,
      blocks: withinLayers(engine, own, peer, states) / truth,
      whole: (2 * engine.meanKl(own, peer, states, count)) / truth,
    }
  })
  const spread = (name: keyof (typeof found)[number]): Spread => {
    const values = found.map((one) => one[name])
    return { median: median(values), minimum: Math.min(...values), maximum: Math.max(...values) }
  }
  return {
    ...{ change, cases: found.length, exact: spread('exact'), sampled: spread('sampled') },
    ...{ kfac: spread('kfac'), blocks: spread('blocks'), whole: spread('whole') },
  }
}

/** Σ over the layers (and `log_std`) of q of Δ within that layer alone. */
function withinLayers(engine: Engine, own: Float64Array, peer: Float64Array, states: Float64Array): number {
  const { tensors } = policyLayout(engine.architecture)
  const layerOf = (name: string): string => name.split('.').slice(0, 2).join('.')
  return [...new Set(tensors.map(({ name }) => layerOf(name)))].reduce((sum, layer) => {
    const part = own.slice()
    for (const { name, offset, size } of tensors)
      if (layerOf(name) === layer) part.set(peer.subarray(offset, offset + size), offset)
    return sum + engine.fisherExact(own, part, states, count)
  }, 0)
}

function cost(engine: Engine, policies: readonly Float64Array[], quick: boolean): EstimatorReport['cost'] {
  const states = statesOf(engine.architecture, 0)
  const [own, peer] = [policies[0]!, policies[1]!]
  const actions = actionsOf(engine, own, states, 0)
  const delta = peer.map((x, d) => x - own[d]!)
  const factors = kroneckerFisher(engine.architecture, own, states, count)
  const times = timeInTurnsUs(
    {
      exact: () => engine.fisherExact(own, peer, states, count),
      sampled: () => engine.fisherSampled(own, peer, states, actions, count),
      kfac: () => kroneckerForm(kroneckerFisher(engine.architecture, own, states, count), delta),
      kfacKept: () => kroneckerForm(factors, delta),
    },
    { batch: 5, repetitions: quick ? 3 : 15 },
  )
  const { exact, sampled, kfac, kfacKept } = times
  return { exact: median(exact), sampled: median(sampled), kfac: median(kfac), kfacKept: median(kfacKept) }
}

/** Features lie between −1 and 1 or a little outside. */
function statesOf({ observationSize }: Architecture, index: number): Float64Array {
  const rng = createRng(index, 'bench', 'estimator-states')
  return Float64Array.from({ length: count * observationSize }, () => 2 * rng.uniform() - 1)
}

function actionsOf(engine: Engine, own: Float64Array, states: Float64Array, index: number): Float64Array {
  const { actionSize } = engine.architecture
  const [mean, actions] = [new Float64Array(count * actionSize), new Float64Array(count * actionSize)]
  engine.policyMean(own, states, count, mean)
  const { offset } = slotOf(policyLayout(engine.architecture), 'log_std')
  gaussianSample(mean, count, actionSize, own, offset, createRng(index, 'bench', 'estimator-actions'), actions)
  return actions
}

function learnedPolicies(): { readonly architecture: Architecture; readonly learned: readonly Float64Array[] } {
  const folder = fileURLToPath(new URL('../../../test/policies', import.meta.url))
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.safetensors'))
    .sort()
    .map((name) => decodeSafetensors(readFileSync(join(folder, name))).tensors)
  const architecture = inferArchitecture(files[0]!)
  const layout = policyLayout(architecture)
  const learned = files.map((tensors) => {
    const own = new Map([...tensors].filter(([name]) => !name.startsWith('value.')))
    return vectorFromTensors(layout, own)
  })
  return { architecture, learned }
}
