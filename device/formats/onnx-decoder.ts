import type { SafetensorsFile } from '../core/safetensors.ts'
import { type DenseLayer, fileOfLayers, shown } from './named-policy.ts'
import { FLOAT, onnxFields, opset } from './onnx-fields.ts'
import { decodeMessage, type Message } from './protobuf.ts'

/**
 * Reads an ONNX model that `encodeOnnx` wrote, also after another program has stored it: one chain of Gemm (transB = 1) and
 * Tanh with float32 `raw_data`. Throws an Error that names rule and value found.
 */
export function decodeOnnx(bytes: Uint8Array): SafetensorsFile {
  const model = decodeMessage(bytes)
  const opsets = messages(model, onnxFields.model.opsetImport, 'opset_import')
  const main = opsets.find((entry) => isMainDomain(text(entry, onnxFields.opset.domain)))
  const version = main && number(main, onnxFields.opset.version)
  if (!(version !== undefined && version >= opset))
    throw new Error(`opset must be ${opset} or newer, got ${version ?? 'none'}`)
  const graph = only(messages(model, onnxFields.model.graph, 'graph'), 'graph')
  const tensors = new Map<string, Stored>()
  for (const entry of messages(graph, onnxFields.graph.initializer, 'initializer')) {
    const name = text(entry, onnxFields.tensor.name)
    if (tensors.has(name)) throw new Error(`initializers must differ in name, got ${shown(name)} twice`)
    tensors.set(name, readTensor(name, entry))
  }
  const input = only(messages(graph, onnxFields.graph.input, 'input'), 'graph input')
  const output = only(messages(graph, onnxFields.graph.output, 'output'), 'graph output')
  const layers = readChain(
    messages(graph, onnxFields.graph.node, 'node'),
    text(input, onnxFields.valueInfo.name),
    text(output, onnxFields.valueInfo.name),
    tensors,
  )
  const metadata = new Map<string, string>()
  for (const entry of messages(model, onnxFields.model.metadataProps, 'metadata_props')) {
    const key = text(entry, onnxFields.entry.key)
    if (metadata.has(key)) throw new Error(`keys of metadata_props must differ, got ${shown(key)} twice`)
    metadata.set(key, text(entry, onnxFields.entry.value))
  }
  return fileOfLayers(layers, metadata)
}

interface Stored {
  readonly dims: readonly number[]
  readonly data: Float32Array
}

function readChain(
  nodes: readonly Message[],
  input: string,
  output: string,
  tensors: Map<string, Stored>,
): DenseLayer[] {
  const layers: DenseLayer[] = []
  let value = input
  for (const [i, entry] of nodes.entries()) {
    const wanted = i % 2 === 0 ? 'Gemm' : 'Tanh'
    const operator = text(entry, onnxFields.node.opType)
    const domain = text(entry, onnxFields.node.domain)
    if (operator !== wanted || !isMainDomain(domain))
      throw new Error(`node ${i} must be ${wanted}, got ${shown(domain ? `${domain}.${operator}` : operator)}`)
    const inputs = texts(entry, onnxFields.node.input)
    const [from, weight = '', bias = ''] = inputs
    if (from !== value || inputs.length !== (wanted === 'Gemm' ? 3 : 1))
      throw new Error(
        `node ${i} must take ${shown(value)}${wanted === 'Gemm' ? ', a weight and a bias' : ''}, got ${shown(inputs)}`,
      )
    if (wanted === 'Gemm') {
      requireTransB(messages(entry, onnxFields.node.attribute, 'attribute'), i)
      layers.push(readLayer(layers.length, take(tensors, weight), take(tensors, bias)))
    }
    const outputs = texts(entry, onnxFields.node.output)
    const [next] = outputs
    if (next === undefined || next === '' || outputs.length !== 1)
      throw new Error(`node ${i} must have one output, got ${shown(outputs)}`)
    value = next
  }
  if (nodes.length % 2 === 0) throw new Error(`the last node must be Gemm, got ${nodes.length === 0 ? 'none' : 'Tanh'}`)
  if (value !== output) throw new Error(`the last node must give ${shown(output)}, got ${shown(value)}`)
  for (const name of tensors.keys()) throw new Error(`initializers must be those of the layers, got ${shown(name)} too`)
  return layers
}

function readLayer(index: number, weight: Stored, bias: Stored): DenseLayer {
  const name = `policy.${2 * index}`
  const [outputs, inputs, ...rest] = weight.dims
  if (outputs === undefined || inputs === undefined || rest.length > 0)
    throw new Error(`weight of ${name} must have shape [out, in], got [${weight.dims}]`)
  if (bias.dims.length !== 1 || bias.dims[0] !== outputs)
    throw new Error(`bias of ${name} must have shape [${outputs}], got [${bias.dims}]`)
  return { name, inputs, outputs, weight: weight.data, bias: bias.data }
}

/** Y = αAB′ + βC with α = β = 1, A as it is and B transposed: a layer with its weight [out, in]. */
function requireTransB(attributes: readonly Message[], node: number): void {
  const wanted = new Map([
    ['transB', 1],
    ['transA', 0],
    ['alpha', 1],
    ['beta', 1],
  ])
  const found = new Map(
    attributes.map((attribute) => [
      text(attribute, onnxFields.attribute.name),
      number(attribute, onnxFields.attribute.integer) ?? number(attribute, onnxFields.attribute.float) ?? 0,
    ]),
  )
  for (const [name, value] of found)
    if (value !== wanted.get(name))
      throw new Error(`${shown(name)} of node ${node} must be ${wanted.get(name) ?? 'left out'}, got ${value}`)
  if (!found.has('transB')) throw new Error(`transB of node ${node} must be 1, got 0`)
}

function readTensor(name: string, message: Message): Stored {
  const dims = numbers(message, onnxFields.tensor.dims)
  if (!dims.every((size) => Number.isSafeInteger(size) && size >= 1))
    throw new Error(`dims of ${shown(name)} must be whole numbers from 1, got [${dims}]`)
  const type = number(message, onnxFields.tensor.dataType)
  if (type !== FLOAT) throw new Error(`data_type of ${shown(name)} must be ${FLOAT} (FLOAT), got ${type ?? 'none'}`)
  if (number(message, onnxFields.tensor.dataLocation))
    throw new Error(`${shown(name)} must lie in the file, got data_location EXTERNAL`)
  const [raw, ...more] = message.get(onnxFields.tensor.rawData) ?? []
  const bytes = 4 * dims.reduce((product, size) => product * size, 1)
  if (!(raw instanceof Uint8Array) || more.length > 0 || raw.length !== bytes)
    throw new Error(
      `raw_data of ${shown(name)} [${dims}] must have ${bytes} bytes, got ${raw instanceof Uint8Array ? raw.length : 'none'}`,
    )
  return { dims, data: new Float32Array(Uint8Array.from(raw).buffer) }
}

function take(tensors: Map<string, Stored>, name: string): Stored {
  const tensor = tensors.get(name)
  if (!tensor) throw new Error(`initializers must have ${shown(name)} for one layer, got none`)
  tensors.delete(name)
  return tensor
}

/** The operators of ONNX itself. */
function isMainDomain(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx'
}

function only<T>(values: readonly T[], what: string): T {
  const [value] = values
  if (value === undefined || values.length !== 1) throw new Error(`model must have one ${what}, got ${values.length}`)
  return value
}

function messages(message: Message, field: number, what: string): Message[] {
  return (message.get(field) ?? []).map((value) => {
    if (typeof value === 'number') throw new Error(`${what} must be a message, got ${value}`)
    return decodeMessage(value)
  })
}

function numbers(message: Message, field: number): number[] {
  return (message.get(field) ?? []).map((value) => {
    if (typeof value !== 'number') throw new Error(`field ${field} must be a number, got ${value.length} bytes`)
    return value
  })
}

/** The last value counts, as the wire format says; undefined where there is none. */
function number(message: Message, field: number): number | undefined {
  return numbers(message, field).at(-1)
}

function texts(message: Message, field: number): string[] {
  return (message.get(field) ?? []).map((value) => {
    if (typeof value === 'number') throw new Error(`field ${field} must be a text, got ${value}`)
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
    } catch {
      throw new Error(`field ${field} must be UTF-8, got other bytes`)
    }
  })
}

function text(message: Message, field: number): string {
  return texts(message, field).at(-1) ?? ''
}
