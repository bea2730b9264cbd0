import type { Bus } from '../device/bus/bus.ts'
import type { RunMessage, WorldMessage } from '../schemas/run.ts'
import type { Setting } from '../schemas/setting.ts'
import { channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { World } from './world.ts'

export interface BroadcastOptions {
  readonly world: World
  readonly bus: Bus
  readonly fleet: string
  readonly run: string
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Deadlines that a vehicle has missed in this run. */
  readonly misses: (vehicle: string) => number
}

/** Tells watchers where all cars are after step `k`, at most once in `everyMs` of real time. No run depends on it. */
export function createBroadcast(
  { world, bus, fleet, run, now, misses }: BroadcastOptions,
  everyMs: number,
): (k: number) => void {
  let sentAt = now()
  return (k) => {
    if (now() - sentAt < everyMs) return
    sentAt = now()
    const cars: WorldMessage['cars'] = {}
    for (const [i, id] of world.vehicles.entries()) {
      const missed = misses(id)
      cars[id] = {
        kind: world.learner[i] ? 'learner' : 'human',
        s: rounded(world.position[i]),
        v: rounded(world.speed[i]),
        braking: world.braking[i] === 1,
        ...(missed > 0 && { misses: missed }),
      }
    }
    const time = rounded(k * world.stepLength)
    bus.publish(channels.world, { fleet, run }, { version: formatVersion, time, cars })
  }
}

/** What is driven, the same all through a run. */
interface Driven {
  readonly world: Pick<World, 'loopLength'>
  readonly network: string
  readonly preset: string
  readonly setting: Setting
  readonly method: string
  readonly seed: number
  readonly epochs: number
}

/** What watchers are told of a run in epoch `epoch`; of the NAS of all epochs before, `scores`, the newest. */
export function runMessage(
  { world, network, preset, setting, method, seed, epochs }: Driven,
  epoch: number,
  baseline: RunMessage['baseline'],
  scores: readonly number[],
): RunMessage {
  const { loopLength } = world
  const history = scores.slice(-mostScores)
  return {
    ...{ version: formatVersion, network, preset, setting: setting.name, method, seed },
    ...{ loopLength, epoch, epochs, baseline, history },
  }
}

/** As the schema of `run` allows. */
const mostScores = 500

/** To the centimetre: a picture needs no more. */
function rounded(value: number | undefined): number {
  return Math.round(100 * (value ?? 0)) / 100
}
