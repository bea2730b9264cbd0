import type { FromSchema } from 'json-schema-to-ts'
import { count, hash, id, nullableNumber, version } from './common.ts'
import { reasons } from './reason.ts'
import { validatorOf } from './validator.ts'

/** One gate decision with its evidence; what could not be computed is null. */
export const verdictSchema = {
  $id: 'verdict',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'vehicle', 'epoch', 'step', 'mode', 'accepted', 'reason', 'alpha', 'peerId'],
  properties: {
    version,
    vehicle: { ...id, description: 'who judged' },
    epoch: count,
    step: { ...count, description: 'simulated step within the epoch' },
    mode: {
      description: 'rule by which it was judged; `wire`: refused before that',
      enum: [
        'theorem1',
        'strict',
        'certified',
        'fixed',
        'average',
        'coin',
        'reversed',
        'median',
        'trimmed-mean',
        'krum',
        'fltrust',
        'wire',
      ],
    },
    estimator: { enum: ['exact', 'sampled', 'kfac', null], description: 'how the Fisher form was computed' },
    accepted: { type: 'boolean' },
    reason: { enum: reasons },
    alpha: { ...nullableNumber, description: 'share of the other policy in the mix; 0 unless accepted' },
    alphaBound: { ...nullableNumber, description: 'largest share that the bound allows, before margin and clamp' },
    policyAdvantage: { ...nullableNumber, description: 'A = Ā / (1 − γ)' },
    policyAdvantageMean: { ...nullableNumber, description: 'Ā: advantage of the other policy over M own samples' },
    standardError: { ...nullableNumber, description: 'of Ā' },
    lowerBound: { ...nullableNumber, description: '(Ā − z · standardError) / (1 − γ)' },
    effectiveSampleSize: { ...nullableNumber, description: 'samples that the weights leave' },
    epsilon: { ...nullableNumber, description: 'ε: largest advantage of a sample, absolute' },
    c: { ...nullableNumber, description: 'C = 2εγ / (1 − γ)²' },
    fisher: { ...nullableNumber, description: 'q = Δᵀ G(θ) Δ, Δ from the own parameters to the other ones' },
    kl: { ...nullableNumber, description: 'mean KL divergence from the own policy to the mixed one, over K states' },
    M: { type: ['integer', 'null'], description: 'samples of the policy advantage' },
    K: { type: ['integer', 'null'], description: 'states of the Fisher form' },
    gamma: { ...nullableNumber, description: 'γ: discount per decision' },
    ownHash: { anyOf: [hash, { type: 'null' }], description: 'own policy before the mix' },
    peerHash: { anyOf: [hash, { type: 'null' }], description: 'the policy that was judged' },
    peerId: { anyOf: [id, { type: 'null' }], description: 'whose policy it is; `aggregator`: the average' },
    peerBoot: { type: ['integer', 'null'] },
    peerSequence: { type: ['integer', 'null'] },
  },
} as const

export type VerdictMessage = FromSchema<typeof verdictSchema>
export const validateVerdict = validatorOf(verdictSchema)
