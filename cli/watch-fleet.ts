import { reach } from '../device/process.ts'
import { ExitError } from '../schemas/exit.ts'
import { roadShape } from '../schemas/road-shape.ts'
import type { RunMessage, WorldMessage } from '../schemas/run.ts'
import { nasSpeed } from '../schemas/setting.ts'
import { channels } from '../schemas/topics.ts'
import type { CommandIo } from './command.ts'
import { type FleetSource, listenTo } from './fleet-source.ts'
import type { Watched } from './watched.ts'

/** Milliseconds without a message after which the picture is said to be old. */
const staleMs = 5_000

/** The cars of whatever run the fleet drives, as its bridge tells them; nothing is sent. */
export async function watchFleet(source: FleetSource, waitMs: number, io: CommandIo): Promise<Watched> {
  const { broker, fleet } = source
  const { bus, config } = listenTo(source, 'watch', waitMs, io)
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
      const state = [`epoch ${run.epoch}/${run.epochs}`]
      const last = run.history.at(-1)
      // Eighty columns hold one of the two beside the title.
      if (age > staleMs) state.push(`no news for ${Math.round(age / 1000)} s`)
      else if (last !== undefined) state.push(`last NAS ${last.toFixed(3)}`)
      return {
        title: `trustmix  ${fleet} · ${run.method} · ${run.setting} · ${run.preset}`,
        state: state.join('  '),
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
