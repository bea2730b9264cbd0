import type { Agent } from '../../../device/agent.ts'
import { aggregate } from '../../../device/core/aggregate.ts'
import type { Architecture } from '../../../device/core/engine.ts'
import { isFinite32 } from '../../../device/core/finite.ts'
import { minimumSamples } from '../../../device/core/gate.ts'
import { policyLayout, slotOf } from '../../../device/core/parameters.ts'
import { type Evidence, Replay } from '../../../device/core/replay.ts'
import { createRng, type Rng } from '../../../device/core/rng.ts'
import { settingOf } from '../../../schemas/setting-of.ts'
import type { AttackContext, Attacker, AttackerOptions } from './attack.ts'
import { craft } from './crafted.ts'
import { drawProbes, harmfulEnds, harmOf } from './harm.ts'
import { createPredict } from './prediction.ts'

/** Rounds between two searches; in those between the deviation that was found is added to the victims' mean as it is then. */
const searchEvery = 8
/** How far along each direction candidates lie. */
const scales = [1 / 64, 1 / 16, 1 / 4, 1, 4]
/** What the harmful action counts in a learned deviation, in units of the evidence's root mean square advantage. */
const baitWeights = [1, 1 / 4]
/** States of the evidence among the probes, at most. */
const probeStates = 24
/** Seconds of the decision whose discount the prediction takes: the middle of the intervals, since it does not know them. */
const assumedIntervalS = 5

/** What one search found. */
interface Found {
  /** θ̃ is the mean of the victims' policies plus `scale` times this. */
  readonly direction: Float64Array
  readonly scale: number
  readonly harm: number
}

/**
 * An attacker that knows method, gate options and policies of its victims and shares samples with the other attackers. It looks
 * among deviations from the victims' mean policy – down the estimated return, at random, to a constant harmful action, and two
 * learned to look good on the evidence and be harmful off it – for the one whose *mixed* policies push the mean action furthest
 * to the harmful end, refused ones counting 0.
 */
export function createOptimisedAttacker({ vehicle, attackers, config }: AttackerOptions): Attacker {
  const setting = settingOf(config)
  const ends = harmfulEnds[setting.action]
  let round = 0
  let found: Found | undefined
  let learned: readonly Float64Array[] = []

  const search = (context: AttackContext, base: Float64Array, victims: readonly string[]): Found | undefined => {
    const { engine, discount } = context.agent
    const { observationSize } = engine.architecture
    const replay = pooled(context, attackers, config.gateSamples)
    if (replay.count < minimumSamples) return undefined
    const rng = createRng(config.seed, vehicle, 'attack', round)
    const evidence = replay.newest(config.gateSamples)
    const probes = drawProbes(evidence, observationSize, probeStates, rng)
    const gamma = discount(assumedIntervalS)
    const predict = createPredict({ config, attackers, agents: context.agents, evidence: replay, gamma, round })
    // A candidate is tried on one victim: each search on the next.
    const victim = victims[(round / searchEvery) % victims.length]!
    const own = (context.agents.get(victim) as Agent).policy

    // Each goes on from the last one found: the deviation grows from search to search.
    learned = baitWeights.map((weight, k) => {
      const start = base.slice()
      for (let i = 0; i < start.length; i++) start[i] = start[i]! + (learned[k]?.[i] ?? 0)
      return minus(craft({ engine, start, evidence, sign: 1, bait: { probes, ends, weight } }), base)
    })
    const directions = [...plainDirections(context.agent, base, evidence, ends, rng), ...learned]
    let best: Found | undefined
    for (const direction of directions) {
      for (const scale of scales) {
        const candidate = along(base, direction, scale)
        if (!isFinite32(candidate, candidate.length)) continue
        const mixed = predict(candidate, victim)
        const taken = mixed && isFinite32(mixed, mixed.length)
        const harm = taken ? harmOf(engine, own, mixed, probes, ends) : 0
        if (harm > (best?.harm ?? 0)) best = { direction, scale, harm }
      }
    }
    return best
  }

  return (context) => {
    const victims = [...context.agents.keys()].filter((id) => !attackers.includes(id)).sort()
    const base = aggregate(victims.map((id) => (context.agents.get(id) as Agent).policy))
    if (round % searchEvery === 0) found = search(context, base, victims) ?? found
    round++
    // Nothing yet that would be taken: the small step to the harmful end may be by luck.
    const { direction, scale } = found ?? {
      direction: toConstant(base, context.agent.engine.architecture, ends),
      scale: 1 / 4,
    }
    return along(base, direction, scale)
  }
}

/** The attackers' samples together, the newest of each. */
function pooled({ agent, agents }: AttackContext, attackers: readonly string[], samples: number): Replay {
  const { observationSize, actionSize } = agent.engine.architecture
  const replay = new Replay(observationSize, actionSize, attackers.length)
  for (const id of attackers) replay.addRound((agents.get(id) as Agent).replay.newest(samples))
  return replay
}

/** Down the estimated return of the evidence; random, as large as θ; to the policy that always takes the harmful action. */
function plainDirections(
  { engine }: Agent,
  base: Float64Array,
  evidence: Evidence,
  ends: readonly number[],
  rng: Rng,
): Float64Array[] {
  let squares = 0
  for (const value of base) squares += value * value
  const size = Math.sqrt(squares / base.length)
  return [
    minus(craft({ engine, start: base, evidence, sign: -1 }), base),
    Float64Array.from({ length: base.length }, () => size * rng.normal()),
    toConstant(base, engine.architecture, ends),
  ]
}

/** To a head without weights whose biases are the harmful action; components without one keep their head. */
function toConstant(base: Float64Array, architecture: Architecture, ends: readonly number[]): Float64Array {
  const layout = policyLayout(architecture)
  const head = 2 * architecture.hidden.length
  const weight = slotOf(layout, `policy.${head}.weight`)
  const bias = slotOf(layout, `policy.${head}.bias`)
  const width = weight.size / bias.size
  const direction = new Float64Array(base.length)
  for (const [j, end] of ends.entries()) {
    if (end === 0) continue
    direction[bias.offset + j] = end - base[bias.offset + j]!
    const row = weight.offset + j * width
    for (let i = row; i < row + width; i++) direction[i] = -base[i]!
  }
  return direction
}

/** base + scale · direction, −0 as +0. */
function along(base: Float64Array, direction: Float64Array, scale: number): Float32Array {
  const policy = new Float32Array(base.length)
  for (let i = 0; i < policy.length; i++) policy[i] = base[i]! + scale * direction[i]! + 0
  return policy
}

function minus(a: Float64Array, b: Float64Array): Float64Array {
  const difference = new Float64Array(a.length)
  for (let i = 0; i < a.length; i++) difference[i] = a[i]! - b[i]!
  return difference
}
