import { initialPolicy, policyLayout, slotOf } from '../../../device/core/parameters.ts'
import { createRng } from '../../../device/core/rng.ts'
import { settingOf } from '../../../schemas/setting-of.ts'
import type { Attacker, AttackerOptions } from './attack.ts'

/** −θ, log σ too. */
export const signFlipped: Attacker = ({ agent }) => agent.policy.map((value) => -value + 0)

/** Every parameter NaN: receivers refuse it as `non-finite`. */
export const notANumber: Attacker = ({ agent }) => new Float32Array(agent.policy.length).fill(Number.NaN)

/** 10 θ, log σ too. */
export const scaled: Attacker = ({ agent }) => agent.policy.map((value) => 10 * value + 0)

/**
 * A fresh untrained network every round, from (seed, vehicle, 'attack', round): initial weights as those of a learner, but with
 * a head as large as the other layers (gain 1 in place of 0.01), so that it acts at random and not hardly at all.
 */
export function createRandom({ vehicle, config }: AttackerOptions): Attacker {
  const { initialLogStd } = settingOf(config)
  let round = 0
  return ({ agent }) => {
    const { architecture } = agent.engine
    const policy = initialPolicy(architecture, createRng(config.seed, vehicle, 'attack', round++), initialLogStd)
    const { offset, size } = slotOf(policyLayout(architecture), `policy.${2 * architecture.hidden.length}.weight`)
    for (let i = offset; i < offset + size; i++) policy[i] = 100 * policy[i]!
    return new Float32Array(policy)
  }
}

/** θ of its first update for ever, signed anew each round; the bytes of an old message the wire refuses as `replayed`. */
export function createStale(): Attacker {
  let first: Float32Array | undefined
  return ({ agent }) => {
    first ??= agent.policy.slice()
    return first
  }
}

/** Root mean square per parameter by which `drift` goes further away each round. */
export const driftStep = 5e-4

/** θ + n · driftStep · d in round n = 1, 2, …: d a fixed draw of standard normals. */
export function createDrift({ vehicle, config }: AttackerOptions): Attacker {
  let direction = new Float64Array(0)
  let round = 0
  return ({ agent: { policy } }) => {
    if (round++ === 0) {
      const rng = createRng(config.seed, vehicle, 'attack')
      direction = Float64Array.from(policy, () => rng.normal())
    }
    return policy.map((value, i) => value + round * driftStep * direction[i]! + 0)
  }
}
