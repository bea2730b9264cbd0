import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Figure, figureOf } from '../measure.ts'
import type { EngineName } from './engines.ts'

/** Start-up (spawn of a process to its end, one action within) and resident memory of Node alone and with each engine. */
export async function footprint(engines: readonly EngineName[], quick: boolean): Promise<Figure[]> {
  const script = fileURLToPath(new URL('first-action.js', import.meta.url))
  const names = ['bare', ...engines]
  const found = names.map((name) => ({ name, ms: [] as number[], megabytes: [] as number[] }))
  for (let r = 0; r < (quick ? 3 : 11); r++) {
    for (const { name, ms, megabytes } of found) {
      const begin = performance.now()
      const { stdout } = await promisify(execFile)(process.execPath, [script, name])
      ms.push(performance.now() - begin)
      megabytes.push((JSON.parse(stdout) as { residentBytes: number }).residentBytes / 1e6)
    }
  }
  return found.flatMap(({ name, ms, megabytes }) => {
    const what = name === 'bare' ? 'Node alone' : `Node, engine ${name}, one action`
    return [
      figureOf(`start-${name}`, 'ms', ms, `${what}: start to end of the process`),
      figureOf(`memory-${name}`, 'MB', megabytes, `${what}: resident`),
    ]
  })
}
