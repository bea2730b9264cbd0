import type { SafetensorsFile } from '../core/safetensors.ts'
import { parseStrictJson } from '../core/strict-json.ts'
import {
  type DenseLayer,
  denseLayers,
  fileOfLayers,
  type NamedPolicy,
  shown,
  stringsWithLogStd,
} from './named-policy.ts'

/** A TensorFlow.js layers-model: the text of `model.json` and the bytes of the weights file beside it. */
export interface LayersModel {
  readonly model: string
  readonly weights: Uint8Array
}

/** Name of the weights file that `encodeLayersModel` speaks of. */
export const weightsFile = 'weights.bin'

/**
 * A Sequential of Dense layers (tanh, the last linear) as `tf.loadLayersModel` reads it: input [N, observationSize], output
 * the mean action [N, actionSize]; names, hashes and `log_std` in `userDefinedMetadata`.
 */
export function encodeLayersModel(named: NamedPolicy): LayersModel {
  const layers = denseLayers(named)
  const config = layers.map(({ name, inputs, outputs }, i) => ({
    class_name: 'Dense',
    config: {
      name,
      ...(i === 0 ? { batch_input_shape: [null, inputs] } : {}),
      dtype: 'float32',
      units: outputs,
      activation: i === layers.length - 1 ? 'linear' : 'tanh',
      use_bias: true,
    },
  }))
  const specs = layers.flatMap(({ name, inputs, outputs }) => [
    { name: `${name}/kernel`, shape: [inputs, outputs], dtype: 'float32' },
    { name: `${name}/bias`, shape: [outputs], dtype: 'float32' },
  ])
  const model = {
    format: 'layers-model',
    generatedBy: 'trustmix',
    convertedBy: null,
    modelTopology: {
      class_name: 'Sequential',
      config: { name: 'policy', layers: config },
      keras_version: 'tfjs-layers 4.22.0',
      backend: 'tensor_flow.js',
    },
    weightsManifest: [{ paths: [weightsFile], weights: specs }],
    userDefinedMetadata: Object.fromEntries(stringsWithLogStd(named)),
  }
  const values = layers.flatMap(({ weight, bias, inputs, outputs }) => [transposed(weight, outputs, inputs), bias])
  const weights = Buffer.concat(values.map((x) => new Uint8Array(x.buffer, x.byteOffset, x.byteLength)))
  return { model: `${JSON.stringify(model, null, 2)}\n`, weights }
}

/**
 * Reads a layers-model that `encodeLayersModel` or TensorFlow.js wrote; `readWeights` gives the bytes of the one weights
 * file that it names, a plain file name. Throws an Error that names rule and value found.
 */
export function decodeLayersModel(text: string, readWeights: (name: string) => Uint8Array): SafetensorsFile {
  const model = object(parseStrictJson(text), 'model.json')
  const kind = model.get('format')
  if (kind !== 'layers-model') throw new Error(`format of model.json must be "layers-model", got ${shown(kind)}`)
  const topology = object(model.get('modelTopology'), 'modelTopology')
  const className = topology.get('class_name')
  if (className !== 'Sequential')
    throw new Error(`class_name of the model must be "Sequential", got ${shown(className)}`)
  const layers = array(object(topology.get('config'), 'config').get('layers'), 'layers').map(readLayer)
  if (layers.length === 0) throw new Error('layers must hold at least one Dense layer, got none')
  for (const [i, { activation, name }] of layers.entries()) {
    const wanted = i === layers.length - 1 ? 'linear' : 'tanh'
    if (activation !== wanted)
      throw new Error(`activation of ${shown(name)} must be "${wanted}", got ${shown(activation)}`)
  }

  const groups = array(model.get('weightsManifest'), 'weightsManifest')
  if (groups.length !== 1) throw new Error(`weightsManifest must have one group, got ${groups.length}`)
  const group = object(groups[0], 'weightsManifest[0]')
  const paths = array(group.get('paths'), 'paths')
  const [path] = paths
  // TensorFlow.js's own downloads have "./" before the name.
  if (paths.length !== 1 || typeof path !== 'string' || !/^(\.\/)?[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(path))
    throw new Error(`paths must be the name of one file beside model.json, got ${shown(paths)}`)
  const tensors = readTensors(array(group.get('weights'), 'weights'), readWeights(path))

  const dense = layers.map(({ name, units, inputs }, i): DenseLayer => {
    const width = i === 0 ? inputs : layers[i - 1]?.units
    if (width === undefined) throw new Error(`${shown(name)} must have batch_input_shape [null, inputs], got none`)
    const kernel = take(tensors, `${name}/kernel`, [width, units])
    const bias = take(tensors, `${name}/bias`, [units])
    return { name, inputs: width, outputs: units, weight: transposed(kernel, width, units), bias }
  })
  for (const name of tensors.keys()) throw new Error(`weights must be those of the layers, got ${shown(name)} too`)
  const metadata = new Map<string, string>()
  for (const [key, value] of object(model.get('userDefinedMetadata'), 'userDefinedMetadata')) {
    if (typeof value !== 'string') throw new Error(`userDefinedMetadata.${key} must be a text, got ${shown(value)}`)
    metadata.set(key, value)
  }
  return fileOfLayers(dense, metadata)
}

function readLayer(value: unknown, i: number): { name: string; units: number; activation: unknown; inputs?: number } {
  const layer = object(value, `layers[${i}]`)
  const className = layer.get('class_name')
  if (className !== 'Dense') throw new Error(`class_name of layers[${i}] must be "Dense", got ${shown(className)}`)
  const config = object(layer.get('config'), `config of layers[${i}]`)
  const name = config.get('name')
  if (typeof name !== 'string') throw new Error(`name of layers[${i}] must be a text, got ${shown(name)}`)
  const units = size(config.get('units'), `units of ${shown(name)}`)
  const useBias = config.get('use_bias') ?? true
  if (useBias !== true) throw new Error(`use_bias of ${shown(name)} must be true, got ${shown(useBias)}`)
  const dtype = config.get('dtype') ?? 'float32'
  if (dtype !== 'float32') throw new Error(`dtype of ${shown(name)} must be "float32", got ${shown(dtype)}`)
  const activation = config.get('activation') ?? 'linear'
  const shape = config.get('batch_input_shape')
  if (shape === undefined) return { name, units, activation }
  const [batch, inputs, ...rest] = array(shape, `batch_input_shape of ${shown(name)}`)
  if (batch !== null || rest.length > 0)
    throw new Error(`batch_input_shape of ${shown(name)} must be [null, inputs], got ${shown(shape)}`)
  return { name, units, activation, inputs: size(inputs, `inputs of ${shown(name)}`) }
}

interface Stored {
  readonly shape: readonly unknown[]
  readonly data: Float32Array
}

function readTensors(specs: readonly unknown[], bytes: Uint8Array): Map<string, Stored> {
  const tensors = new Map<string, Stored>()
  let at = 0
  for (const [i, value] of specs.entries()) {
    const spec = object(value, `weights[${i}]`)
    const name = spec.get('name')
    if (typeof name !== 'string' || tensors.has(name))
      throw new Error(`name of weights[${i}] must be a text of its own, got ${shown(name)}`)
    const dtype = spec.get('dtype')
    if (dtype !== 'float32' || spec.has('quantization'))
      throw new Error(`${shown(name)} must be "float32", not quantized, got ${shown(dtype)}`)
    const shape = array(spec.get('shape'), `shape of ${shown(name)}`)
    const length = 4 * shape.reduce<number>((product, n) => product * size(n, `shape of ${shown(name)}`), 1)
    if (!(length <= bytes.length - at))
      throw new Error(`weights file must have ${length} bytes left for ${shown(name)}, got ${bytes.length - at}`)
    tensors.set(name, { shape, data: new Float32Array(Uint8Array.from(bytes.subarray(at, at + length)).buffer) })
    at += length
  }
  if (at !== bytes.length) throw new Error(`weights file must have ${at} bytes, got ${bytes.length}`)
  return tensors
}

function take(tensors: Map<string, Stored>, name: string, shape: readonly number[]): Float32Array {
  const tensor = tensors.get(name)
  if (!tensor) throw new Error(`weights must have ${shown(name)}, got none`)
  if (JSON.stringify(tensor.shape) !== JSON.stringify(shape))
    throw new Error(`${shown(name)} must have shape [${shape}], got ${shown(tensor.shape)}`)
  tensors.delete(name)
  return tensor.data
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = values[i * columns + j] as number
  return out
}

function object(value: unknown, what: string): ReadonlyMap<string, unknown> {
  if (!(value instanceof Map)) throw new Error(`${what} must be an object, got ${shown(value)}`)
  return value
}

function array(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} must be an array, got ${shown(value)}`)
  return value
}

function size(value: unknown, what: string): number {
  if (!(typeof value === 'number' && Number.isSafeInteger(value) && value >= 1))
    throw new Error(`${what} must be a whole number from 1, got ${shown(value)}`)
  return value
}
