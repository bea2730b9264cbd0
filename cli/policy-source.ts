import { readFileSync, type Stats, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { decodeSafetensors, type SafetensorsFile } from '../device/core/index.ts'
import { detectFormat, type ExchangeFormat, exchangeFormats } from '../device/formats/detect.ts'
import { decodeOnnx } from '../device/formats/onnx-decoder.ts'
import { decodeLayersModel } from '../device/formats/tfjs.ts'
import { ExitError } from '../schemas/exit.ts'
import { damagedUnless } from './tensor-file.ts'

/** The largest file that is taken for a policy; parameters on the wire are at most 1 MiB. */
export const largestPolicyFile = 67_108_864
/** What describes the weights: the header of safetensors, the text of a layers-model. */
const largestDescription = 1_048_576

/**
 * Reads a policy in any of the formats; a folder is taken for a layers-model's. ExitError 2 where there is no such file, 4 where it is
 * damaged, over-size or of no format that is known.
 */
export function readPolicyFile(
  path: string,
  given?: ExchangeFormat,
): { file: SafetensorsFile; format: ExchangeFormat } {
  const isFolder = statusOf(path).isDirectory()
  if (isFolder && given !== undefined && given !== 'tfjs')
    throw new ExitError('usage', `${path} must be a file, as ${given} is, got a folder`)
  const source = isFolder ? join(path, 'model.json') : path
  const bytes = readBounded(source, largestPolicyFile)
  const format = given ?? (isFolder ? 'tfjs' : detectFormat(bytes))
  if (format === undefined)
    throw new ExitError('damaged', `${path}: content must be one of ${exchangeFormats.join(', ')}, got another format`)
  return { file: damagedUnless(source, () => decode(source, bytes, format)), format }
}

function decode(source: string, bytes: Uint8Array, format: ExchangeFormat): SafetensorsFile {
  if (format === 'safetensors') return decodeSafetensors(bytes, { maxHeaderBytes: largestDescription })
  if (format === 'onnx') return decodeOnnx(bytes)
  if (bytes.length > largestDescription)
    throw new Error(`model.json must be at most ${largestDescription} bytes, got ${bytes.length}`)
  return decodeLayersModel(utf8(bytes), (name) => {
    try {
      return readBounded(join(dirname(source), name), largestPolicyFile)
    } catch (error) {
      throw new Error(`weights file: ${(error as Error).message}`)
    }
  })
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Error('model.json must be valid UTF-8, got other bytes')
  }
}

/** The size is looked at first, so that a wrong file costs no memory. */
function readBounded(path: string, largest: number): Uint8Array {
  const status = statusOf(path)
  if (!status.isFile()) throw new ExitError('usage', `${path} must be a regular file, got something else`)
  if (status.size > largest)
    throw new ExitError('damaged', `${path}: must be at most ${largest} bytes, got ${status.size}`)
  try {
    return readFileSync(path)
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
}

function statusOf(path: string): Stats {
  try {
    return statSync(path)
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
}
