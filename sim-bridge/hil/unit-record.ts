import type { HilReport } from '../../schemas/hil-report.ts'
import type { Act } from '../../schemas/lock-step.ts'
import type { LogMessage } from '../../schemas/log.ts'
import type { CountName } from '../../schemas/report.ts'
import type { Status } from '../../schemas/status.ts'
import type { Telemetry } from '../../schemas/telemetry.ts'
import { isOlder } from '../lock-step.ts'
import { Histogram } from '../report/histogram.ts'
import { createTimeline } from './timeline.ts'

/** What a run shows of one unit; bounded however long it lasts. */
export type UnitFacts = Pick<
  HilReport,
  'unit' | 'decisions' | 'roundTrips' | 'memory' | 'connection' | 'policies' | 'verdicts' | 'log'
>

/** Collects what passes between bridge and unit, and what the unit says of itself. */
export interface UnitRecord {
  status(status: Status): void
  telemetry(telemetry: Telemetry): void
  log(message: LogMessage): void
  /** An answer that counts; `faulted`: a fault of the scenario touched it or its question. */
  answered(answer: Act, roundTripMs: number, faulted: boolean): void
  counted(name: CountName, faulted: boolean): void
  facts(): UnitFacts
}

export interface UnitRecordOptions {
  /** The retained status by which the unit was found. */
  readonly found: Status
  /** Seconds since the run began. */
  readonly elapsedS: () => number
}

const mostEvents = 200
const mostChanges = 1_000
const mostLines = 20

export function createUnitRecord({ found, elapsedS }: UnitRecordOptions): UnitRecord {
  const decisions = new Histogram()
  const roundTrips = createTimeline()
  const memory = createTimeline()
  const outsideFaults = { misses: 0, handedOverSteps: 0, awaySteps: 0, left: 0, longestMs: Number.NaN }
  const events: HilReport['connection']['events'] = []
  const changes: HilReport['policies']['changes'] = []
  const lines: HilReport['log'] = []
  const verdicts: HilReport['verdicts'] = {}
  let online = found
  let last = found
  let [restarts, reconnects, updates, mixes] = [0, 0, found.updates ?? 0, 0]
  let policyHash = found.policyHash ?? null
  /** After its answer to `end` a unit may go. */
  let ended = false

  const happened = (kind: (typeof events)[number]['kind'], { boot, connection }: Status): void => {
    keepLast(events, mostEvents, { atS: elapsedS(), kind, boot, connection })
  }
  const changed = ({ epoch, step }: Act, by: 'learn' | 'mix', next: string): void => {
    if (next === policyHash) return
    policyHash = next
    keepLast(changes, mostChanges, { atS: elapsedS(), epoch, step, by, policyHash: next })
  }

  return {
    status(status) {
      if (ended) return
      if (status.state === 'offline') {
        if (isOlder(status, last) || last.state === 'offline') return
        last = status
        happened('offline', status)
        return
      }
      last = status
      if (status.boot !== online.boot) {
        restarts++
        happened('restart', status)
      } else if (status.connection !== online.connection) {
        reconnects++
        happened('reconnect', status)
      }
      online = status
    },
    telemetry(telemetry) {
      const mib = telemetry['Vehicle.Private.Trustmix.ResidentMemory']
      if (mib !== undefined) memory.add(elapsedS(), mib)
    },
    log({ level, event, text }) {
      keepLast(lines, mostLines, { atS: elapsedS(), level, event, text })
    },
    answered(answer, roundTripMs, faulted) {
      if (answer.kind === 'decide') {
        decisions.record(roundTripMs)
        roundTrips.add(elapsedS(), roundTripMs)
        // NaN at first: that is less than nothing.
        if (!faulted && !(roundTripMs <= outsideFaults.longestMs)) outsideFaults.longestMs = roundTripMs
        return
      }
      if (answer.kind === 'end') ended = true
      if (answer.kind === 'learn') updates = answer.updates
      if (answer.kind === 'learn' || answer.kind === 'mix') changed(answer, answer.kind, answer.policyHash)
      else policyHash = answer.policyHash
      if (answer.kind !== 'mix') return
      if (answer.verdicts.some(({ accepted }) => accepted)) mixes++
      const told = [...answer.verdicts.map(({ reason }) => [reason, 1] as const), ...entriesOf(answer.refused)]
      for (const [reason, count] of told) verdicts[reason] = (verdicts[reason] ?? 0) + count
    },
    counted(name, faulted) {
      if (name === 'misses') roundTrips.mark(elapsedS())
      if (faulted) return
      if (name === 'misses' || name === 'handedOverSteps' || name === 'awaySteps' || name === 'left')
        outsideFaults[name]++
    },
    facts: () => ({
      unit: online,
      decisions: {
        bins: binsOf(decisions),
        outsideFaults: { ...outsideFaults, longestMs: finiteOrNull(outsideFaults.longestMs) },
      },
      roundTrips: roundTrips.timeline(),
      memory: memory.timeline(),
      connection: { restarts, reconnects, events: [...events] },
      policies: { updates, mixes, last: policyHash, changes: [...changes] },
      verdicts: { ...verdicts },
      log: [...lines],
    }),
  }
}

function keepLast<T>(list: T[], most: number, entry: T): void {
  if (list.length >= most) list.shift()
  list.push(entry)
}

/** Six bins in a doubling, from 0.1 ms on, up to the longest time; the first holds all that are shorter. */
function binsOf(times: Histogram): HilReport['decisions']['bins'] {
  const bins: HilReport['decisions']['bins'] = []
  let below = 0
  for (let i = 0; below < times.count; i++) {
    const toMs = Number((0.1 * 2 ** (i / 6)).toPrecision(3))
    const upTo = times.countUpTo(toMs)
    if (upTo > below || bins.length > 0) bins.push({ toMs, count: upTo - below })
    below = upTo
  }
  return bins
}

function entriesOf<K extends string>(counts: Partial<Record<K, number>>): [K, number][] {
  return Object.entries(counts) as [K, number][]
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
