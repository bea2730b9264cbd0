import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type GoldenCase, readGoldenCase } from '../../device/golden.ts'

export { type Expected, type GoldenCase, samplesOf, values } from '../../device/golden.ts'

// Compiled to build/test/support; the vectors stay in the source tree.
export const vectorsFolder = fileURLToPath(new URL('../../../test/vectors/', import.meta.url))

/** Every case in test/vectors. */
export function goldenCases(): GoldenCase[] {
  return readdirSync(vectorsFolder)
    .sort()
    .map((name) => readGoldenCase(vectorsFolder, name))
}
