import { readFileSync } from 'node:fs'
import { writeAtomically } from '../device/checkpoint.ts'
import {
  type Architecture,
  decodeSafetensors,
  encodeSafetensors,
  inferArchitecture,
  policyLayout,
  type SafetensorsFile,
  valueLayout,
  vectorFromTensors,
} from '../device/core/index.ts'
import { ExitError } from '../schemas/exit.ts'

/** Reads a safetensors file: ExitError 2 if there is none, 4 if it is damaged. */
export function readTensorFile(path: string): SafetensorsFile {
  const bytes = readBytes(path)
  return damagedUnless(path, () => decodeSafetensors(bytes))
}

/** Writes a safetensors file whole or not at all; ExitError 2 where that place cannot be written. */
export function writeTensorFile(path: string, file: SafetensorsFile): void {
  writeOutput(path, encodeSafetensors(file))
}

/** Writes what `--out` names whole or not at all; ExitError 2 where that place cannot be written. */
export function writeOutput(path: string, content: string | Uint8Array): void {
  try {
    writeAtomically(path, content)
  } catch (error) {
    throw new ExitError('usage', `--out ${path}: ${(error as Error).message}`)
  }
}

export function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
}

/** Runs what may find damage; its Error becomes ExitError 4 with the file's name. */
export function damagedUnless<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new ExitError('damaged', `${path}: ${(error as Error).message}`)
  }
}

/** The policy of a file, with its architecture; a value network may be there too. */
export function policyOf(path: string, file: SafetensorsFile): { architecture: Architecture; policy: Float64Array } {
  return damagedUnless(path, () => {
    const architecture = inferArchitecture(file.tensors)
    const policy = vectorFromTensors(policyLayout(architecture), file.tensors, valueLayout(architecture))
    for (const [name, { data }] of file.tensors)
      if (!data.every(Number.isFinite)) throw new Error(`${name} must be finite`)
    return { architecture, policy }
  })
}

/** A column of rows: [count] or [count, width], finite. */
export function columnOf(
  path: string,
  file: SafetensorsFile,
  name: string,
  width: number | null,
): { count: number; data: Float64Array } {
  return damagedUnless(path, () => {
    const tensor = file.tensors.get(name)
    if (!tensor) throw new Error(`tensor ${name} is missing`)
    const [count, ...rest] = tensor.shape
    if (count === undefined || rest.length !== (width === null ? 0 : 1) || (width !== null && rest[0] !== width))
      throw new Error(`${name} must have shape [rows${width === null ? '' : `, ${width}`}], got [${tensor.shape}]`)
    const data = Float64Array.from(tensor.data)
    const bad = data.findIndex((value) => !Number.isFinite(value))
    if (bad >= 0) throw new Error(`${name} must be finite, got ${data[bad]} at index ${bad}`)
    return { count, data }
  })
}

/** Columns of one table must have as many rows. */
export function sameRows(path: string, columns: Readonly<Record<string, { count: number }>>): number {
  const counts = Object.values(columns).map(({ count }) => count)
  const [first = 0] = counts
  if (counts.some((count) => count !== first))
    throw new ExitError(
      'damaged',
      `${path}: columns must have equally many rows, got ${JSON.stringify(Object.fromEntries(Object.entries(columns).map(([k, { count }]) => [k, count])))}`,
    )
  return first
}
