import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as passed } from 'node:timers/promises'
import type { MqttBus } from '../../device/bus/mqtt-bus.ts'
import type { HilReport } from '../../schemas/hil-report.ts'
import type { Status } from '../../schemas/status.ts'
import { type BridgeResult, runOn, type Witness } from '../../sim-bridge/cli.ts'
import { createHilReport } from '../../sim-bridge/hil/hil-report.ts'
import { createUnitRecord, type UnitRecord } from '../../sim-bridge/hil/unit-record.ts'
import type { Presence } from './find-unit.ts'
import { writeHilReport } from './hil-files.ts'
import { watchUnit } from './monitor.ts'
import { checkIdentity, type Replay } from './replay.ts'
import type { HilRun } from './run-hil.ts'

/** Time for a unit to end its recording after the run, ms. */
const leaveWithinMs = 10_000
/** How often the recording is looked at until it reaches the unit's last policy. */
const mostLooks = 5
const betweenLooksMs = 1_000
const sayEveryMs = 15_000

/** Drives the run with a unit that is there, on a connected bus; writes the report after each epoch and at the end. */
export async function driveUnit(run: HilRun, bus: MqttBus, presence: Presence, found: Status): Promise<HilReport> {
  const { config, io, target, plan, learners, reportDirectory } = run
  const { vehicle, unitIntervalS } = config
  const begun = new Date().toISOString()
  const startedAt = performance.now()
  const elapsedS = (): number => (performance.now() - startedAt) / 1_000
  const record = createUnitRecord({ found, elapsedS })
  presence.follow(record.status)
  const monitor = watchUnit(config, record, io)
  const before = await target.facts()
  let latest: BridgeResult | undefined

  const compose = (
    { summary, report }: BridgeResult,
    cause: string | null,
    end: Pick<HilReport, 'machine' | 'identity'>,
  ): HilReport =>
    createHilReport({
      ...{ vehicle, target: config.target, begun, durationS: elapsedS(), cause },
      ...{ facts: record.facts(), report, summary },
      ...end,
      limits: {
        misses: config.maxMisses,
        handedOverSteps: config.maxHandedOver,
        roundTripMs: config.maxRoundTripMs,
        rebases: config.maxRebases,
        restarts: config.maxRestarts,
        memoryMib: config.maxMemoryMib,
      },
    })

  /** The report with all that is known only at the end. */
  const finish = async (result: BridgeResult, cause: string | null): Promise<HilReport> => {
    const identity = await identityOf(run, presence, record, cause === null)
    const after = before && (await target.facts())
    const machine = before && after ? { before, after, journal: [] } : null
    const report = compose(result, cause, { machine, identity })
    const journal = machine && !report.passed ? await target.journal() : []
    const whole = machine ? { ...report, machine: { ...machine, journal } } : report
    writeHilReport(reportDirectory, whole)
    io.print(`${reportDirectory}: report.html, report.json, junit.xml, tap.txt`)
    return whole
  }

  const say = setInterval(() => io.print(progress(vehicle, record)), sayEveryMs)
  try {
    const result = await runOn(
      bus,
      { ...config, runDir: null },
      {
        ...io,
        ...(plan && { plan }),
        learners,
        ...(unitIntervalS !== null && { intervalSteps: { [vehicle]: Math.max(1, Math.round(10 * unitIntervalS)) } }),
        witness: witnessOf(vehicle, record),
        keep(result) {
          latest = result
          writeHilReport(reportDirectory, compose(result, 'the run goes on', { machine: null, identity: null }))
        },
        onEvent(event) {
          if (event.kind === 'presence' && event.vehicle === vehicle) io.print(`${vehicle} ${event.state}`)
          if (event.kind === 'note') io.print(event.text)
          if (event.kind === 'epoch')
            io.print(`epoch ${event.epoch}/${config.epochs}  mean speed ${event.meanSpeed.toFixed(2)} m/s`)
        },
        onStart(bridge) {
          const stop = (): void => bridge.stop('now')
          io.stopped.then(stop)
          io.interrupts(stop)
        },
      },
    )
    return await finish(result, result.summary.interrupted ? 'interrupted' : null)
  } catch (error) {
    if (latest) await finish(latest, (error as Error).message)
    throw error
  } finally {
    clearInterval(say)
    await monitor.close()
  }
}

/** What became of the unit's recording; null where there is none to compare. */
async function identityOf(
  { config, target }: HilRun,
  presence: Presence,
  record: UnitRecord,
  ended: boolean,
): Promise<HilReport['identity']> {
  const { log } = target
  if (!log) return null
  // The recording is whole when the unit is gone.
  if (ended) await presence.gone(leaveWithinMs)
  const into = mkdtempSync(join(tmpdir(), 'trustmix-hil-'))
  try {
    const { last } = record.facts().policies
    let looks = ended ? mostLooks : 1
    const later = async (): Promise<boolean> => {
      if (--looks === 0) return false
      await passed(betweenLooksMs)
      return true
    }
    return await checkIdentity(() => log(into), { vehicle: config.vehicle, policyHash: last }, replayLater, later)
  } finally {
    rmSync(into, { recursive: true, force: true })
  }
}

function witnessOf(vehicle: string, record: UnitRecord): Witness {
  return {
    answered: (id, answer, ms, faulted) => id === vehicle && record.answered(answer, ms, faulted),
    counted: (id, name, faulted) => id === vehicle && record.counted(name, faulted),
  }
}

function progress(vehicle: string, record: UnitRecord): string {
  const { roundTrips, connection, decisions } = record.facts()
  const answers = roundTrips.stretches.reduce((sum, { count }) => sum + count, 0)
  const missed = roundTrips.stretches.reduce((sum, { marks }) => sum + marks, 0)
  const outside = decisions.outsideFaults.misses
  return `${vehicle}: ${answers} decisions, ${missed} missed (${outside} outside faults), ${connection.restarts} restarts`
}

/** The replay is loaded when it is needed, and lets messages pass meanwhile. */
async function replayLater(paths: readonly string[]): Promise<Replay> {
  const { replayLog } = await import('../../device/recorder/replay.ts')
  return replayLog(paths, { onProgress: () => new Promise((resolve) => setImmediate(resolve)) })
}
