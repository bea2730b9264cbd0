import { denseLayers, type NamedPolicy, stringsWithLogStd } from './named-policy.ts'
import { FLOAT, INTEGER_ATTRIBUTE, irVersion, onnxFields, opset } from './onnx-fields.ts'
import { encodeMessage, type Field } from './protobuf.ts'

/**
 * An ONNX model: Gemm and Tanh in turn, input `observation` [N, observationSize], output `action` [N, actionSize], the mean;
 * weights as in PyTorch ([out, in], transB = 1); names, hashes and `log_std` in `metadata_props`.
 */
export function encodeOnnx(named: NamedPolicy): Uint8Array {
  const layers = denseLayers(named)
  const last = layers.length - 1
  const nodes = layers.flatMap(({ name }, i) => {
    const inputs = [i === 0 ? 'observation' : `${layers[i - 1]?.name}.tanh`, `${name}.weight`, `${name}.bias`]
    const gemm = node('Gemm', name, inputs, i === last ? 'action' : `${name}.linear`, [transB()])
    return i === last ? [gemm] : [gemm, node('Tanh', `${name}.tanh`, [`${name}.linear`], `${name}.tanh`, [])]
  })
  const initializers = layers.flatMap(({ name, inputs, outputs, weight, bias }) => [
    tensor(`${name}.weight`, [outputs, inputs], weight),
    tensor(`${name}.bias`, [outputs], bias),
  ])
  const graph = encodeMessage([
    ...nodes.map((bytes): Field => [onnxFields.graph.node, bytes]),
    [onnxFields.graph.name, 'policy'],
    ...initializers.map((bytes): Field => [onnxFields.graph.initializer, bytes]),
    [onnxFields.graph.input, batchOf('observation', named.architecture.observationSize)],
    [onnxFields.graph.output, batchOf('action', named.architecture.actionSize)],
  ])
  const entries = [...stringsWithLogStd(named)].map(
    ([key, value]): Field => [
      onnxFields.model.metadataProps,
      encodeMessage([
        [onnxFields.entry.key, key],
        [onnxFields.entry.value, value],
      ]),
    ],
  )
  return encodeMessage([
    [onnxFields.model.irVersion, irVersion],
    [onnxFields.model.producerName, 'trustmix'],
    [onnxFields.model.graph, graph],
    [onnxFields.model.opsetImport, encodeMessage([[onnxFields.opset.version, opset]])],
    ...entries,
  ])
}

function node(
  operator: string,
  name: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly Field[],
): Uint8Array {
  return encodeMessage([
    ...inputs.map((input): Field => [onnxFields.node.input, input]),
    [onnxFields.node.output, output],
    [onnxFields.node.name, name],
    [onnxFields.node.opType, operator],
    ...attributes,
  ])
}

function transB(): Field {
  const attribute = encodeMessage([
    [onnxFields.attribute.name, 'transB'],
    [onnxFields.attribute.integer, 1],
    [onnxFields.attribute.type, INTEGER_ATTRIBUTE],
  ])
  return [onnxFields.node.attribute, attribute]
}

function tensor(name: string, dims: readonly number[], values: Float32Array): Uint8Array {
  return encodeMessage([
    ...dims.map((size): Field => [onnxFields.tensor.dims, size]),
    [onnxFields.tensor.dataType, FLOAT],
    [onnxFields.tensor.name, name],
    [onnxFields.tensor.rawData, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)],
  ])
}

/** A float32 input or output [N, size], N of any size. */
function batchOf(name: string, size: number): Uint8Array {
  const rows = encodeMessage([[onnxFields.dimension.parameter, 'N']])
  const columns = encodeMessage([[onnxFields.dimension.value, size]])
  const shape = encodeMessage([
    [onnxFields.shape.dimension, rows],
    [onnxFields.shape.dimension, columns],
  ])
  const tensorType = encodeMessage([
    [onnxFields.tensorType.elementType, FLOAT],
    [onnxFields.tensorType.shape, shape],
  ])
  return encodeMessage([
    [onnxFields.valueInfo.name, name],
    [onnxFields.valueInfo.type, encodeMessage([[onnxFields.type.tensor, tensorType]])],
  ])
}
