import {
  createRng,
  initialPolicy,
  initialValue,
  policyLayout,
  slotOf,
  tensorsFromVector,
  valueLayout,
} from '../device/core/index.ts'
import { policyHash } from '../device/identity.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { Command } from './command.ts'
import { exportPolicy, exportSpec, importPolicy, importSpec } from './policy-exchange.ts'
import { policyOf, readTensorFile, writeTensorFile } from './tensor-file.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'

const initSpec = {
  out: { kind: 'text', required: true, description: 'file to write (policy and value network)' },
  observations: {
    kind: 'number',
    integer: true,
    default: 6,
    minimum: 1,
    maximum: 65536,
    description: 'observation features',
  },
  actions: { kind: 'number', integer: true, default: 1, minimum: 1, maximum: 1024, description: 'action dimensions' },
  hidden: { kind: 'text', placeholder: 'N,N', default: '64,64', description: 'hidden layer sizes' },
  'log-std': { kind: 'number', default: 0, minimum: -5, maximum: 2, description: 'log of the exploration noise' },
  seed: {
    kind: 'number',
    integer: true,
    default: 1,
    minimum: 0,
    maximum: 4294967295,
    description: 'seed of the weights',
  },
  json: { kind: 'flag', description: 'print one JSON object' },
} as const

const showSpec = {
  policy: { kind: 'text', required: true, description: 'policy file (safetensors)' },
  json: { kind: 'flag', description: 'print one JSON object' },
} as const

/**
 * `policy init` makes the weights that every device of a seed starts with; `policy show` says what a file holds; `policy
 * export` and `policy import` exchange it with other programs.
 */
export const policyCommand: Command = {
  help: `trustmix policy init|show|export|import: policy files (safetensors, PyTorch's nn.Sequential names).

Usage: trustmix policy init --out policy.safetensors [OPTIONS]

${describeToolOptions(initSpec)}

Usage: trustmix policy show --policy policy.safetensors [--json]

${describeToolOptions(showSpec)}

Usage: trustmix policy export FILE --format tfjs|onnx|safetensors --out PATH [OPTIONS]

Writes the policy (not the value network) for another program; see docs/policies.md. FILE is a policy file, or what
what import takes.

${describeToolOptions(exportSpec)}

Usage: trustmix policy import PATH --out policy.safetensors [OPTIONS]

PATH is an ONNX or safetensors file, a layers-model's model.json or its folder.

${describeToolOptions(importSpec)}

Exit codes: 2 bad usage, no such file, names missing; 4 damaged, over-size or not a policy.`,
  async run([action, ...args], io) {
    if (action === 'init') return init(args, io.output)
    if (action === 'show') return show(args, io.output)
    if (action === 'export') return exportPolicy(args, io.output)
    if (action === 'import') return importPolicy(args, io.output)
    throw new ExitError(
      'usage',
      `policy needs init, show, export or import, got ${action ?? 'nothing'}; see trustmix policy --help`,
    )
  },
}

function init(args: readonly string[], output: (text: string) => void): number {
  const options = readToolOptions('policy', initSpec, args)
  const hidden = options.hidden.split(',').map(Number)
  if (hidden.length > 3 || hidden.some((size) => !(Number.isInteger(size) && size >= 1 && size <= 1024)))
    throw new ExitError('usage', `--hidden must be one to three sizes of 1…1024, got ${options.hidden}`)
  const architecture = { observationSize: options.observations, actionSize: options.actions, hidden }
  const policy = initialPolicy(architecture, createRng(options.seed, 'initial-policy'), options['log-std'])
  const value = initialValue(architecture, createRng(options.seed, 'initial-value'))
  const tensors = new Map([
    ...tensorsFromVector(policyLayout(architecture), policy),
    ...tensorsFromVector(valueLayout(architecture), value),
  ])
  const metadata = new Map([['format', `trustmix-policy/${formatVersion}`]])
  writeTensorFile(options.out, { tensors, metadata })
  const made = { file: options.out, policyHash: policyHash(policy) }
  output(options.json ? `${JSON.stringify(made)}\n` : `${made.file}  ${made.policyHash}\n`)
  return exitCodes.ok
}

function show(args: readonly string[], output: (text: string) => void): number {
  const options = readToolOptions('policy', showSpec, args)
  const file = readTensorFile(options.policy)
  const { architecture, policy } = policyOf(options.policy, file)
  const { offset, size } = slotOf(policyLayout(architecture), 'log_std')
  const found = {
    policyHash: policyHash(policy),
    architecture,
    parameters: policy.length,
    logStd: [...policy.subarray(offset, offset + size)],
    hasValueNetwork: [...file.tensors.keys()].some((name) => name.startsWith('value.')),
    metadata: Object.fromEntries(file.metadata),
  }
  if (options.json) output(`${JSON.stringify(found)}\n`)
  else
    output(
      `${Object.entries(found)
        .map(([name, value]) => `${name.padEnd(18)}${typeof value === 'string' ? value : JSON.stringify(value)}`)
        .join('\n')}\n`,
    )
  return exitCodes.ok
}
