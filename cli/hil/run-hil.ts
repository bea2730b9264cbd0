import { join } from 'node:path'
import type { MqttBus } from '../../device/bus/mqtt-bus.ts'
import { configuredArchitecture, connectBus, reach } from '../../device/process.ts'
import { ExitError } from '../../schemas/exit.ts'
import type { HilReport } from '../../schemas/hil-report.ts'
import type { Status } from '../../schemas/status.ts'
import { bridgeId, learnersOf } from '../../sim-bridge/cli.ts'
import { type PlannedFault, readFaults } from '../../sim-bridge/faults/fault-plan.ts'
import { prepareDirectory } from '../../sim-bridge/report/report-files.ts'
import type { CommandIo } from '../command.ts'
import { type Bench, openBench } from './bench.ts'
import { driveUnit } from './drive-unit.ts'
import { findUnit, type Presence } from './find-unit.ts'
import type { HilConfig } from './hil.ts'
import { createTarget, type Target } from './target.ts'

/** What a run with one unit is made of. */
export interface HilRun {
  readonly config: HilConfig
  readonly io: CommandIo
  readonly target: Target
  readonly bench: Bench
  readonly plan: readonly PlannedFault[] | undefined
  /** Whose cars are driven by devices. */
  readonly learners: readonly string[]
  /** Directory of the report's files. */
  readonly reportDirectory: string
}

/** One run with one unit, from looking for it to the report, whose files are written. */
export async function runHil(config: HilConfig, io: CommandIo): Promise<HilReport> {
  configuredArchitecture(config)
  if (config.certFile !== null && config.others === 'devices')
    throw new ExitError('usage', 'others must be drivers at a broker with TLS: other devices have no certificates')
  const all = learnersOf(config)
  const learners = config.others === 'drivers' ? [config.vehicle] : all
  const plan = config.faults === null ? undefined : readFaults(config.faults, learners, [config.vehicle])
  const target = createTarget(config)
  const bench = await openBench(config, all, io.print)
  try {
    const reportDirectory = config.report ?? join(bench.directory.path, 'report')
    prepareDirectory('report', reportDirectory)
    const run = { config, io, target, bench, plan, learners, reportDirectory }
    return await Promise.race([onBench(run), bench.failed])
  } finally {
    await target.stop()
    await bench.stop()
  }
}

async function onBench(run: HilRun): Promise<HilReport> {
  const { config, io, target, bench, learners } = run
  const reachable = { ...config, broker: bench.broker, ...bench.credentials(bridgeId) }
  const bus = connectBus(reachable, bridgeId, io)
  try {
    await reach(bus, reachable, io)
    await target.start()
    const given = config.run ?? (config.broker === null ? newRun() : undefined)
    const presence = look(run, bus, given)
    const found = await present(presence, target, io)
    const id = runOf(config, found, given)
    const { software = 'unknown software', engine = 'unknown' } = found
    if (found.run !== undefined && found.run !== id) io.print(`${config.vehicle} says that its run is ${found.run}`)
    io.print(`${config.vehicle} is there: ${software}, engine ${engine}, boot ${found.boot}; run ${id}`)
    bench.startOthers(
      id,
      learners.filter((other) => other !== config.vehicle),
    )
    return await driveUnit({ ...run, config: { ...reachable, run: id } }, bus, presence, found)
  } finally {
    await bus.close()
  }
}

/** A unit at a given broker should be there already; one for a broker of our own can come only now. */
function look({ config, io, bench }: HilRun, bus: MqttBus, run: string | undefined): Presence {
  const { fleet, vehicle } = config
  const own = config.broker === null
  const hint = own
    ? `start it with: trustmix device --config ${bench.unitConfig(run ?? '')}`
    : `start it with: trustmix device --vehicle ${vehicle} --fleet ${fleet} --run ${run ?? 'ID'} --broker ${bench.broker} --state-dir DIR --private-key-file FILE --public-keys-file FILE`
  const timeoutMs = config.unitTimeoutMs ?? (own ? null : defaultUnitTimeoutMs)
  return findUnit({ bus, fleet, vehicle, broker: bench.broker, timeoutMs, hint, print: io.print, stopped: io.stopped })
}

const defaultUnitTimeoutMs = 5_000

/** The unit's status; where it does not come its machine is asked why. */
async function present(presence: Presence, target: Target, io: CommandIo): Promise<Status> {
  try {
    return await presence.online()
  } catch (error) {
    const facts = await target.facts()
    if (facts) {
      io.print(`${target.name}: ${facts.trouble ?? `${facts.activeState}, ${facts.restarts} restarts`}`)
      if (facts.trouble === null) for (const line of await target.journal()) io.print(`  ${line}`)
    }
    throw error
  }
}

/** The run that the unit takes part in: as given, else as its status says. */
function runOf({ vehicle }: HilConfig, { run }: Status, given: string | undefined): string {
  const found = given ?? run
  if (found === undefined)
    throw new ExitError('usage', `--run must be given where the status of ${vehicle} names no run, got nothing`)
  return found
}

function newRun(): string {
  return `h${Date.now().toString(36)}${process.pid.toString(36)}`.slice(0, 23)
}
