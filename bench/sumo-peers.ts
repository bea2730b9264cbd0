import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createController } from '../sim-bridge/sim/controllers.ts'
import { createSumoSimulator, type SumoSimulator } from '../sim-bridge/sumo/sumo-simulator.ts'
import type { Absent } from './absent.ts'

/** One way to drive the same 14 cars on SUMO; `run` gives µs a step and the mean speed in m/s (NaN where it cannot be read). */
export interface SumoPeer {
  readonly name: string
  readonly about: string
  run(): Promise<{ readonly microseconds: number; readonly meanSpeed: number }>
}

/** Peers that are here, those that are not, and how to release what they hold. */
export interface SumoPeers {
  readonly peers: readonly SumoPeer[]
  readonly absent: readonly Absent[]
  close(): Promise<void>
}

/** The learners drive towards this speed, m/s (controller `cap:6` of the reference runs). */
const wantedSpeed = 6

/** Finds out which peers are here by driving each for a moment. */
export async function findSumoPeers(steps: number): Promise<SumoPeers> {
  const directory = await mkdtemp(join(tmpdir(), 'trustmix-bench-'))
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true })
  let ours: SumoSimulator
  try {
    ours = await createSumoSimulator({ preset: 'flow', directory })
  } catch (error) {
    await remove()
    const reason = error instanceof Error ? error.message : String(error)
    const absent = ['sumo-raw', 'sumo-traci', 'sumo-traci-python', 'sumo-libsumo'].map((name) => ({
      ...{ name, command: 'sumo', reason },
    }))
    return { peers: [], absent, close: async () => {} }
  }
  const sumo = await sumoArguments(directory)
  const peers: SumoPeer[] = [rawSumo(sumo, steps), ownClient(ours, steps)]
  const absent: Absent[] = []
  for (const kind of ['traci', 'libsumo'] as const) {
    const found = await findPython(kind, sumo, ours, steps)
    if ('run' in found) peers.push(found)
    else absent.push(found)
  }
  const close = async (): Promise<void> => {
    await ours.close()
    await remove()
  }
  return { peers, absent, close }
}

function ownClient(simulator: SumoSimulator, steps: number): SumoPeer {
  const controller = createController(`cap:${wantedSpeed}`)
  const commands = new Float64Array(simulator.vehicles.length)
  return {
    name: 'sumo-traci',
    about: `SUMO over this project's TraCI client: ${steps} steps, 14 subscriptions, 7 commands, one message a step`,
    async run() {
      await simulator.reset()
      let sum = 0
      const begin = performance.now()
      for (let k = 0; k < steps; k++) {
        controller(simulator, k, commands)
        await simulator.step(commands)
        for (const v of simulator.speed) sum += v
      }
      const microseconds = (1000 * (performance.now() - begin)) / steps
      return { microseconds, meanSpeed: sum / simulator.vehicles.length / steps }
    },
  }
}

/** The program alone: its own right of way, since only a client can set the speed mode; start and end are subtracted. */
function rawSumo(sumo: readonly string[], steps: number): SumoPeer {
  const run = async (count: number): Promise<number> => {
    const begin = performance.now()
    await promisify(execFile)('sumo', [...sumo, '--end', String(count / 10)])
    return performance.now() - begin
  }
  return {
    name: 'sumo-raw',
    about: `the program sumo alone on the same net, nobody connected: ${10 * steps} steps, start subtracted`,
    async run() {
      const [long, short] = [await run(10 * steps), await run(10)]
      return { microseconds: (1000 * (long - short)) / (10 * steps - 10), meanSpeed: Number.NaN }
    },
  }
}

async function findPython(
  kind: 'traci' | 'libsumo',
  sumo: readonly string[],
  { vehicles, learner, accelerationLimit }: SumoSimulator,
  steps: number,
): Promise<SumoPeer | Absent> {
  const name = kind === 'traci' ? 'sumo-traci-python' : 'sumo-libsumo'
  const learners = vehicles.filter((_, i) => learner[i]).join(',')
  const script = fileURLToPath(new URL('../../bench/python/sumo_peer.py', import.meta.url))
  const drive = async (python: string, count: number): Promise<{ microseconds: number; meanSpeed: number }> => {
    const what = [script, kind, String(count), learners, String(wantedSpeed), String(accelerationLimit)]
    const { stdout } = await promisify(execFile)(python, [...what, '--', 'sumo', ...sumo])
    const answer: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    const { microseconds, meanSpeed } = answer as Record<string, unknown>
    return { microseconds: Number(microseconds), meanSpeed: Number(meanSpeed) }
  }
  let reason = ''
  // Distributions build libsumo for their own Python, which need not be the first on the PATH.
  const pythons = [...new Set([process.env.PYTHON ?? 'python3', 'python3', '/usr/bin/python3'])]
  for (const python of pythons) {
    try {
      await drive(python, 2)
      const client = kind === 'traci' ? "SUMO over SUMO's own Python client" : 'SUMO inside a Python process (libsumo)'
      return { name, about: `${client}: ${steps} steps, the same reads and commands`, run: () => drive(python, steps) }
    } catch (error) {
      const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n')
      reason = lines.at(-1) ?? ''
    }
  }
  return { name, command: `${pythons.at(-1)} bench/python/sumo_peer.py ${kind}`, reason }
}

/** The command line of the bridge, on the files that it wrote. */
async function sumoArguments(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory)
  const file = (end: string): string => join(directory, names.find((name) => name.endsWith(end)) ?? end)
  return [
    ...['--net-file', file('.net.xml'), '--route-files', file('.rou.xml')],
    ...['--step-length', '0.1', '--time-to-teleport', '-1'],
    ...['--collision.check-junctions', 'true', '--collision.action', 'warn'],
    ...['--no-step-log', 'true', '--no-warnings', 'true', '--xml-validation', 'never'],
  ]
}
