import { type Config, type ConfigKey, configKeys } from '../schemas/config.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import type { Summary } from '../schemas/summary.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { BridgeEvent } from '../sim-bridge/bridge.ts'
import { bridgeId } from '../sim-bridge/cli.ts'
import type { CommandIo } from './command.ts'
import type { FleetReport } from './fleet-view.ts'
import { type RunDirectory, readSummary } from './run-directory.ts'
import { type Child, restartCommand, type Task } from './supervisor.ts'

export interface BridgeRun {
  readonly config: Config
  readonly directory: RunDirectory
  readonly run: string
  readonly broker: string
  readonly credentials: (id: string) => Partial<Config>
  readonly start: (task: Task) => Child
  readonly view: FleetReport
  readonly io: CommandIo
  readonly resumed: boolean
}

/** Starts the bridge and waits for its summary; passes on requests to stop. */
export async function superviseBridge({
  config,
  directory,
  run,
  broker,
  credentials,
  start,
  view,
  io,
  resumed,
}: BridgeRun): Promise<Summary> {
  const file = directory.processConfig(bridgeId, {
    ...pick(config, 'sim-bridge'),
    ...{ broker, run, runDir: directory.path, resume: resumed ? directory.path : null, maxBackoffMs: 1_000 },
    ...credentials(bridgeId),
  })
  const bridge = start({
    role: 'sim-bridge',
    vehicle: null,
    args: ['sim-bridge', '--config', file],
    restart: false,
    onMessage(message) {
      const { kind } = message as { kind: string }
      if (kind === 'event') view.event((message as { event: BridgeEvent }).event)
    },
  })
  io.stopped.then(() => {
    view.note(config.realtime ? 'ending' : 'ending after this epoch; Ctrl-C again ends at once')
    bridge.order({ kind: 'stop' })
  })
  io.interrupts(() => bridge.order({ kind: 'stop-now' }))
  const code = await bridge.ended
  // The file is complete before the bridge ends; a message on its channel may still be under way.
  const ended = code === exitCodes.ok || code === exitCodes.interrupted || code === exitCodes.failed
  const summary = ended ? readSummary(directory.path) : undefined
  if (summary) return summary
  if (code === exitCodes.interrupted) throw new ExitError('interrupted', 'interrupted before the first epoch')
  const message =
    view
      .linesOf('sim-bridge')
      .findLast((line) => line.startsWith('trustmix: '))
      ?.slice('trustmix: '.length) ??
    `it ended (${code === null ? 'killed' : `exit code ${code}`}); go on with --resume ${directory.path}`
  if (code === exitCodes.unreachable) throw new ExitError('unreachable', message)
  if (code === exitCodes.usage) throw new ExitError('usage', message)
  throw new ExitError('internal', `sim-bridge: ${message}`)
}

/** Starts the fleet's own broker; its port stays the same when it is started again. `failed` rejects when it is gone for good. */
export async function startBroker(
  config: Config,
  directory: RunDirectory,
  start: (task: Task) => Child,
  watch: (task: Omit<Task, 'onExit'>) => Task,
  onMonitor: (url: string) => void,
): Promise<{ readonly url: string; readonly failed: Promise<never> }> {
  const usersFile = directory.secret('users.json')
  const values = { ...pick(config, 'broker'), usersFile, aggregator: 'none' as const }
  const file = directory.processConfig('broker', { ...values, port: config.port })
  let listening: (port: number) => void = () => {}
  const port = new Promise<number>((resolve) => {
    listening = resolve
  })
  const broker = start(
    watch({
      role: 'broker',
      vehicle: null,
      args: ['broker', '--config', file],
      restart: true,
      onMessage(message) {
        const { kind, port: found, url } = message as { kind: string; port: number; url: string }
        if (kind === 'listening') listening(found)
        if (kind === 'monitor') onMonitor(url)
      },
    }),
  )
  const failed = broker.ended.then((code) => {
    if (code === exitCodes.usage) throw new ExitError('usage', `the broker cannot listen; is port ${config.port} free?`)
    throw new ExitError('internal', `the broker ended for good with exit code ${code}`)
  })
  failed.catch(() => {})
  const found = await Promise.race([port, failed])
  directory.processConfig('broker', { ...values, port: found })
  return { url: `mqtt://127.0.0.1:${found}`, failed }
}

/** What `processes.json` says. */
export function describeProcesses(run: string, broker: string, children: readonly Child[]): object {
  const own = {
    role: 'fleet',
    vehicle: null,
    pid: process.pid,
    restart: [process.execPath, ...process.argv.slice(1)],
    restarts: 0,
  }
  return {
    version: formatVersion,
    run,
    broker,
    processes: [
      own,
      ...children.map(({ task, pid, restarts }) => ({
        role: task.role,
        vehicle: task.vehicle,
        pid,
        restart: restartCommand(task),
        restarts,
      })),
    ],
  }
}

/** The values of those keys that a command reads. */
export function pick(config: Config, command: string): Partial<Config> {
  return Object.fromEntries(configKeys(command).map((key: ConfigKey) => [key, config[key]])) as Partial<Config>
}
