import { createMqttBus, type MqttBus } from '../../device/bus/mqtt-bus.ts'
import type { WorldMessage } from '../../schemas/run.ts'
import type { Status } from '../../schemas/status.ts'
import { telemetryOf } from '../../schemas/telemetry.ts'
import { channels } from '../../schemas/topics.ts'
import type { VerdictMessage } from '../../schemas/verdict.ts'

/**
 * A fleet of a size that no machine here could drive: every vehicle has a connection of its own and says what a real one
 * says. A process of its own: `node monitor-load.js PORT VEHICLES`, ended by SIGTERM. The samples in a vehicle's telemetry are
 * the seconds since 1970, so that a reader can tell how old what it shows is.
 */
const [port = 0, count = 1_000] = process.argv.slice(2).map(Number)
const fleet = 'demo'
const url = `mqtt://127.0.0.1:${port}`
const hash = (n: number): string => n.toString(16).padStart(64, '0')
export const vehicleId = (n: number): string => `v${String(n).padStart(4, '0')}`
/** m; of a ring on which all cars are. */
const loopLength = 25 * count
const verdictsPerSecond = 400
/** Whom each vehicle judges: those around it. */
const neighbours = 4

async function main(): Promise<void> {
  const buses: MqttBus[] = []
  for (let n = 0; n < count; n++) {
    const id = vehicleId(n)
    buses.push(createMqttBus({ url, clientId: id, username: id, password: `${id}-secret` }))
    // Some at a time: a broker answers connections in a row.
    if (n % 50 === 49) await Promise.all(buses.slice(-50).map(({ ready }) => ready))
  }
  const bridge = createMqttBus({ url, clientId: 'bridge', username: 'bridge', password: 'bridge-secret' })
  await Promise.all([bridge, ...buses].map(({ ready }) => ready))
  for (let n = 0; n < count; n++) publishStatus(buses, n, 0)
  bridge.publish(channels.run, { fleet, run: 'load' }, runMessage)
  process.stdout.write('ready\n')

  let ticks = 0
  let judged = 0
  const startedAt = performance.now()
  // Fifty times a second a fiftieth of what is due, as a fleet that nobody conducts would.
  setInterval(() => {
    const seconds = (performance.now() - startedAt) / 1_000
    for (; ticks < seconds * 50; ticks++) {
      for (let n = ticks % 50; n < count; n += 50) publishTelemetry(buses, n, ticks / 50)
      for (let n = ticks % 500; n < count; n += 500) publishStatus(buses, n, ticks)
      for (; judged < (ticks * verdictsPerSecond) / 50; judged++) publishVerdict(buses, judged)
      if (ticks % 25 === 0) publishWorld(bridge, ticks / 50)
    }
  }, 20)
}

const runMessage = {
  ...{ version: 1, network: 'ring', preset: 'flow', setting: 'headway', method: 'gated', seed: 1, loopLength },
  ...{ epoch: 300, epochs: 500, baseline: { nas: 0.28, meanSpeed: 5.6 } },
  history: Array.from({ length: 299 }, (_, epoch) => 0.28 + 0.1 * (1 - Math.exp(-epoch / 80)) + 0.01 * Math.sin(epoch)),
} as const

function publishStatus(buses: readonly MqttBus[], n: number, tick: number): void {
  const status: Status = {
    ...{ version: 1, state: 'online', boot: 1, connection: 1, software: 'trustmix load', engine: 'wasm/1' },
    ...{ policyHash: hash(n + tick), updates: tick, run: 'load', clock: 'synchronised', paused: false },
    ...{ gateMode: 'theorem1', rollbacks: 0, notes: [] },
  }
  buses[n]?.publish(channels.status, { fleet, vehicle: vehicleId(n) }, status)
}

function publishTelemetry(buses: readonly MqttBus[], n: number, seconds: number): void {
  const message = telemetryOf({
    ...{ speed: 6 + 3 * Math.sin(n + seconds / 9), epoch: 300, updates: Math.floor(seconds / 25), fallbacks: 0 },
    ...{ samples: Math.floor(Date.now() / 1_000), return: 0.3 + 0.05 * Math.sin(n / 50 + seconds / 30) },
    ...{ memory: 70 + (n % 30), tickP99: 0.1 + (n % 7) / 10 },
  })
  buses[n]?.publish(channels.telemetry, { fleet, vehicle: vehicleId(n) }, message)
}

function publishVerdict(buses: readonly MqttBus[], judged: number): void {
  const n = judged % count
  const peer = (n + 1 + (Math.floor(judged / count) % neighbours)) % count
  const accepted = (judged * 7) % 10 < 3
  const verdict: VerdictMessage = {
    ...{ version: 1, vehicle: vehicleId(n), epoch: 300, step: 250, mode: 'theorem1', estimator: 'exact', accepted },
    ...{ reason: accepted ? 'accepted' : 'non-positive-advantage', alpha: accepted ? 0.1 + (judged % 80) / 100 : 0 },
    ...{ alphaBound: accepted ? 0.9 : 0, policyAdvantage: accepted ? 0.1 : -0.1, policyAdvantageMean: 0.002 },
    ...{ standardError: 0.001, lowerBound: 0.0001, effectiveSampleSize: 40.5, epsilon: 0.4, c: 2_500, fisher: 0.001 },
    ...{ kl: 0.0004, M: 50, K: 50, gamma: 0.98, ownHash: hash(n), peerHash: hash(peer), peerId: vehicleId(peer) },
  }
  buses[n]?.publish(channels.verdict, { fleet, vehicle: vehicleId(n) }, verdict)
}

function publishWorld(bridge: MqttBus, seconds: number): void {
  const cars: WorldMessage['cars'] = {}
  for (let n = 0; n < count; n++) {
    const [s, v] = [(n * 25 + seconds * 7 + 5 * Math.sin(n)) % loopLength, 6 + 5 * Math.sin(n / 40 + seconds / 9)]
    const at = { s: Math.round(100 * s) / 100, v: Math.round(100 * v) / 100 }
    cars[vehicleId(n)] = { kind: n % 2 === 0 ? 'learner' : 'human', ...at, braking: n % 97 === 0 }
  }
  bridge.publish(channels.world, { fleet, run: 'load' }, { version: 1, time: Math.round(100 * seconds) / 100, cars })
}

await main()
