import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { publish, RawClient } from './mqtt-raw.ts'

/** A vehicle of the fleet that has gone bad; runs as a worker and tells how its connections ended. */
const { port, id, password, seconds, messagesPerSecond } = workerData as HostileOrders

export interface HostileOrders {
  readonly port: number
  readonly id: string
  readonly password: string
  readonly seconds: number
  readonly messagesPerSecond: number
}

export interface HostileReport {
  readonly sent: number
  /** Codes of CONNACK, and how often each came. */
  readonly codes: Readonly<Record<string, number>>
}

const markup = '<img src=x onerror=alert(1)><script>alert(2)</script>'
const at = `tm/v1/demo/v/${id}`
const status = { version: 1, state: 'online', boot: 1, connection: 1, software: markup, notes: [markup] }
const log = { version: 1, level: 'error', event: '<b>', text: markup }
/** One of each: valid but markup, wrong types, unknown keys, no JSON, a million characters, topics that are not its own. */
const messages = [
  publish(`${at}/status`, JSON.stringify(status), { qos: 1, retain: true }),
  publish(`${at}/log`, JSON.stringify(log)),
  publish(`${at}/telemetry`, JSON.stringify({ version: 1, 'Vehicle.Speed': 'fast' })),
  publish(`${at}/telemetry`, JSON.stringify({ version: 1, 'Vehicle.Speed': 1e308, [markup]: 1 })),
  publish(`${at}/verdict`, JSON.stringify({ version: 1, vehicle: id, accepted: 'yes' })),
  publish(`${at}/telemetry`, '{'.repeat(2_000)),
  publish(`tm/v1/demo/v/car01/status`, JSON.stringify(status), { qos: 1, retain: true }),
  publish(`tm/v1/demo/${'x'.repeat(50)}/log`, 'x'),
]
const million = publish(`${at}/telemetry`, JSON.stringify({ version: 1, 'Vehicle.Speed': 'x'.repeat(1_000_000) }))

const codes: Record<string, number> = {}
let sent = 0
const end = performance.now() + 1_000 * seconds
while (performance.now() < end) {
  const joined = await RawClient.connect(port, { clientId: id, username: id, password }).catch(() => undefined)
  const code = joined?.code ?? 'closed'
  codes[code] = (codes[code] ?? 0) + 1
  if (joined?.code === 0) await flood(joined.client)
  joined?.client.destroy()
  await delay(250)
}
parentPort?.postMessage({ sent, codes } satisfies HostileReport)

/** Sends at its rate, until it is cut off. */
async function flood(client: RawClient): Promise<void> {
  const began = performance.now()
  let own = 0
  let closed = false
  client.closed.then(() => {
    closed = true
  })
  client.send(million)
  while (!closed && performance.now() < end) {
    const due = Math.floor(((performance.now() - began) / 1_000) * messagesPerSecond) - own
    if (due > 0) client.send(...Array.from({ length: due }, (_, i) => messages[(own + i) % messages.length] as Buffer))
    own += Math.max(0, due)
    sent += Math.max(0, due)
    await delay(5)
  }
}
