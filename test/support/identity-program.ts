import { advantages, elementaryFunctions, noiseStreams } from './identity-core.ts'
import { drivenCars, gatedEpoch, policyDrivenCars } from './identity-driving.ts'
import { identityEngines } from './identity-engines.ts'
import { actions, ppoSteps, verdicts } from './identity-learning.ts'

/**
 * What must have the same bits on every processor, as a program that a Node of another processor runs: prints the
 * processor, then a line `<SHA-256> <name>` per part. Arguments select parts by the beginning of their names.
 */
const parts: [name: string, digest: () => string | Promise<string>][] = [
  ['elementary functions', elementaryFunctions],
  ['noise streams', noiseStreams],
  ['driven cars', drivenCars],
]
for (const [name, createEngine] of Object.entries(identityEngines)) {
  parts.push(
    [`${name}: advantages`, () => advantages(createEngine)],
    [`${name}: actions`, () => actions(createEngine)],
    [`${name}: 320 PPO steps`, () => ppoSteps(createEngine)],
    [`${name}: verdicts`, () => verdicts(createEngine)],
    [`${name}: cars driven by policies`, () => policyDrivenCars(createEngine)],
    [`${name}: gated epoch, headway`, () => gatedEpoch('headway', createEngine)],
    [`${name}: gated epoch, letter`, () => gatedEpoch('letter', createEngine)],
  )
}

const wanted = process.argv.slice(2)
process.stdout.write(`${process.arch}\n`)
for (const [name, digest] of parts)
  if (wanted.length === 0 || wanted.some((start) => name.startsWith(start)))
    process.stdout.write(`${await digest()} ${name}\n`)
