import { join } from 'node:path'
import { writeAtomically } from '../device/checkpoint.ts'
import { makeDirectory } from '../device/directory.ts'
import { configuredArchitecture, connectBus, reach } from '../device/process.ts'
import type { Config, ConfigKey } from '../schemas/config.ts'
import { needsAggregator } from '../schemas/config-methods.ts'
import { timingProperties } from '../schemas/config-timing.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import type { Report } from '../schemas/report.ts'
import type { Summary } from '../schemas/summary.ts'
import { bridgeId, learnersOf } from '../sim-bridge/cli.ts'
import { readFaults } from '../sim-bridge/faults/fault-plan.ts'
import { isReported, prepareDirectory } from '../sim-bridge/report/report-files.ts'
import { reportTables } from '../sim-bridge/report/report-text.ts'
import { createScenario } from '../sim-bridge/sim/scenario.ts'
import { scenarioOf } from '../sim-bridge/worlds.ts'
import type { Command, CommandIo } from './command.ts'
import { refuseConflicts } from './conflicts.ts'
import { aggregatorTask, delay, deviceTask, stopAll } from './fleet-members.ts'
import { describeProcesses, startBroker, superviseBridge } from './fleet-processes.ts'
import { createFleetView } from './fleet-view.ts'
import { describeOptions, readOptions } from './options.ts'
import { openRunDirectory, readReport, readResumedConfig, readSummary } from './run-directory.ts'
import { type Child, startChild, type Task } from './supervisor.ts'

/** The whole fleet on this machine: broker, bridge and one process per vehicle, supervised. */
export const fleetCommand: Command = {
  help: `trustmix fleet: seven devices learn the figure eight over MQTT, each an operating-system process of its own.

Usage: trustmix fleet [--epochs 200] [--seed 1] [--method gated] [--sim embedded|sumo] [--broker mqtt://HOST:PORT]

${describeOptions('fleet')}

Ctrl-C ends after the present epoch with what there is (exit 130); a second one, with --realtime the first, ends at once.
With --judge a limit of the report (--realtime, --faults, --deadline-ms) that was not kept is exit code 5.
Files: RUN-DIR/summary.json, curve.svg, curve.png, policies/*.safetensors, processes.json (role, vehicle, pid, restart).`,
  async run(args, io) {
    const { config: asked, json, given } = readOptions('fleet', args, process.env)
    const config = asked.resume === null ? asked : resumedConfig(asked, given)
    refuseConflicts(config)
    const { summary, report } = await runFleet(config, json, io)
    if (summary.interrupted) return exitCodes.interrupted
    return config.judge && report?.passed === false ? exitCodes.failed : exitCodes.ok
  },
}

async function runFleet(config: Config, json: boolean, io: CommandIo): Promise<FleetResult> {
  configuredArchitecture(config)
  if (config.faults !== null) readFaults(config.faults, learnersOf(config))
  const scenario = createScenario(scenarioOf(config))
  if (config.report !== null) prepareDirectory('report', config.report)
  const vehicles = scenario.vehicles.filter((_, i) => scenario.learner[i])
  const directory = openRunDirectory(config, vehicles, bridgeId)
  const resumed = config.resume === null ? undefined : readSummary(directory.path)
  const done = resumed?.epochs.length ?? 0
  if (resumed && done >= config.epochs) {
    if (done === config.epochs && !resumed.interrupted) {
      io.print(`${directory.path} has all its ${done} epochs; give more --epochs to go on`)
      if (json) io.output(`${JSON.stringify(resumed)}\n`)
      return { summary: resumed }
    }
    throw new ExitError('usage', `--epochs must be more than the ${done} that are done, got ${config.epochs}`)
  }
  writeAtomically(join(directory.path, 'config.json'), `${JSON.stringify({ ...config, resume: null }, null, 2)}\n`)
  makeDirectory(directory.policies)
  const run = `r${Date.now().toString(36)}${process.pid.toString(36)}`.slice(0, 23)

  const view = createFleetView({ config, vehicles, directory: directory.path, print: io.print })
  const children: Child[] = []
  let broker = config.broker ?? 'starting'
  const record = (): void => {
    try {
      writeAtomically(
        join(directory.path, 'processes.json'),
        `${JSON.stringify(describeProcesses(run, broker, children), null, 2)}\n`,
      )
    } catch (error) {
      view.note(`processes.json was not written: ${(error as Error).message}`)
    }
  }
  const start = (task: Task): Child => {
    const child = startChild(task, {
      onLine: ({ role, vehicle }, line) => view.line(vehicle ?? role, line),
      onChange: record,
    })
    children.push(child)
    record()
    return child
  }
  const watch = (task: Omit<Task, 'onExit'>): Task => ({
    ...task,
    onExit({ code, signal, died }) {
      if (!died) return
      const cause = `${task.vehicle ?? task.role} died (${signal ?? `exit ${code}`})`
      view.note(cause)
    },
  })

  try {
    if (config.broker !== null) await probe(config, io)
    let brokerFailed: Promise<never> | undefined
    if (config.broker === null) {
      const own = await startBroker(config, directory, start, watch, (url) => io.print(`monitor: ${url}`))
      broker = own.url
      brokerFailed = own.failed
    }
    const credentials = (id: string): Partial<Config> =>
      config.broker === null ? { username: id, passwordFile: directory.secret(`${id}.password`) } : {}
    const members = { config, directory, broker, run, credentials }
    if (needsAggregator(config.method)) start(watch(aggregatorTask(members)))
    const devices = vehicles.map((vehicle) => start(watch(deviceTask(members, vehicle))))
    const driven = superviseBridge({
      config,
      directory,
      run,
      broker,
      credentials,
      start,
      view,
      io,
      resumed: resumed !== undefined,
    })
    driven.catch(() => {})
    const summary = await (brokerFailed ? Promise.race([driven, brokerFailed]) : driven)
    await Promise.race([Promise.all(devices.map(({ ended }) => ended)), delay(5_000)])
    const tables = await view.finish(summary)
    if (!json) io.output(`${tables}\n`)
    const report = isReported(config) ? readReport(config.report ?? directory.path) : undefined
    if (json) io.output(`${JSON.stringify(summary)}\n`)
    if (report) (json ? io.print : io.output)(`${reportTables(report)}\n`)
    if (config.keep && !summary.interrupted) {
      io.print('the run has ended; broker and monitor stay until Ctrl-C')
      await io.stopped
    }
    return { summary, ...(report && { report }) }
  } finally {
    view.stop()
    await stopAll(children)
    record()
  }
}

interface FleetResult {
  readonly summary: Summary
  readonly report?: Report
}

/** One connection to a broker of others before anything is started; ExitError 3 where there is none. */
async function probe(config: Config, io: CommandIo): Promise<void> {
  const bus = connectBus({ ...config, username: null, passwordFile: null }, `probe-${process.pid}`, io)
  try {
    await reach(bus, config, io)
  } finally {
    await bus.close()
  }
}

/** A resumed run keeps its configuration; only how long and where it goes on may be new. */
function resumedConfig(asked: Config, given: ReadonlySet<string>): Config {
  const before = readResumedConfig(asked.resume as string)
  const mayChange = new Set([
    'resume',
    'epochs',
    'broker',
    'port',
    'version',
    ...Object.keys(timingProperties),
    'answerTimeoutMs',
    'connectTimeoutMs',
  ])
  for (const key of given)
    if (!mayChange.has(key) && JSON.stringify(asked[key as ConfigKey]) !== JSON.stringify(before[key as ConfigKey]))
      throw new ExitError(
        'usage',
        `a resumed run keeps ${key} ${JSON.stringify(before[key as ConfigKey])}, got ${JSON.stringify(asked[key as ConfigKey])}`,
      )
  const changed = Object.fromEntries(
    [...given].filter((key) => mayChange.has(key)).map((key) => [key, asked[key as ConfigKey]]),
  )
  return { ...before, ...changed, resume: asked.resume } as Config
}
