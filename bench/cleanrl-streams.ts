import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  createRng,
  initialPolicy,
  initialValue,
  policyLayout,
  shuffle,
  slotOf,
  valueLayout,
} from '../device/core/index.ts'
import { singleAgentDefaults } from './single-agent-ppo.ts'

/**
 * What a training of `bench:single-agent` draws from its seed, as files that `bench/cleanrl.py --streams DIR` draws from
 * instead: initial weights (value network first, as CleanRL builds them), noise, orders of the samples, starts.
 * Command: npm run bench:cleanrl-streams -- --seed 1 --out runs/streams-1 [--decisions N] [--observations 6]
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(singleAgentDefaults.seed) },
    decisions: { type: 'string', default: String(singleAgentDefaults.decisions) },
    observations: { type: 'string', default: '6' },
    out: { type: 'string', default: 'runs/streams' },
  },
})
const seed = Number(values.seed)
const decisions = Number(values.decisions)
const { rolloutSize, updateEpochs } = singleAgentDefaults
const architecture = { observationSize: Number(values.observations), actionSize: 1, hidden: [64, 64] }

const networks = [
  ['value', valueLayout(architecture), initialValue(architecture, createRng(seed, 'initial-value'))],
  ['policy', policyLayout(architecture), initialPolicy(architecture, createRng(seed, 'initial-policy'), 0)],
] as const
const weights = networks.flatMap(([name, layout, vector]) =>
  [0, 2, 4].flatMap((layer) => {
    const { offset, size } = slotOf(layout, `${name}.${layer}.weight`)
    return [...vector.subarray(offset, offset + size)]
  }),
)
const explore = createRng(seed, 'explore')
const noise = Float64Array.from({ length: decisions }, () => explore.normal())
const draws = createRng(seed, 'shuffle')
const orders = new Int32Array(Math.floor(decisions / rolloutSize) * updateEpochs * rolloutSize)
const order = new Int32Array(rolloutSize)
for (let offset = 0, epoch = 0; offset < orders.length; offset += rolloutSize, epoch++) {
  if (epoch % updateEpochs === 0) for (let i = 0; i < rolloutSize; i++) order[i] = i
  shuffle(order, rolloutSize, draws)
  orders.set(order, offset)
}
const begin = createRng(seed, 'starts')
const starts = Uint32Array.from({ length: decisions }, () => begin.integer(2 ** 32))

mkdirSync(values.out, { recursive: true })
writeFileSync(join(values.out, 'weights.f64'), Float64Array.from(weights))
writeFileSync(join(values.out, 'noise.f64'), noise)
writeFileSync(join(values.out, 'orders.i32'), orders)
writeFileSync(join(values.out, 'starts.u32'), starts)
