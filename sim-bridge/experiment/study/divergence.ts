import type { Agent } from '../../../device/agent.ts'

/** Newest states of each learner that policies are compared on. */
const mostStates = 256

/** Epochs at whose ends policies are compared: the first, the last and the quarters between. */
export function comparedEpochs(epochs: number): ReadonlySet<number> {
  return new Set([0, 0.25, 0.5, 0.75, 1].map((share) => Math.max(1, Math.round(share * epochs))))
}

/** [i][j]: mean KL(π_i ‖ π_j) over the newest states of i; 0 for one that has none yet. */
export function divergence(agents: readonly Agent[]): number[][] {
  return agents.map((own) => {
    const { count, observations } = own.replay.newest(mostStates)
    return agents.map((peer) =>
      own === peer || count === 0
        ? 0
        : Math.min(Number.MAX_VALUE, own.engine.meanKl(own.policy, peer.policy, observations, count)),
    )
  })
}
