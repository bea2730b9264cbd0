import { connectBus, reach } from '../device/process.ts'
import { type Config, defaultConfig } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import type { RunMessage, WorldMessage } from '../schemas/run.ts'
import { nasSpeed } from '../schemas/setting.ts'
import { channels } from '../schemas/topics.ts'
import { roadShape } from '../sim-bridge/sim/geometry.ts'
import type { CommandIo } from './command.ts'
import type { Watched } from './watched.ts'

/** Where a fleet is watched; user and password where anonymous clients may not listen. */
export interface FleetSource {
  readonly broker: string
  readonly fleet: string
  readonly username: string | undefined
  readonly passwordFile: string | undefined
  /** Files of TLS. */
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  /** Longest wait for the broker, and for a frame that was asked for, ms. */
  readonly waitMs: number
}

/** Milliseconds without a message after which the picture is said to be old. */
const staleMs = 5_000

/** The cars of whatever run the fleet drives, as its bridge tells them; nothing is sent. */
export async function watchFleet(source: FleetSource, io: CommandIo): Promise<Watched> {
  const { broker, fleet, username, passwordFile, waitMs } = source
  const config: Config = {
    ...defaultConfig,
    ...{ broker, fleet, maxBackoffMs: 5_000, connectTimeoutMs: waitMs },
    ...{ username: username ?? null, passwordFile: passwordFile ?? null },
    ...{ caFile: source.caFile ?? null, certFile: source.certFile ?? null, keyFile: source.keyFile ?? null },
  }
  const bus = connectBus(config, `watch-${process.pid}`, io)
  const runs = new Map<string, RunMessage>()
  let shown: { run: string; message: WorldMessage; at: number } | undefined
  let speeds: number[] = []
  let onFrame: () => void = () => {}

  bus.subscribe(channels.run, { fleet }, (message, { run }) => {
    runs.set(run, message)
    onFrame()
  })
  bus.subscribe(channels.world, { fleet }, (message, { run }) => {
    const before = shown?.run === run ? shown.message.time : Number.POSITIVE_INFINITY
    if (message.time < before) speeds = []
    if (Math.floor(message.time) !== Math.floor(before)) speeds.push(meanSpeed(message))
    shown = { run, message, at: performance.now() }
    onFrame()
  })
  try {
    await reach(bus, config, io)
  } catch (error) {
    await bus.close()
    throw error
  }

  return {
    keys: 'q quit',
    async until(seconds) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_, reject) => {
        const text = `no world message of fleet ${fleet} with time >= ${seconds} s from ${broker} within ${waitMs} ms`
        timer = setTimeout(() => reject(new ExitError('unreachable', text)), waitMs)
      })
      const seen = new Promise<void>((resolve) => {
        onFrame = () => {
          if (shown && runs.has(shown.run) && shown.message.time >= seconds) resolve()
        }
        onFrame()
      })
      try {
        await Promise.race([seen, late])
      } finally {
        clearTimeout(timer)
      }
    },
    async pass() {},
    key() {},
    get notice() {
      const run = shown && runs.get(shown.run)
      if (run) return `roads of the kind ${run.network} are not drawn: trustmix plot shows them`
      return `waiting for a run of fleet ${fleet} at ${broker}`
    },
    view() {
      const run = shown && runs.get(shown.run)
      if (!shown || !run) return undefined
      const { message, at } = shown
      const shape = roadShape(run.network, run.loopLength)
      if (!shape) return undefined
      const age = performance.now() - at
      const last = run.history.at(-1)
      return {
        title: `trustmix  ${fleet} · ${run.method} · ${run.setting} · ${run.preset}`,
        state: `${age > staleMs ? `no news for ${Math.round(age / 1000)} s  ` : ''}epoch ${run.epoch}/${run.epochs}${last === undefined ? '' : `  last NAS ${last.toFixed(3)}`}`,
        shape,
        time: message.time,
        cars: Object.entries(message.cars).map(([id, { kind, s, v, braking }]) => ({
          id,
          learner: kind === 'learner',
          position: s,
          speed: v,
          forced: braking && kind === 'learner',
        })),
        speeds,
        baseline: run.baseline,
        topSpeed: nasSpeed,
      }
    },
    close: () => bus.close(),
  }
}

function meanSpeed({ cars }: WorldMessage): number {
  const all = Object.values(cars)
  return all.reduce((sum, { v }) => sum + v, 0) / Math.max(1, all.length)
}
