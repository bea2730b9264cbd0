import type { RunMessage } from '../../schemas/run.ts'
import { speedOf, type Telemetry } from '../../schemas/telemetry.ts'
import type { VerdictMessage } from '../../schemas/verdict.ts'
import type { Heard } from '../fleet.ts'

/** One row of the history: what it is of, by whom (words of a few values), and what was so. Units are SI. */
export interface Point {
  readonly measurement: string
  readonly tags: Readonly<Record<string, string>>
  readonly fields: Readonly<Record<string, number | boolean | string>>
}

/** Turns what is heard of a fleet into history: verdicts, telemetry, alarms that come and go, the NAS of each epoch. */
export function createPoints(fleet: string): (heard: Heard) => Point | undefined {
  const alarms = new Map<string, Pick<Point, 'measurement' | 'tags'>>()
  let last = { run: '', epoch: 0 }

  const alarm = (id: string, message: Extract<Heard, { channel: 'alarm' }>['message']): Point | undefined => {
    const before = alarms.get(id)
    if (message === 'cleared') {
      alarms.delete(id)
      return before && { ...before, fields: { standing: false } }
    }
    if (!before && alarms.size >= maxAlarms) return undefined
    const { vehicle, kind, text } = message
    const of = { measurement: 'trustmix_alarm', tags: { fleet, vehicle, kind } }
    alarms.set(id, of)
    return { ...of, fields: { standing: true, text } }
  }

  const epoch = (run: string, message: RunMessage): Point | undefined => {
    const { history, baseline, method, setting, preset, network } = message
    const nas = history.at(-1)
    // It holds the newest 500.
    const finished = history.length < 500 ? history.length : message.epoch - 1
    if (nas === undefined || (run === last.run && finished <= last.epoch)) return undefined
    last = { run, epoch: finished }
    return {
      measurement: 'trustmix_epoch',
      tags: { fleet, run, method: word(method), setting: word(setting), preset: word(preset), network: word(network) },
      fields: { epoch: finished, nas, baselineNas: baseline.nas, baselineSpeed: baseline.meanSpeed },
    }
  }

  return (heard) => {
    switch (heard.channel) {
      case 'verdict':
        return verdictPoint(fleet, heard.vehicle, heard.message)
      case 'telemetry':
        return telemetryPoint(fleet, heard.vehicle, heard.message)
      case 'alarm':
        return alarm(heard.id, heard.message)
      case 'run':
        return heard.message === 'cleared' ? undefined : epoch(heard.run, heard.message)
      default:
        return undefined
    }
  }
}

const maxAlarms = 1_024

function verdictPoint(fleet: string, vehicle: string, message: VerdictMessage): Point {
  const { version, accepted, mode, reason, peerId, ...rest } = message
  const numbers = Object.entries(rest).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  return {
    measurement: 'trustmix_verdict',
    tags: { fleet, vehicle, mode, reason, ...(peerId && { peer: peerId }) },
    fields: { accepted, ...Object.fromEntries(numbers) },
  }
}

function telemetryPoint(fleet: string, vehicle: string, telemetry: Telemetry): Point {
  const tick = telemetry['Vehicle.Private.Trustmix.TickP99']
  const memory = telemetry['Vehicle.Private.Trustmix.ResidentMemory']
  const fields = {
    speed: speedOf(telemetry),
    epoch: telemetry['Vehicle.Private.Trustmix.Epoch'],
    return: telemetry['Vehicle.Private.Trustmix.Return'],
    samples: telemetry['Vehicle.Private.Trustmix.Samples'],
    updates: telemetry['Vehicle.Private.Trustmix.Updates'],
    fallbacks: telemetry['Vehicle.Private.Trustmix.Fallbacks'],
    tickP99: tick === undefined ? undefined : tick / 1_000,
    residentMemoryBytes: memory === undefined ? undefined : memory * 1_048_576,
  }
  const known = Object.entries(fields).filter((entry): entry is [string, number] => entry[1] !== undefined)
  return { measurement: 'trustmix_telemetry', tags: { fleet, vehicle }, fields: Object.fromEntries(known) }
}

/** What anybody at an open broker may send must not become a great many tags. */
function word(text: string): string {
  return text.slice(0, 32).replace(/[^\w.:+-]/g, '_')
}
