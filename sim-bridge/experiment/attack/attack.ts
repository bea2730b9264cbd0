import type { Agent } from '../../../device/agent.ts'
import { createRng, shuffle } from '../../../device/core/rng.ts'
import type { Config } from '../../../schemas/config.ts'
import { type AttackKind, attackKinds } from '../../../schemas/study.ts'
import { createOptimisedAttacker } from './optimised.ts'
import { createDrift, createRandom, createStale, notANumber, scaled, signFlipped } from './plain.ts'

export interface AttackOptions {
  readonly kind: AttackKind
  /** How many of the learners attack. */
  readonly attackers: number
  /** Ids of all learners. */
  readonly learners: readonly string[]
  /** Of the run: its seed draws the attackers and all that they draw. */
  readonly config: Config
}

/** Bad peers of one experiment. Holds what they remember from round to round: one per run, from its first round on. */
export interface Attack {
  readonly kind: AttackKind
  /** Ids of the attackers, in code-unit order. */
  readonly attackers: readonly string[]
  /**
   * θ̃ that an attacker sends after learning in place of its policy. The promise resolves when every learner that was asked
   * to learn in the same turn has done so: the attackers see the policies of the round before they choose theirs.
   */
  publishes(vehicle: string, context: AttackContext): Promise<Float32Array>
}

export interface AttackContext {
  /** The attacker as an honest learner. */
  readonly agent: Agent
  /** All learners by id; of others an attacker reads only what it could hear or derive, their policies. */
  readonly agents: ReadonlyMap<string, Agent>
}

/** One attacker: θ̃ in float32, once a round. */
export type Attacker = (context: AttackContext) => Float32Array

/** What an attacker is made of. */
export interface AttackerOptions {
  readonly vehicle: string
  readonly attackers: readonly string[]
  readonly config: Config
}

const kinds: Readonly<Record<AttackKind, (options: AttackerOptions) => Attacker>> = {
  random: createRandom,
  'sign-flip': () => signFlipped,
  nan: () => notANumber,
  scale: () => scaled,
  stale: createStale,
  drift: createDrift,
  optimised: createOptimisedAttacker,
}

/** Makes the bad peers of a run. Throws unless 1 ≤ attackers < learners. */
export function createAttack({ kind, attackers: count, learners, config }: AttackOptions): Attack {
  if (!attackKinds.includes(kind)) throw new Error(`kind must be one of ${attackKinds.join(', ')}, got ${kind}`)
  const attackers = drawAttackers(config.seed, learners, count)
  const table = new Map(attackers.map((vehicle) => [vehicle, kinds[kind]({ vehicle, attackers, config })]))
  return {
    kind,
    attackers,
    async publishes(vehicle, context) {
      const attacker = table.get(vehicle)
      if (!attacker) throw new Error(`vehicle must be one of ${attackers.join(', ')}, got ${vehicle}`)
      await undefined // all learners of the process are asked in one turn and learn within it
      return attacker(context)
    },
  }
}

/** The learners that attack: the same for every method of a seed, and two of three are the two of two. */
export function drawAttackers(seed: number, learners: readonly string[], count: number): string[] {
  if (!(Number.isInteger(count) && count >= 1 && count < learners.length))
    throw new Error(`attackers must be in 1…${learners.length - 1}, got ${count}`)
  const ids = [...learners].sort()
  const order = Int32Array.from(ids, (_, i) => i)
  shuffle(order, order.length, createRng(seed, 'attackers'))
  return [...order.subarray(0, count)].map((i) => ids[i] as string).sort()
}
