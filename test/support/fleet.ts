import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createAggregator } from '../../broker/aggregator.ts'
import { loadEngine } from '../../device/engines/index.ts'
import { defaultConfig, type PartialConfig } from '../../schemas/config.ts'
import type { Processes } from '../../schemas/process.ts'
import { settingOf } from '../../schemas/setting-of.ts'
import type { Summary } from '../../schemas/summary.ts'
import { createExperiment } from '../../sim-bridge/experiment/experiment.ts'
import { createEmbeddedWorld, scenarioOf } from '../../sim-bridge/worlds.ts'

export const bin = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

/** A run of `trustmix fleet` as a process of its own. */
export interface FleetProcess {
  readonly child: ChildProcess
  /** Resolves when epoch `epoch` has been reported on stderr. */
  epochDone(epoch: number): Promise<void>
  epochsDone(): number
  /** The present pid of a role (and vehicle) from processes.json. */
  pid(role: string, vehicle?: string): number
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>
  /** Resolves when the processes of the run are gone too: killed, a fleet ends before those that it had started. */
  gone(): Promise<void>
}

export function startFleet(
  runDirectory: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): FleetProcess {
  const child = spawn(process.execPath, [bin, 'fleet', '--json', '--run-dir', runDirectory, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  let stdout = ''
  let stderr = ''
  let epochs = 0
  const waiting: { epoch: number; resolve: () => void }[] = []
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  const lines = createInterface({ input: child.stderr as NodeJS.ReadableStream })
  lines.on('line', (line) => {
    stderr += `${line}\n`
    const epoch = Number(/^epoch (\d+)\//.exec(line)?.[1])
    if (!(epoch > epochs)) return
    epochs = epoch
    for (const entry of waiting) if (epochs >= entry.epoch) entry.resolve()
  })
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  return {
    child,
    ended,
    epochsDone: () => epochs,
    epochDone: (epoch) =>
      new Promise((resolve, reject) => {
        if (epochs >= epoch) return resolve()
        waiting.push({ epoch, resolve })
        ended.then(() => reject(new Error(`the fleet ended before epoch ${epoch}:\n${stderr}`)))
      }),
    async gone() {
      await ended
      const file = join(runDirectory, 'processes.json')
      const { processes } = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Processes) : { processes: [] }
      while (processes.some(({ pid }) => pid !== null && runs(pid))) await delay(20)
    },
    pid(role, vehicle) {
      const { processes } = JSON.parse(readFileSync(join(runDirectory, 'processes.json'), 'utf8')) as Processes
      const found = processes.find(
        (entry) => entry.role === role && (vehicle === undefined || entry.vehicle === vehicle),
      )
      if (!found?.pid) throw new Error(`no ${role} ${vehicle ?? ''} in ${JSON.stringify(processes)}`)
      return found.pid
    },
  }
}

/** Runs a fleet to its end; throws with its stderr where it fails. */
export async function runFleet(runDirectory: string, args: readonly string[]): Promise<Summary> {
  const { code, stdout, stderr } = await startFleet(runDirectory, args).ended
  if (code !== 0) throw new Error(`the fleet ended with ${code}:\n${stderr}`)
  return JSON.parse(stdout) as Summary
}

/** The same run over the local bus, in this process. */
export async function runLocally(part: PartialConfig): Promise<Summary> {
  const config = { ...defaultConfig, ...part }
  const createEngine = await loadEngine(config.engine)
  const experiment = createExperiment({
    config,
    world: createEmbeddedWorld(scenarioOf(config), {
      reward: settingOf(config).reward,
      startJitter: config.startJitter,
    }),
    createEngine: (observationSize, hidden, actionSize) => createEngine({ observationSize, actionSize, hidden }),
    attachAggregator(context) {
      const clocks = { now: () => 0, wallClock: () => '' }
      createAggregator({ ...context, ...clocks, fleet: config.fleet, cell: config.cell, boot: 1, software: 'test' })
    },
  })
  return experiment.run()
}

export function summaryFile(runDirectory: string): Summary | undefined {
  const path = join(runDirectory, 'summary.json')
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Summary) : undefined
}

/** Whether a process, not a child of this one, is still at work; what nobody has waited for (`Z`) is over. */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
