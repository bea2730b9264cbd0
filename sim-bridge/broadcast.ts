import type { Bus } from '../device/bus/bus.ts'
import type { WorldMessage } from '../schemas/run.ts'
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
}

/** Tells watchers where all cars are after step `k`, at most once in `everyMs` of real time. No run depends on it. */
export function createBroadcast(
  { world, bus, fleet, run, now }: BroadcastOptions,
  everyMs: number,
): (k: number) => void {
  let sentAt = now()
  return (k) => {
    if (now() - sentAt < everyMs) return
    sentAt = now()
    const cars: WorldMessage['cars'] = {}
    for (const [i, id] of world.vehicles.entries())
      cars[id] = {
        kind: world.learner[i] ? 'learner' : 'human',
        s: rounded(world.position[i]),
        v: rounded(world.speed[i]),
        braking: world.braking[i] === 1,
      }
    const time = rounded(k * world.stepLength)
    bus.publish(channels.world, { fleet, run }, { version: formatVersion, time, cars })
  }
}

/** To the centimetre: a picture needs no more. */
function rounded(value: number | undefined): number {
  return Math.round(100 * (value ?? 0)) / 100
}
