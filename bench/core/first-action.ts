/**
 * The smallest program that acts with an engine: `node build/bench/core/first-action.js ENGINE`, or `bare` for Node alone.
 * Says on stdout what it holds once it has acted.
 */
import { readFileSync } from 'node:fs'
import type { EngineName } from './engines.ts'

const [name = 'bare'] = process.argv.slice(2)
if (name !== 'bare') {
  const { createRng, initialPolicy } = await import('../../device/core/index.ts')
  const { loadEngine } = await import('../../device/engines/index.ts')
  const architecture = { observationSize: 6, actionSize: 1, hidden: [64, 64] }
  const actor = (await loadEngine(name as EngineName))(architecture).createActor()
  actor.load(initialPolicy(architecture, createRng(1, 'bench', 'first'), 0))
  actor.act(new Float64Array(6), new Float32Array(1))
}
const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
process.stdout.write(`${JSON.stringify({ residentBytes: 1024 * kilobytes })}\n`)
