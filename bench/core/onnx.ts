import { networkOf, policyLayout } from '../../device/core/index.ts'
import type { Workload } from './workload.ts'

/** The policy's mean network as an ONNX model (opset 13: Gemm, Tanh), input `observation` [n, 6], output `mean` [n, 1]. */
export function policyToOnnx({ architecture, policy }: Pick<Workload, 'architecture' | 'policy'>): Uint8Array {
  const { layers } = networkOf(policyLayout(architecture), 'policy')
  const nodes: Uint8Array[] = []
  const tensors: Uint8Array[] = []
  let from = 'observation'
  for (const [l, { inputs, outputs, weight, bias }] of layers.entries()) {
    const last = l === layers.length - 1
    tensors.push(tensor(`w${l}`, [outputs, inputs], policy.subarray(weight, weight + inputs * outputs)))
    tensors.push(tensor(`b${l}`, [outputs], policy.subarray(bias, bias + outputs)))
    const sum = last ? 'mean' : `s${l}`
    nodes.push(node('Gemm', [from, `w${l}`, `b${l}`], sum, attribute('transB', 1)))
    if (!last) nodes.push(node('Tanh', [sum], `h${l}`))
    from = `h${l}`
  }
  // Field numbers of onnx.proto: ModelProto, GraphProto.
  const graph = message([
    ...nodes.map((part) => bytesField(1, part)),
    textField(2, 'policy'),
    ...tensors.map((part) => bytesField(5, part)),
    bytesField(11, valueInfo('observation', architecture.observationSize)),
    bytesField(12, valueInfo('mean', architecture.actionSize)),
  ])
  return message([numberField(1, 8), bytesField(7, graph), bytesField(8, message([numberField(2, 13)]))])
}

function node(type: string, inputs: readonly string[], output: string, ...attributes: Uint8Array[]): Uint8Array {
  return message([
    ...inputs.map((name) => textField(1, name)),
    textField(2, output),
    textField(4, type),
    ...attributes.map((part) => bytesField(5, part)),
  ])
}

/** AttributeProto of type INT. */
function attribute(name: string, value: number): Uint8Array {
  return message([textField(1, name), numberField(3, value), numberField(20, 2)])
}

/** TensorProto of type FLOAT with raw little-endian data. */
function tensor(name: string, shape: readonly number[], data: Float64Array): Uint8Array {
  const raw = new Uint8Array(Float32Array.from(data).buffer)
  return message([...shape.map((n) => numberField(1, n)), numberField(2, 1), textField(8, name), bytesField(9, raw)])
}

/** ValueInfoProto of a float matrix with any number of rows. */
function valueInfo(name: string, columns: number): Uint8Array {
  const shape = message([bytesField(1, textField(2, 'n')), bytesField(1, numberField(1, columns))])
  const type = message([numberField(1, 1), bytesField(2, shape)])
  return message([textField(1, name), bytesField(2, bytesField(1, type))])
}

function message(fields: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(fields.flatMap((field) => [...field]))
}

function numberField(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field << 3), ...varint(value)])
}

function textField(field: number, text: string): Uint8Array {
  return bytesField(field, new TextEncoder().encode(text))
}

function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...varint((field << 3) | 2), ...varint(bytes.length), ...bytes])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) | 128)
  }
}
