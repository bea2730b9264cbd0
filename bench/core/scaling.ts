import { type Architecture, type Engine, gate } from '../../device/core/index.ts'
import { cpuUs, median, timeInTurnsUs } from '../measure.ts'
import { freshLearner } from './ours.ts'
import { drawWorkload, gateOptions, minibatchSize, ppo, type Workload } from './workload.ts'

/** How the time of one kind of work grows with one size. */
export interface ScalingRow {
  readonly work: string
  readonly size: string
  readonly points: readonly { readonly size: number; readonly us: number }[]
  /** Slope of log time over log size, least squares. */
  readonly exponent: number
}

/** How often work is done between two looks at the clock. */
const repeats = 4

const identity = { ownHash: null, peerHash: null, peerId: null, peerBoot: null, peerSequence: null }

/** Cost of one engine over the hidden sizes, over M = K and over the number of peers in a round. */
export function scaling(createEngine: (architecture: Architecture) => Engine, quick: boolean): ScalingRow[] {
  const hidden = quick ? [32, 64, 128] : [32, 64, 128, 256, 512]
  const sizes = quick ? [64, 256, 1024] : [64, 128, 256, 512, 1024, 2048, 4096]
  const peers = quick ? [1, 4, 16] : [1, 2, 4, 8, 16, 32, 64]
  const measured = (work: string, size: string, at: readonly number[], make: (n: number) => () => void): ScalingRow => {
    const jobs = Object.fromEntries(at.map((n) => [String(n), make(n)]))
    // The first calls run before the code is compiled.
    for (const job of Object.values(jobs)) for (const begin = cpuUs(); cpuUs() - begin < 100_000; ) job()
    const times = timeInTurnsUs(jobs, { batch: 1, repetitions: quick ? 5 : 11 })
    const points = at.map((n) => ({ size: n, us: median(times[String(n)]!) / repeats }))
    return { work, size, points, exponent: slope(points) }
  }
  const wide = (n: number) => drawWorkload({ hidden: [n, n], rollout: minibatchSize })
  return [
    measured('PPO step of 64', 'hidden', hidden, (n) => stepOf(createEngine, wide(n))),
    measured('gate, cold, M = K = 256', 'hidden', hidden, (n) => roundOf(createEngine, wide(n), 1, 'turns')),
    measured('gate, cold', 'M = K', sizes, (n) =>
      roundOf(createEngine, drawWorkload({ gateSize: n, rollout: minibatchSize }), 1, 'turns'),
    ),
    measured('gate, warm', 'M = K', sizes, (n) =>
      roundOf(createEngine, drawWorkload({ gateSize: n, rollout: minibatchSize }), 1, 'kept'),
    ),
    measured('a round of judgements, M = K = 50', 'peers', peers, (n) =>
      roundOf(createEngine, drawWorkload({ gateSize: 50, peerCount: n, rollout: minibatchSize }), n, 'turns'),
    ),
  ]
}

function stepOf(createEngine: (architecture: Architecture) => Engine, workload: Workload): () => void {
  const session = createEngine(workload.architecture).startUpdate(freshLearner(workload), workload.batch, ppo)
  const rows = workload.order.subarray(0, minibatchSize)
  return () => {
    for (let i = 0; i < repeats; i++) session.step(rows)
  }
}

/** Judges the first `count` peers; where own policies take turns, each round begins with nothing kept. */
function roundOf(
  createEngine: (architecture: Architecture) => Engine,
  { architecture, policy, otherPolicy, peers, advantages, evidence, states }: Workload,
  count: number,
  own: 'turns' | 'kept',
): () => void {
  const engine = createEngine(architecture)
  const newest = { count: evidence.count, observations: states }
  let n = 0
  return () => {
    for (let repeat = 0; repeat < repeats; repeat++, n++)
      for (let i = 0; i < count; i++) {
        const peer = own === 'kept' ? (n + i) % peers.length : i
        const { accepted, reason } = gate({
          ...{ engine, own: own === 'turns' && n % 2 === 1 ? otherPolicy : policy, peer: peers[peer]!, identity },
          ...{ evidence: { ...evidence, advantage: advantages[peer]! }, states: newest, options: gateOptions },
        })
        if (!accepted) throw new Error(`the benchmark's peers must be accepted, got ${reason}`)
      }
  }
}

function slope(points: readonly { readonly size: number; readonly us: number }[]): number {
  const xs = points.map(({ size }) => Math.log(size))
  const ys = points.map(({ us }) => Math.log(us))
  const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length
  const [mx, my] = [mean(xs), mean(ys)]
  const over = xs.reduce((sum, x, i) => sum + (x - mx) * (ys[i]! - my), 0)
  return over / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0)
}
