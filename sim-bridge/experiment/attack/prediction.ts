import type { Agent } from '../../../device/agent.ts'
import { aggregate } from '../../../device/core/aggregate.ts'
import type { Replay } from '../../../device/core/replay.ts'
import { createRng } from '../../../device/core/rng.ts'
import { certifiedOptions } from '../../../device/judge.ts'
import { methods } from '../../../device/methods/index.ts'
import type { Config } from '../../../schemas/config.ts'

export interface PredictionOptions {
  readonly config: Config
  readonly attackers: readonly string[]
  readonly agents: ReadonlyMap<string, Agent>
  /** The attackers' samples, in place of the victim's, which they do not know. */
  readonly evidence: Replay
  readonly gamma: number
  /** Of the search, part of what its draws come from. */
  readonly round: number
}

/** θ of the victim after it considered the candidate, as the attackers expect it; undefined where it would refuse. */
export type Predict = (candidate: Float32Array, victim: string) => Float32Array | undefined

/**
 * Runs the method of the run itself on what attackers know: the victim's policy, the options of its gate, and their own
 * samples as if they were its. All attackers are taken to send the same; a peer method considers one candidate alone.
 */
export function createPredict({ config, attackers, agents, evidence, gamma, round }: PredictionOptions): Predict {
  const method = methods[config.method]
  const { gateMode: mode, estimator, margin, byzantine, fixedAlpha, coinProbability, gateSamples: samples } = config
  const ids = [...agents.keys()].sort()
  const unnamed = { ownHash: null, peerHash: null, peerId: null, peerBoot: null, peerSequence: null }
  const sent = (id: string, candidate: Float32Array): Float32Array =>
    attackers.includes(id) ? candidate : (agents.get(id) as Agent).policy

  return (candidate, victim) => {
    const { engine, policy: own, before } = agents.get(victim) as Agent
    if (method.source === 'none') return undefined
    if (method.source === 'round') {
      const others = ids.filter((id) => id !== victim)
      const peers = others.map((id) => ({ id, identity: { ...unnamed, peerId: id }, policy: sent(id, candidate) }))
      return method.considerRound({ vehicle: victim, own, before, ownHash: '', peers, byzantine, gamma }).policy
    }
    // The same draws for every candidate of a search, so that candidates differ and not their evidence.
    const stream = (purpose: string) => createRng(config.seed, victim, 'attack', purpose, round)
    const other =
      method.source === 'peers' ? candidate : new Float32Array(aggregate(ids.map((id) => sent(id, candidate))))
    return method.consider({
      ...{ engine, own, other, identity: unnamed, replay: evidence, samples, fixedAlpha, coinProbability },
      gate: { mode, estimator, gamma, margin, z: 1 },
      certified: certifiedOptions(config, gamma),
      streams: { replay: stream('replay'), fisher: stream('fisher') },
      vehicle: victim,
      round: { seed: config.seed, epoch: 0, step: round },
    }).policy
  }
}
