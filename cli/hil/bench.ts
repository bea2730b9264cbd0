import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory } from '../../device/directory.ts'
import type { Config } from '../../schemas/config.ts'
import { needsAggregator } from '../../schemas/config-methods.ts'
import { ExitError } from '../../schemas/exit.ts'
import { bridgeId } from '../../sim-bridge/cli.ts'
import { aggregatorTask, deviceConfig, deviceTask, type Members, stopAll } from '../fleet-members.ts'
import { startBroker } from '../fleet-processes.ts'
import { openRunDirectory, type RunDirectory } from '../run-directory.ts'
import { type Child, startChild, type Task } from '../supervisor.ts'
import type { HilConfig } from './hil.ts'

/** What runs on the workstation beside the bridge: the broker, where none is given, and the devices of the other cars. */
export interface Bench {
  readonly directory: RunDirectory
  readonly broker: string
  /** Rejects when a broker of its own is gone for good. */
  readonly failed: Promise<never>
  /** By which somebody logs in; nothing where there is no password. */
  readonly credentials: (id: string) => Partial<Pick<Config, 'username' | 'passwordFile'>>
  /** Writes the configuration by which the unit can be started on this machine; its path. */
  unitConfig(run: string): string
  /** Starts the devices of these cars, and the averaging server where the method has one. */
  startOthers(run: string, vehicles: readonly string[]): void
  stop(): Promise<void>
}

export async function openBench(
  config: HilConfig,
  learners: readonly string[],
  print: (line: string) => void,
): Promise<Bench> {
  const directory = openRunDirectory({ ...config, runDir: config.runDir ?? defaultDirectory() }, learners, bridgeId)
  makeDirectory(directory.policies)
  const children: Child[] = []
  const start = (task: Task): Child => {
    const child = startChild(task, {
      onLine: ({ role, vehicle }, line) => print(`${vehicle ?? role}: ${line}`),
      onChange: () => {},
    })
    children.push(child)
    return child
  }
  const watch = (task: Omit<Task, 'onExit'>): Task => ({
    ...task,
    onExit({ code, signal, died }) {
      if (died) print(`${task.vehicle ?? task.role} died (${signal ?? `exit ${code}`})`)
    },
  })
  try {
    const own =
      config.broker === null
        ? await startBroker(config, directory, start, watch, (url) => print(`monitor: ${url}`))
        : undefined
    const broker = own?.url ?? (config.broker as string)
    const credentials = credentialsOf(config, directory)
    const members = (run: string): Members => ({ config, directory, broker, run, credentials })
    return {
      directory,
      broker,
      failed: own?.failed ?? new Promise<never>(() => {}),
      credentials,
      unitConfig: (run) => deviceConfig(members(run), config.vehicle),
      startOthers(run, vehicles) {
        if (needsAggregator(config.method)) start(watch(aggregatorTask(members(run))))
        for (const vehicle of vehicles) start(watch(deviceTask(members(run), vehicle)))
      },
      stop: () => stopAll(children),
    }
  } catch (error) {
    await stopAll(children)
    throw error
  }
}

/** At a broker of its own everyone has a password; at a given one those do whose password lies among the given keys. */
function credentialsOf({ broker, keys }: Config, directory: RunDirectory): Bench['credentials'] {
  return (id) => {
    const passwordFile = directory.secret(`${id}.password`)
    const known = broker === null || (keys !== null && existsSync(passwordFile))
    if (broker === null && !existsSync(passwordFile))
      throw new ExitError('usage', `--keys must hold ${id}.password for a broker of its own, got ${keys}`)
    return known ? { username: id, passwordFile } : {}
  }
}

/** Where a run goes that names no directory. */
export function defaultDirectory(): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  return join('runs', `hil-${time}-${randomBytes(2).toString('hex')}`)
}
