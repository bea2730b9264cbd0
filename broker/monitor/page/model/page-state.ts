import type { Alarm } from '../../../../schemas/health.ts'
import { createFleetState, type FleetState, type Heard } from '../../../fleet.ts'
import { hear } from '../../../hear.ts'
import { Ring } from '../../../ring.ts'
import { FleetReturns } from './fleet-returns.ts'
import { WorldTrack } from './world-track.ts'

/** All that the page knows: the fleet, and bounded windows of what only pictures need. Times are ms, monotonic. */
export interface PageState {
  readonly fleet: FleetState
  readonly track: WorldTrack
  readonly returns: FleetReturns
  /** Alarms that are over. */
  readonly cleared: Ring<ClearedAlarm>
  /** Alarms that stood before the connection was lost and have not been told again. */
  readonly unconfirmed: Set<string>
  /** The run that was told before the connection was lost, until it is told again. */
  unconfirmedRun: string | undefined
  connectedAtMs: number
  /** Messages that did not pass their schema. */
  refused: number
}

export interface ClearedAlarm {
  readonly alarm: Alarm
  readonly atMs: number
}

/** How long after a connection retained topics may take to come. */
const settleMs = 2_000

export function createPageState(fleet: string): PageState {
  return {
    fleet: createFleetState(fleet),
    track: new WorldTrack(),
    returns: new FleetReturns(),
    cleared: new Ring(200),
    unconfirmed: new Set(),
    unconfirmedRun: undefined,
    connectedAtMs: 0,
    refused: 0,
  }
}

/** Folds one message into the page's state; `nowMs` is when it came. */
export function hearPage(page: PageState, heard: Heard, nowMs: number): void {
  const { fleet } = page
  if (heard.channel === 'alarm') {
    const alarm = fleet.alarms.get(heard.id)
    if (heard.message === 'cleared' && alarm) page.cleared.push({ alarm, atMs: nowMs })
    page.unconfirmed.delete(heard.id)
  } else if (heard.channel === 'run' && heard.run === page.unconfirmedRun) page.unconfirmedRun = undefined
  hear(fleet, heard, nowMs)
  if (heard.channel === 'world') page.track.push(heard.run, heard.message)
  else if (heard.channel === 'telemetry') {
    const value = heard.message['Vehicle.Private.Trustmix.Return']
    if (value !== undefined) page.returns.push(nowMs, value)
  }
  if (page.unconfirmed.size > 0 || page.unconfirmedRun !== undefined) settle(page, nowMs)
}

/** Notes that the page is connected (again): what was retained comes anew, what does not come is over. */
export function hearConnected(page: PageState, nowMs: number): void {
  const { fleet } = page
  page.connectedAtMs = nowMs
  page.unconfirmed.clear()
  for (const id of fleet.alarms.keys()) page.unconfirmed.add(id)
  page.unconfirmedRun = fleet.run && !fleet.run.ended ? fleet.run.id : undefined
}

/** Takes back what ended while there was no connection. */
function settle(page: PageState, nowMs: number): void {
  if (nowMs - page.connectedAtMs < settleMs) return
  const [ids, run] = [[...page.unconfirmed], page.unconfirmedRun]
  page.unconfirmed.clear()
  page.unconfirmedRun = undefined
  for (const id of ids) hearPage(page, { channel: 'alarm', id, message: 'cleared' }, nowMs)
  if (run !== undefined) hearPage(page, { channel: 'run', run, message: 'cleared' }, nowMs)
}
