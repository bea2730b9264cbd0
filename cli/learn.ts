import {
  ADAM_EPSILON,
  createLearner,
  policyLayout,
  ppoStep,
  tensorsFromVector,
  valueLayout,
  vectorFromTensors,
} from '../device/core/index.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { policyHash } from '../device/identity.ts'
import { exitCodes } from '../schemas/exit.ts'
import type { Command } from './command.ts'
import { columnOf, damagedUnless, policyOf, readTensorFile, sameRows, writeTensorFile } from './tensor-file.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'

const spec = {
  policy: { kind: 'text', required: true, description: 'policy and value network (safetensors)' },
  batch: { kind: 'text', required: true, description: 'minibatch: obs, action, log_prob, advantage, return' },
  steps: {
    kind: 'number',
    integer: true,
    default: 1,
    minimum: 1,
    maximum: 1e6,
    description: 'minibatch steps on the whole batch',
  },
  'learning-rate': { kind: 'number', default: 3e-4, minimum: 0, description: 'Adam step size' },
  'clip-range': { kind: 'number', default: 0.2, minimum: 0, description: 'PPO clip range' },
  'entropy-coef': { kind: 'number', default: 0.01, minimum: 0, description: 'weight of the entropy bonus' },
  'value-coef': { kind: 'number', default: 0.5, minimum: 0, description: 'weight of the value loss' },
  'max-grad-norm': { kind: 'number', default: 0.5, minimum: 0, description: 'joint gradient norm limit' },
  out: { kind: 'text', description: 'file for the new policy and value network' },
  json: { kind: 'flag', description: 'print one JSON object' },
  help: { kind: 'flag', description: 'this text' },
} as const

/** PPO minibatch steps with a fresh Adam (eps 1e-5), advantages normalised within the batch as CleanRL does. */
export const learnCommand: Command = {
  help: `trustmix learn: runs PPO minibatch steps on policy and value network together.

Usage: trustmix learn --policy own.safetensors --batch minibatch.safetensors --steps 3 --out new.safetensors --json

${describeToolOptions(spec)}`,
  async run(args, io) {
    const options = readToolOptions('learn', spec, args)
    const file = readTensorFile(options.policy)
    const { architecture, policy } = policyOf(options.policy, file)
    const value = damagedUnless(options.policy, () =>
      vectorFromTensors(valueLayout(architecture), file.tensors, policyLayout(architecture)),
    )
    const batchFile = readTensorFile(options.batch)
    const columns = {
      observations: columnOf(options.batch, batchFile, 'obs', architecture.observationSize),
      actions: columnOf(options.batch, batchFile, 'action', architecture.actionSize),
      logProb: columnOf(options.batch, batchFile, 'log_prob', null),
      advantage: columnOf(options.batch, batchFile, 'advantage', null),
      returns: columnOf(options.batch, batchFile, 'return', null),
    }
    const batch = {
      count: sameRows(options.batch, columns),
      observations: columns.observations.data,
      actions: columns.actions.data,
      logProb: columns.logProb.data,
      advantage: columns.advantage.data,
      returns: columns.returns.data,
    }
    const engine = createReferenceEngine(architecture)
    const learner = createLearner(policy, value)
    const ppo = {
      learningRate: options['learning-rate'],
      clipRange: options['clip-range'],
      entropyCoef: options['entropy-coef'],
      valueCoef: options['value-coef'],
      maxGradNorm: options['max-grad-norm'],
      adamEpsilon: ADAM_EPSILON,
      normalizeAdvantage: true,
    }
    const steps = Array.from({ length: options.steps }, () => ppoStep(engine, learner, batch, ppo))
    if (options.out !== undefined) {
      const tensors = new Map([
        ...tensorsFromVector(policyLayout(architecture), learner.policy),
        ...tensorsFromVector(valueLayout(architecture), learner.value),
      ])
      writeTensorFile(options.out, {
        tensors,
        metadata: new Map([...file.metadata, ['policyHash', policyHash(learner.policy)]]),
      })
    }
    if (options.json) io.output(`${JSON.stringify({ steps, policyHash: policyHash(learner.policy) })}\n`)
    else
      for (const [i, step] of steps.entries())
        io.output(
          `step ${i + 1}  ${Object.entries(step)
            .map(([name, x]) => `${name} ${Number(x).toPrecision(6)}`)
            .join('  ')}\n`,
        )
    return exitCodes.ok
  },
}
