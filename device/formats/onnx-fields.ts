/** Field numbers of the messages of onnx.proto (github.com/onnx/onnx/blob/main/onnx/onnx.proto) that a policy needs. */
export const onnxFields = {
  model: { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8, metadataProps: 14 },
  opset: { domain: 1, version: 2 },
  graph: { node: 1, name: 2, initializer: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 },
  attribute: { name: 1, float: 2, integer: 3, type: 20 },
  tensor: { dims: 1, dataType: 2, name: 8, rawData: 9, dataLocation: 14 },
  dimension: { value: 1, parameter: 2 },
  shape: { dimension: 1 },
  tensorType: { elementType: 1, shape: 2 },
  type: { tensor: 1 },
  valueInfo: { name: 1, type: 2 },
  entry: { key: 1, value: 2 },
} as const

/** ONNX 1.8 (2020): opset 13, the first with today's Gemm and Tanh, and IR version 7. */
export const irVersion = 7
export const opset = 13
/** TensorProto.DataType.FLOAT, also the element type of inputs and outputs. */
export const FLOAT = 1
/** AttributeProto.AttributeType.INT */
export const INTEGER_ATTRIBUTE = 2
