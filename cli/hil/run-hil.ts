import { join } from 'node:path'
import type { MqttBus } from '../../device/bus/mqtt-bus.ts'
import { configuredArchitecture, connectBus, reach } from '../../device/process.ts'
import { emulatedMachine } from '../../schemas/config-hil.ts'
import { ExitError } from '../../schemas/exit.ts'
import type { HilReport } from '../../schemas/hil-report.ts'
import type { Status } from '../../schemas/status.ts'
import { bridgeId, bridgeIdOf, learnersOf } from '../../sim-bridge/cli.ts'
import { type PlannedFault, readFaults } from '../../sim-bridge/faults/fault-plan.ts'
import { prepareDirectory } from '../../sim-bridge/report/report-files.ts'
import type { CommandIo } from '../command.ts'
import { type Bench, openBench } from './bench.ts'
import { openBoardFleet } from './board-fleet.ts'
import { driveUnit } from './drive-unit.ts'
import { checkImage, consoleName, createEmulatedTarget } from './emulated-target.ts'
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
  const machine = emulatedMachine(config.target)
  if (machine === undefined) return runWith(createTarget(config), config, io)
  const image = await checkImage(config, machine)
  const fleet = await openBoardFleet({ ...config, run: config.run ?? newRun() }, io)
  try {
    return await runWith(createEmulatedTarget({ machine, image, fleet, io }), fleet.config, io)
  } finally {
    await fleet.close()
  }
}

async function runWith(target: Target, config: HilConfig, io: CommandIo): Promise<HilReport> {
  if (config.certFile !== null && config.others === 'devices')
    throw new ExitError('usage', 'others must be drivers at a broker with TLS: other devices have no certificates')
  const all = learnersOf(config)
  const learners = config.others === 'drivers' ? [config.vehicle] : all
  const plan = config.faults === null ? undefined : readFaults(config.faults, learners, [config.vehicle])
  const bench = await openBench(config, all, io.print)
  try {
    const reportDirectory = config.report ?? join(bench.directory.path, 'report')
    prepareDirectory('report', reportDirectory)
    const run = { config, io, target, bench, plan, learners, reportDirectory }
    return await Promise.race([onBench(run), bench.failed, ...(target.failed ? [target.failed] : [])])
  } finally {
    await target.stop()
    await bench.stop()
  }
}

async function onBench(run: HilRun): Promise<HilReport> {
  const { config, io, target, bench, learners } = run
  const reachable = { ...config, broker: bench.broker, ...bench.credentials(bridgeId) }
  const bus = connectBus(reachable, bridgeIdOf(config), io)
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
  const hint = emulatedMachine(config.target)
    ? `the board writes its console to ${join(bench.directory.path, 'board', consoleName)}`
    : `start it with: trustmix device ${startOf(config, bench, run)}`
  const timeoutMs = config.unitTimeoutMs ?? (own ? null : defaultUnitTimeoutMs)
  return findUnit({ bus, fleet, vehicle, broker: bench.broker, timeoutMs, hint, print: io.print, stopped: io.stopped })
}

const defaultUnitTimeoutMs = 5_000

/** Arguments by which the unit is started. */
function startOf({ broker, certFile, fleet, vehicle }: HilConfig, bench: Bench, run: string | undefined): string {
  if (broker === null) return `--config ${bench.unitConfig(run ?? '')}`
  if (certFile !== null) return `--config FILE, which trustmix provision apply has made of the unit file of ${vehicle}`
  return `--vehicle ${vehicle} --fleet ${fleet} --run ${run ?? 'ID'} --broker ${broker} --state-dir DIR --private-key-file FILE --public-keys-file FILE`
}

/** The unit's status; where it does not come its machine is asked why. */
async function present(presence: Presence, target: Target, io: CommandIo): Promise<Status> {
  try {
    return await presence.online()
  } catch (error) {
    const facts = await target.facts()
    if (facts) {
      io.print(`${target.name}: ${facts.trouble ?? `${facts.activeState}, ${facts.restarts} restarts`}`)
    }
    if (!facts?.trouble) for (const line of await target.journal()) io.print(`  ${line}`)
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
