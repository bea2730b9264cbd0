import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connectAsync } from 'mqtt'
import { createMqttBus } from '../device/bus/mqtt-bus.ts'
import { createSimIo } from '../device/sim-io.ts'
import { channels, topicOf } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import { createLockStep } from '../sim-bridge/lock-step.ts'
import { type Figure, figureOf, median } from './measure.ts'
import { residentMegabytes } from './resident.ts'

/** The command `trustmix`. */
export const bin = fileURLToPath(new URL('../cli/main.js', import.meta.url))
const stepsPerEpoch = 1500

/**
 * `trustmix fleet` as a user starts it: broker, bridge and seven devices, each a process. Simulated steps per second of
 * wall time, per epoch (without start-up) and over the whole command.
 */
export async function fleetSpeed(quick: boolean): Promise<Figure[]> {
  const epochs = quick ? 3 : 8
  return inTemporaryFolder(async (folder) => {
    const directory = join(folder, 'run')
    const start = performance.now()
    const fleet = spawn(
      process.execPath,
      [bin, 'fleet', '--epochs', String(epochs), '--run-dir', directory, '--json'],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    let words = ''
    fleet.stderr.on('data', (text) => {
      words = (words + text).slice(-2_000)
    })
    const exited = once(fleet, 'exit')
    const megabytes: number[] = []
    const ends = await watchEpochs(join(directory, 'summary.json'), fleet, epochs, () => {
      megabytes.push(Math.max(...devicesOf(directory).map(residentMegabytes)))
    })
    const [code] = await exited
    const whole = performance.now() - start
    if (code !== 0) throw new Error(`fleet must end with exit code 0, got ${code}: ${words}`)
    const perEpoch = ends.slice(1).map((end, i) => (1_000 * stepsPerEpoch) / (end - (ends[i] ?? Number.NaN)))
    const about = 'simulated steps, 7 device processes over the embedded broker'
    return [
      figureOf('lock-step', 'steps/s', perEpoch, `${about}, without start-up, per epoch from the second on`),
      figureOf(
        'fleet-whole',
        'steps/s',
        [(1_000 * stepsPerEpoch * epochs) / whole],
        `${about}, ${epochs} epochs, start and end of all processes included`,
      ),
      figureOf('fleet-memory', 'MB', megabytes, 'the largest of the 7 device processes after each epoch, resident'),
    ]
  })
}

/** Process ids of the fleet's devices. */
function devicesOf(directory: string): number[] {
  const { processes } = JSON.parse(readFileSync(join(directory, 'processes.json'), 'utf8')) as {
    processes: readonly { role: string; pid: number }[]
  }
  return processes.filter(({ role }) => role === 'device').map(({ pid }) => pid)
}

/** When each epoch ended, from the summary that the bridge replaces after every epoch. */
async function watchEpochs(path: string, fleet: ChildProcess, epochs: number, onEpoch: () => void): Promise<number[]> {
  const ends: number[] = []
  let seen = 0
  while (ends.length < epochs && fleet.exitCode === null) {
    await sleep(5)
    const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (changed === seen) continue
    seen = changed
    const { epochs: done } = JSON.parse(readFileSync(path, 'utf8')) as { epochs: readonly unknown[] }
    while (ends.length < done.length) ends.push(performance.now())
    onEpoch()
  }
  return ends
}

/**
 * One question and its answer of the lock-step beside two bare MQTT.js clients that send the same bytes over the same
 * broker, in turns. The ratio says what typing, validation and pairing cost on top of the transport.
 */
export async function roundTrip(quick: boolean): Promise<{ figures: Figure[]; ratio: number }> {
  return inTemporaryFolder(async (folder) => {
    const broker = await startBroker(folder)
    const batch = quick ? 200 : 1_000
    const times = { lockStep: [] as number[], bare: [] as number[] }
    try {
      const lockStep = await lockStepPair(broker.url)
      const bare = await barePair(broker.url)
      await repeat(batch, lockStep.ask)
      await repeat(batch, bare.ask)
      for (let r = 0; r < (quick ? 5 : 11); r++) {
        times.lockStep.push(await repeat(batch, lockStep.ask))
        times.bare.push(await repeat(batch, bare.ask))
      }
      await lockStep.close()
      await bare.close()
    } finally {
      broker.process.kill()
    }
    return {
      figures: [
        figureOf('round-trip', 'µs', times.lockStep, 'one decide and its answer, QoS 1, both ends in one process'),
        figureOf('round-trip-bare', 'µs', times.bare, 'the same bytes by bare MQTT.js clients over the same broker'),
      ],
      ratio: median(times.lockStep) / median(times.bare),
    }
  })
}

/** Names that the benchmark's broker knows. */
export const fleet = 'demo'
export const password = 'benchmark'
const observation = {
  position: 121.7361,
  speed: 6.2127,
  gap: 23.4418,
  leaderPosition: 150.1779,
  leaderSpeed: 5.9921,
  followerGap: 21.0573,
  followerPosition: 95.6788,
  followerSpeed: 6.1129,
}

interface Pair {
  ask(): Promise<unknown>
  close(): Promise<void>
}

async function lockStepPair(url: string): Promise<Pair> {
  const vehicle = 'car01'
  const bridgeBus = createMqttBus({ url, clientId: 'bridge1', username: 'bridge1', password })
  const deviceBus = createMqttBus({ url, clientId: vehicle, username: vehicle, password })
  createSimIo(deviceBus, fleet, 'lock-step', vehicle).start({
    reset: () => '0'.repeat(64),
    decide: () => ({ command: { timeGap: 3.7219 } }),
    learn: async () => ({ policyHash: '0'.repeat(64), samples: 0, updates: 0, return: 0 }),
    mix: async () => ({ policyHash: '0'.repeat(64), verdicts: [], refused: {} }),
    end: () => '0'.repeat(64),
  })
  const lockStep = createLockStep({
    bus: bridgeBus,
    fleet,
    run: 'lock-step',
    vehicles: [vehicle],
    now: () => performance.now(),
    answerTimeoutMs: 30_000,
  })
  await Promise.all([bridgeBus.ready, deviceBus.ready])
  const facts = { intervalSteps: 1, stepLength: 0.1, loopLength: 421.94, speedLimit: 30, accelerationLimit: 3 }
  await lockStep.ask(vehicle, { kind: 'reset', epoch: 1, step: 0, ...facts })
  return {
    ask: () => lockStep.ask(vehicle, { kind: 'decide', epoch: 1, step: 1, observation }),
    async close() {
      await bridgeBus.close()
      await deviceBus.close()
    },
  }
}

async function barePair(url: string): Promise<Pair> {
  const vehicle = 'car03'
  const address = { fleet, run: 'bare', vehicle }
  const [obs, act] = [topicOf(channels.obs, address), topicOf(channels.act, address)]
  const envelope = { version: formatVersion, run: 'lock-step', seq: 1_000, epoch: 1, step: 1, kind: 'decide' }
  const question = Buffer.from(JSON.stringify({ ...envelope, observation }))
  const reply = Buffer.from(JSON.stringify({ ...envelope, command: { timeGap: 3.7219 } }))
  const [bridge, device] = await Promise.all(
    ['bridge2', vehicle].map((id) => connectAsync(url, { protocolVersion: 4, clientId: id, username: id, password })),
  )
  if (!bridge || !device) throw new Error('two clients are needed')
  // MQTT.js leaves Nagle's delay on; our bus turns it off, so the peer gets the same.
  for (const { stream } of [bridge, device]) (stream as unknown as { setNoDelay?: () => void }).setNoDelay?.()
  let settle: (answer: unknown) => void = () => {}
  device.on('message', () => device.publish(act, reply, { qos: 1 }))
  bridge.on('message', (_, payload) => settle(payload))
  await device.subscribeAsync(obs, { qos: 1 })
  await bridge.subscribeAsync(act, { qos: 1 })
  return {
    ask: () =>
      new Promise((resolve) => {
        settle = resolve
        bridge.publish(obs, question, { qos: 1 })
      }),
    async close() {
      await bridge.endAsync()
      await device.endAsync()
    },
  }
}

/** A broker process with users bridge1, bridge2, car01 and car03; end it with `process.kill()`. */
export async function startBroker(folder: string): Promise<{ process: ChildProcess; url: string }> {
  const user = (role: string, id: string) => [id, { role, id, password }] as const
  const users = [user('bridge', 'bridge1'), user('bridge', 'bridge2'), user('device', 'car01'), user('device', 'car03')]
  const file = join(folder, 'users.json')
  writeFileSync(file, JSON.stringify({ version: formatVersion, users: Object.fromEntries(users) }), { mode: 0o600 })
  const broker = spawn(process.execPath, [bin, 'broker', '--users-file', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  for await (const line of createInterface({ input: broker.stderr })) {
    const url = /^listening on (\S+)$/.exec(line)?.[1]
    if (url !== undefined) return { process: broker, url }
  }
  throw new Error(`the broker must listen, but it ended with exit code ${broker.exitCode}`)
}

/** µs per call of `count` calls one after the other. */
async function repeat(count: number, ask: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  for (let i = 0; i < count; i++) await ask()
  return (1_000 * (performance.now() - start)) / count
}

/** Runs `work` with a folder that is removed afterwards. */
export async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'trustmix-bench-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
