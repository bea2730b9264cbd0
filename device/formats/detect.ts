/** The formats that a policy is exchanged in. */
export const exchangeFormats = ['tfjs', 'onnx', 'safetensors'] as const

export type ExchangeFormat = (typeof exchangeFormats)[number]

const BRACE = 0x7b

/**
 * Which format the bytes begin like: safetensors has the eighth-byte-aligned "{" after a length below 2^32, a layers-model is
 * JSON, an ONNX model begins with its `ir_version` (field 1, a varint). Undefined for anything else.
 */
export function detectFormat(bytes: Uint8Array): ExchangeFormat | undefined {
  if (bytes[8] === BRACE && bytes.subarray(4, 8).every((byte) => byte === 0)) return 'safetensors'
  if (bytes[bytes.findIndex((byte) => byte > 0x20)] === BRACE) return 'tfjs'
  if (bytes[0] === 0x08) return 'onnx'
  return undefined
}
