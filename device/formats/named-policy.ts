import { formatVersion } from '../../schemas/validator.ts'
import type { Vector } from '../core/engine.ts'
import { requireFinite } from '../core/finite.ts'
import {
  inferArchitecture,
  policyLayout,
  slotOf,
  type Tensor,
  tensorsFromVector,
  valueLayout,
  vectorFromTensors,
} from '../core/parameters.ts'
import type { SafetensorsFile } from '../core/safetensors.ts'
import { parseStrictJson } from '../core/strict-json.ts'
import { policyHash } from '../identity.ts'
import { featuresHash, type Kind } from '../params.ts'

/** Names and order of what a policy sees and does. */
export type Names = Pick<Kind, 'observationNames' | 'actionNames'>

/** A policy with all that another program needs to run it: sizes, names and order of inputs and outputs. */
export interface NamedPolicy extends Kind {
  /** float32 values in the order of `policyLayout`. */
  readonly policy: Vector
  /** Whose policy it is, where that is known. */
  readonly vehicle: string | undefined
}

/** One layer y = W x + b. */
export interface DenseLayer {
  /** Name of the layer in PyTorch's `nn.Sequential` order: `policy.0`, `policy.2`, … */
  readonly name: string
  readonly inputs: number
  readonly outputs: number
  /** [outputs, inputs] */
  readonly weight: Float32Array
  /** [outputs] */
  readonly bias: Float32Array
}

const format = `trustmix-policy/${formatVersion}`

/** The policy as named tensors and strings: the content of a policy file, without a value network. */
export function policyFile(named: NamedPolicy): SafetensorsFile {
  const { architecture, policy, observationNames, actionNames, vehicle } = named
  const metadata = new Map([
    ['format', format],
    ['policyHash', policyHash(policy)],
    ['features', featuresHash(named)],
    ['observationNames', JSON.stringify(observationNames)],
    ['actionNames', JSON.stringify(actionNames)],
    ['hidden', JSON.stringify(architecture.hidden)],
    ...(vehicle === undefined ? [] : ([['vehicle', vehicle]] as const)),
  ])
  return { tensors: tensorsFromVector(policyLayout(architecture), policy), metadata }
}

/** Strings for a format whose tensors are the layers only: those of the policy file and `log_std`. */
export function stringsWithLogStd(named: NamedPolicy): Map<string, string> {
  const { offset, size } = slotOf(policyLayout(named.architecture), 'log_std')
  // The shortest digits of a number's float64 give back its float32 bits; JSON.stringify would lose the sign of −0.
  const digits = Array.from(named.policy.subarray(offset, offset + size), (x) => (Object.is(x, -0) ? '-0' : String(x)))
  return new Map([...policyFile(named).metadata, ['log_std', `[${digits.join(',')}]`]])
}

/** The layers of the policy network, in order. */
export function denseLayers({ architecture, policy }: NamedPolicy): DenseLayer[] {
  const tensors = tensorsFromVector(policyLayout(architecture), policy)
  return [...architecture.hidden, architecture.actionSize].map((outputs, i) => {
    const name = `policy.${2 * i}`
    const weight = tensors.get(`${name}.weight`)?.data ?? new Float32Array(0)
    const bias = tensors.get(`${name}.bias`)?.data ?? new Float32Array(0)
    return { name, inputs: weight.length / outputs, outputs, weight, bias }
  })
}

/** The reverse of `denseLayers` and `stringsWithLogStd`: a policy file's content. Throws where `log_std` is not there or no list. */
export function fileOfLayers(layers: readonly DenseLayer[], metadata: ReadonlyMap<string, string>): SafetensorsFile {
  const text = metadata.get('log_std')
  if (text === undefined) throw new Error('metadata must have log_std, got none')
  const logStd = parseList(text, 'log_std')
  if (!logStd.every((x) => typeof x === 'number')) throw new Error(`log_std must hold numbers, got ${shown(text)}`)
  const tensors = new Map<string, Tensor>([['log_std', { shape: [logStd.length], data: Float32Array.from(logStd) }]])
  for (const [i, { inputs, outputs, weight, bias }] of layers.entries()) {
    tensors.set(`policy.${2 * i}.weight`, { shape: [outputs, inputs], data: weight })
    tensors.set(`policy.${2 * i}.bias`, { shape: [outputs], data: bias })
  }
  return { tensors, metadata }
}

/** The names that a file holds; undefined where it holds none. Throws where they are not two lists of different names. */
export function namesOf({ metadata }: SafetensorsFile): Names | undefined {
  const observations = metadata.get('observationNames')
  const actions = metadata.get('actionNames')
  if (observations === undefined && actions === undefined) return undefined
  return {
    observationNames: parseNames(observations, 'observationNames'),
    actionNames: parseNames(actions, 'actionNames'),
  }
}

/**
 * The policy of a file (a value network beside it is left out), under these names. Throws an Error where tensors form no
 * network, a value is not finite as float32, or what the metadata say is not so. `changed`: weights may have been trained on elsewhere, so
 * that `policyHash` no longer is theirs.
 */
export function namedPolicy(file: SafetensorsFile, names: Names, changed: boolean): NamedPolicy {
  const { tensors, metadata } = file
  const found = metadata.get('format')
  // PyTorch's own convention for safetensors is `format: pt`, which says nothing of the content.
  if (found !== undefined && found !== 'pt' && found !== format)
    throw new Error(`format must be ${format}, got ${shown(found)}`)
  const architecture = inferArchitecture(tensors)
  const policy = vectorFromTensors(policyLayout(architecture), tensors, valueLayout(architecture))
  for (const [name, { data }] of tensors) requireFinite(name, data, data.length)
  const kind = { architecture, observationNames: names.observationNames, actionNames: names.actionNames }
  requireCount('observation names', names.observationNames.length, architecture.observationSize)
  requireCount('action names', names.actionNames.length, architecture.actionSize)
  const hidden = metadata.get('hidden')
  if (hidden !== undefined && JSON.stringify(parseList(hidden, 'hidden')) !== JSON.stringify(architecture.hidden))
    throw new Error(`hidden must be [${architecture.hidden}], as the network has, got ${shown(hidden)}`)
  agree(metadata, 'features', featuresHash(kind))
  if (!changed) agree(metadata, 'policyHash', policyHash(policy))
  return { ...kind, policy: policy.map(Math.fround), vehicle: metadata.get('vehicle') }
}

/** A value of a file, short enough for a message. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value instanceof Map ? Object.fromEntries(value) : value) ?? 'nothing'
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function parseNames(text: string | undefined, what: string): string[] {
  if (text === undefined) throw new Error(`metadata must have ${what}, got none`)
  const list = parseList(text, what)
  const names = list.filter((name) => typeof name === 'string' && name !== '')
  if (names.length !== list.length || new Set(names).size !== list.length)
    throw new Error(`${what} must be different texts, got ${shown(text)}`)
  return names as string[]
}

function parseList(text: string, what: string): unknown[] {
  let list: unknown
  try {
    list = parseStrictJson(text)
  } catch (error) {
    throw new Error(`${what} must be a JSON array: ${(error as Error).message}`)
  }
  if (!Array.isArray(list)) throw new Error(`${what} must be a JSON array, got ${shown(text)}`)
  return list
}

function requireCount(what: string, count: number, size: number): void {
  if (count !== size) throw new Error(`there must be ${size} ${what}, as the network has, got ${count}`)
}

function agree(metadata: ReadonlyMap<string, string>, key: string, wanted: string): void {
  const found = metadata.get(key)
  if (found !== undefined && found !== wanted)
    throw new Error(`${key} must be that of the content, ${shown(wanted)}, got ${shown(found)}`)
}
