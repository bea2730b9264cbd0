import type { Minibatch } from './core/engine.ts'
import { drawWithoutReplacement, type Rng } from './core/rng.ts'

/** Samples that wait before they are learned from, so that until then they can judge without having been fitted to. */
export interface HeldOut {
  /** What waits, oldest round first. */
  readonly blocks: readonly Minibatch[]
  /** Takes in one round; returns what may be learned from now: released rounds before the part of this one that is not held out. */
  add(round: Minibatch, rng: Rng): Minibatch
  /** All that waits as one batch. */
  all(): Minibatch
  restore(blocks: readonly Minibatch[]): void
}

export interface HeldOutOptions {
  readonly observationSize: number
  readonly actionSize: number
  readonly share: number
  /** Rounds are released, oldest first, while the newer ones hold so many samples. */
  readonly samples: number
  /** Rounds that wait at most. */
  readonly rounds: number
}

export function createHeldOut(options: HeldOutOptions): HeldOut {
  const { share, samples, rounds } = options
  let blocks: Minibatch[] = []
  const pick = (from: Minibatch, rows: Int32Array): Minibatch => gather(options, [from], rows)
  return {
    get blocks() {
      return blocks
    },
    add(round, rng) {
      const { count } = round
      const kept = Math.floor(share * count + 0.5)
      const order = Int32Array.from({ length: count }, (_, i) => i)
      if (kept < count) drawWithoutReplacement(order, count, kept, rng)
      blocks.push(pick(round, order.subarray(0, kept).sort()))
      const released: Minibatch[] = []
      while (blocks.length > 1 && (blocks.length > rounds || countOf(blocks.slice(1)) >= samples))
        released.push(blocks.shift() as Minibatch)
      return joined(options, [...released, pick(round, order.subarray(kept).sort())])
    },
    all: () => joined(options, blocks),
    restore(state) {
      blocks = [...state]
    },
  }
}

function countOf(blocks: readonly Minibatch[]): number {
  return blocks.reduce((sum, { count }) => sum + count, 0)
}

function joined(sizes: HeldOutOptions, blocks: readonly Minibatch[]): Minibatch {
  return gather(sizes, blocks, Int32Array.from({ length: countOf(blocks) }, (_, i) => i))
}

function gather({ observationSize, actionSize }: HeldOutOptions, blocks: readonly Minibatch[], rows: Int32Array): Minibatch {
  const column = (width: number, of: (block: Minibatch) => Minibatch['logProb']): Float64Array => {
    const out = new Float64Array(rows.length * width)
    for (const [i, index] of rows.entries()) {
      let [row, b] = [index, 0]
      while (row >= (blocks[b] as Minibatch).count) row -= (blocks[b++] as Minibatch).count
      out.set(of(blocks[b] as Minibatch).subarray(row * width, (row + 1) * width), i * width)
    }
    return out
  }
  return {
    count: rows.length,
    observations: column(observationSize, (block) => block.observations),
    actions: column(actionSize, (block) => block.actions),
    logProb: column(1, (block) => block.logProb),
    advantage: column(1, (block) => block.advantage),
    returns: column(1, (block) => block.returns),
  }
}
