import type { Config } from '../schemas/config.ts'
import type { Agent } from './agent.ts'
import type { LearnerState } from './agent-state.ts'
import type { Stateful } from './device-state.ts'

/** A policy to return to. */
export interface Kept {
  readonly hash: string
  /** Mean return of the window at whose end it was kept, per second. */
  readonly level: number
  readonly learner: LearnerState
}

/** All that a checkpoint keeps of it, so that a resumed device returns where the other would have. */
export interface LastGoodState {
  readonly window: Window
  /** The newest first. */
  readonly kept: readonly Kept[]
  readonly rollbacks: number
}

/** The rounds since the last judgement. */
interface Window {
  readonly rounds: number
  /** Of the rounds' returns. */
  readonly sum: number
  /** Whose policies were mixed in, in the order in which they first were. */
  readonly peers: readonly string[]
  /** Nobody is considered, so that the window shows what the policy is worth by itself. */
  readonly resting: boolean
}

/** A collapse that was answered. */
export interface Undone {
  readonly from: number
  readonly to: number
  /** Whose mixes were undone: one of them, or several, may be to blame. */
  readonly peers: readonly string[]
}

/**
 * The way back from a mix that the gate let pass and that turned out bad. Rounds are taken in windows of `rollbackWindow`; at
 * the end of one, before the mixes of that round, its mean return is compared with that of the window before. Where it has
 * fallen by more than `rollbackDrop` of it and something was mixed in, the agent goes back to what was kept before those
 * mixes; otherwise what it is now is kept. After a return it considers nobody for a window, which measures anew what the
 * policy is worth: a road that has become slower is not taken for a bad peer again and again. A function of the agent's own
 * returns and mixes alone.
 */
export interface LastGood extends Stateful<LastGoodState> {
  readonly hash: string | undefined
  /** Returns without a command. */
  readonly rollbacks: number
  readonly resting: boolean
  /** Changes with every return, commanded or not. */
  readonly generation: number
  /** Takes the return of a round (NaN: there is none); what was undone, if anything. */
  learned(meanReturn: number): Undone | undefined
  /** Takes whose policies were mixed in. */
  mixed(peers: readonly string[]): void
  /** Goes back to the last good policy, or to a kept one by its hash; false where it is not kept. */
  goBack(hash?: string): boolean
}

/** Policies kept: the last good one and the one before it. */
const maxKept = 2

const fresh: Window = { rounds: 0, sum: 0, peers: [], resting: false }

export function createLastGood(
  agent: Agent,
  { rollbackDrop, rollbackWindow }: Pick<Config, 'rollbackDrop' | 'rollbackWindow'>,
): LastGood | undefined {
  if (rollbackDrop === null) return undefined
  let window = fresh
  let kept: readonly Kept[] = []
  let rollbacks = 0
  let generation = 0

  const goBack = (hash?: string): boolean => {
    const at = hash === undefined ? 0 : kept.findIndex((one) => one.hash === hash)
    const target = kept[at]
    if (!target) return false
    agent.goBack(target.learner)
    kept = kept.slice(at)
    window = { ...fresh, resting: true }
    generation++
    return true
  }

  return {
    get hash() {
      return kept[0]?.hash
    },
    get rollbacks() {
      return rollbacks
    },
    get resting() {
      return window.resting
    },
    get generation() {
      return generation
    },
    learned(meanReturn) {
      if (!Number.isFinite(meanReturn)) return undefined
      window = { ...window, rounds: window.rounds + 1, sum: window.sum + meanReturn }
      if (window.rounds < rollbackWindow) return undefined
      const { peers, sum, rounds } = window
      const level = sum / rounds
      const from = kept[0]?.level
      const held = from === undefined || level >= from - rollbackDrop * Math.abs(from)
      if (!held && peers.length > 0) {
        rollbacks++
        goBack()
        return { from, to: level, peers }
      }
      kept = [{ hash: agent.policyHash, level, learner: agent.learned() }, ...kept].slice(0, maxKept)
      window = fresh
      return undefined
    },
    mixed(peers) {
      const added = peers.filter((peer) => !window.peers.includes(peer))
      if (added.length > 0) window = { ...window, peers: [...window.peers, ...added] }
    },
    goBack,
    state: () => ({ window, kept, rollbacks }),
    restore(state) {
      window = state.window
      kept = state.kept
      rollbacks = state.rollbacks
    },
  }
}
