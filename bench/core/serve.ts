/**
 * One contender as a process of its own: `node build/bench/core/serve.js NAME FOLDER` loads the workload, acts once, says
 * what it is on stdout and then answers requests line by line (peer-process.ts).
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { loadEngine } from '../../device/engines/index.ts'
import type { Contender, TaskName } from './contender.ts'
import { engineNames } from './engines.ts'
import type { Answer, Ready, Request } from './protocol.ts'
import { loadWorkload } from './workload.ts'

const [name = '', folder = ''] = process.argv.slice(2)
const workload = loadWorkload(folder)
const contender = await load()
await contender.tasks.inference?.run()
say({
  ready: true,
  about: contender.about,
  tasks: Object.keys(contender.tasks) as TaskName[],
  residentBytes: residentBytes(),
  cpuMs: cpuUs() / 1_000,
})
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request
  const task = contender.tasks[request.task]
  if (task === undefined) throw new Error(`task must be one of ${Object.keys(contender.tasks)}, got ${request.task}`)
  if ('calls' in request) {
    say(await timed(task.run, request.calls))
    continue
  }
  let values: ArrayLike<number> = []
  const times = await timed(async () => {
    values = await task.result()
  }, 1)
  say({ ...times, values: Array.from(values) })
}

async function load(): Promise<Contender> {
  if (name === 'onnxruntime-node') return (await import('./onnxruntime.ts')).onnxruntimeNode(workload, folder)
  if (name === 'tensorflow-wasm') return (await import('./tensorflow.ts')).tensorflowWasm(workload)
  if (name === 'tensorflow-node') return (await import('./tensorflow.ts')).tensorflowNode(workload)
  const engine = engineNames.find((known) => known === name)
  if (engine === undefined) throw new Error(`contender must be one that serve.ts knows, got ${name}`)
  return (await import('./ours.ts')).ours(await loadEngine(engine), workload)
}

async function timed(work: () => unknown, calls: number): Promise<Answer> {
  const [wall, cpu] = [performance.now(), cpuUs()]
  for (let i = 0; i < calls; i++) {
    const pending = work()
    if (pending instanceof Promise) await pending
  }
  return { wallUs: (1_000 * (performance.now() - wall)) / calls, cpuUs: (cpuUs() - cpu) / calls }
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Linux counts in /proc what the process really holds. */
function residentBytes(): number {
  try {
    return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
  } catch {
    return process.memoryUsage.rss()
  }
}

function say(message: Ready | Answer): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
