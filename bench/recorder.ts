import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as mcap from '@mcap/core'
import { createLocalBroker } from '../device/bus/local-bus.ts'
import { createDevice, type Device } from '../device/device.ts'
import type { DeviceOptions } from '../device/device-options.ts'
import { createWasmEngine } from '../device/engines/wasm.ts'
import { featureNames } from '../device/features.ts'
import { createInProcessIdentity, policyHash } from '../device/identity.ts'
import type { VehicleHandlers } from '../device/io.ts'
import { sealParams } from '../device/params.ts'
import { toExactJson } from '../device/recorder/exact-json.ts'
import { readLogFile } from '../device/recorder/log-reader.ts'
import { createRecordLog, type RecordLog } from '../device/recorder/record-log.ts'
import { createRecordedDevice } from '../device/recorder/recorded-device.ts'
import { replayLog } from '../device/recorder/replay.ts'
import { defaultConfig } from '../schemas/config.ts'
import { settingOf } from '../schemas/setting-of.ts'
import { channels } from '../schemas/topics.ts'
import { cpuUs, type Figure, figureOf } from './measure.ts'
import { inTemporaryFolder } from './mqtt.ts'

/** What recording costs, and how fast a log is computed again. Command: npm run bench:recorder [-- --json] */
const vehicle = 'car01'
const peers = ['car03', 'car05', 'car07', 'car09', 'car11', 'car13']
const kinematics = { stepLength: 0.1, intervalSteps: 10, loopLength: 200, speedLimit: 30, accelerationLimit: 3 }
const outcome = { reward: 0.25, steps: 10, terminated: false, truncated: false }
/** An epoch of 150 s as a run in real time has it: a decision a second, four looks at the clock, a round every 25 s. */
const [rounds, decisions, ticks] = [6, 25, 4]
const epochs = 8
/** A batch is less than what may wait for the disk. */
const [batch, repetitions] = [500, 15]

const figures = await inTemporaryFolder(async (folder) => [
  ...(await decisionCost(folder)),
  ...(await epochCost(folder)),
])
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(figures)}\n`)
else
  for (const { name, unit, minimum, median, about } of figures)
    process.stdout.write(
      `${name.padEnd(28)}${minimum.toFixed(1).padStart(12)}${median.toFixed(1).padStart(12)}  ${unit.padEnd(14)}${about}\n`,
    )

/** CPU time of a decision with and without a recorder, in turns. */
async function decisionCost(folder: string): Promise<Figure[]> {
  const log = logIn(join(folder, 'decisions'))
  const driven = { plain: createDriven(undefined), recorded: createDriven(log) }
  const times: Record<keyof typeof driven, number[]> = { plain: [], recorded: [] }
  for (let r = -1; r < repetitions; r++)
    for (const name of ['plain', 'recorded'] as const) {
      const { handlers } = driven[name]
      handlers.reset({ ...kinematics, epoch: r + 2 })
      const begin = cpuUs()
      for (let i = 0; i < batch; i++) handlers.decide(observed(i), undefined)
      if (r >= 0) times[name].push((cpuUs() - begin) / batch)
      // The disk has its turn when a control tick is over.
      await sleep(100)
    }
  await log.close()
  if (log.lost > 0) throw new Error(`no record may be lost, got ${log.lost}`)
  return [
    figureOf('decision', 'µs CPU', times.plain, 'one decision with everything by default, engine wasm'),
    figureOf('decision, recorded', 'µs CPU', times.recorded, 'the same, its two records encoded, chained and queued'),
  ]
}

async function epochCost(folder: string): Promise<Figure[]> {
  const directory = join(folder, 'epochs')
  const log = logIn(directory)
  const driven = createDriven(log)
  for (let epoch = 1; epoch <= epochs; epoch++) await driveEpoch(driven, epoch)
  if (log.lost > 0) throw new Error(`no record may be lost, got ${log.lost}`)
  const snapshots = Array.from({ length: 9 }, () => timed(() => JSON.stringify(toExactJson(driven.device.state()))))
  await log.close()
  const files = readdirSync(directory).map((name) => join(directory, name))
  const firstSnapshot = readLogFile(readFileSync(files[0] ?? '')).records[0]?.members.length ?? 0
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0) - firstSnapshot
  const begin = performance.now()
  const result = await replayLog(files)
  const replayMs = performance.now() - begin
  if (!result.identical) throw new Error(`the replay must be identical, got ${JSON.stringify(result.first)}`)
  const about = `6 peers, ${rounds} rounds, ${rounds * decisions} decisions, ${rounds * decisions * ticks} looks at the clock`
  const snapshotBytes = JSON.stringify(toExactJson(driven.device.state())).length
  return [
    figureOf('epoch, recorded', 'kB', [bytes / epochs / 1000], about),
    figureOf('snapshot', 'kB', [snapshotBytes / 1000], 'at the beginning of a file'),
    figureOf('snapshot, taken', 'ms', snapshots, 'state copied and written as JSON'),
    figureOf(
      'epoch, replayed',
      'ms',
      [replayMs / epochs],
      `checked, and computed again: ${result.records} records in all`,
    ),
  ]
}

function timed(work: () => unknown): number {
  const begin = performance.now()
  work()
  return performance.now() - begin
}

function logIn(directory: string): RecordLog {
  const { recordFileBytes, recordFiles } = defaultConfig
  return createRecordLog({
    ...{ mcap, directory, vehicle, boot: 1, files: recordFiles, fileBytes: recordFileBytes, software: 'bench' },
    ...{ now: () => performance.now(), startedAt: Date.now() },
  })
}

interface Driven {
  readonly device: Device
  readonly handlers: VehicleHandlers
  /** Publishes a policy as a peer would; returns its hash. */
  readonly offer: (peer: string, sequence: number) => string
}

/** One device with everything by default, on a bus within this process. */
function createDriven(log: RecordLog | undefined): Driven {
  const config = { ...defaultConfig, vehicle }
  const { fleet, cell, hidden } = config
  const setting = settingOf(config)
  const architecture = { observationSize: 6, actionSize: 1, hidden }
  const broker = createLocalBroker()
  const given: VehicleHandlers[] = []
  const identity = createInProcessIdentity([vehicle, ...peers])
  const options: DeviceOptions = {
    ...{ config, setting, vehicle, bus: broker.connect(), identity, boot: 1, software: 'bench' },
    engine: createWasmEngine(architecture),
    io: { start: (handlers) => void given.push(handlers) },
    ...{ now: () => performance.now(), wallClock: () => new Date().toISOString() },
  }
  const device = log ? createRecordedDevice(options, log, 'bench') : createDevice(options)
  const [handlers] = given
  if (!handlers) throw new Error('a device must take its port')
  const kind = { architecture, ...featureNames(setting) }
  const bus = broker.connect()
  return {
    device,
    handlers,
    offer(peer, sequence) {
      const policy = device.agent.policy.map((x, i) => x + ((i + sequence) % 7) * 1e-4)
      const header = { fleet, vehicle: peer, boot: 1, sequence, updates: sequence, time: '', cell }
      bus.publish(channels.params, { fleet, cell, vehicle: peer }, sealParams(policy, header, kind, identity))
      return policyHash(policy)
    },
  }
}

async function driveEpoch({ device, handlers, offer }: Driven, epoch: number): Promise<void> {
  handlers.reset({ ...kinematics, epoch })
  for (let round = 1; round <= rounds; round++) {
    for (let i = 0; i < decisions; i++) {
      handlers.decide(observed(i + 31 * round + 7 * epoch), round + i > 1 ? outcome : undefined)
      for (let k = 0; k < ticks; k++) device.tick()
    }
    const at = { epoch, step: 250 * round }
    const ending = { ...outcome, truncated: round === rounds }
    await handlers.learn(at, { outcome: ending, observation: observed(round) })
    const policies = Object.fromEntries(peers.map((peer) => [peer, offer(peer, rounds * epoch + round)]))
    await handlers.mix({ ...at, policies })
    await sleep(50)
  }
}

function observed(i: number) {
  const own = { position: (i * 1.37) % 200, speed: 5 + (i % 11) / 9, gap: 20 + (i % 17) / 3 }
  const leader = { leaderPosition: 125, leaderSpeed: 5.1 }
  return { ...own, ...leader, followerGap: 15 + (i % 13) / 7, followerPosition: 75, followerSpeed: 4.9 }
}
