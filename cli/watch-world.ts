import { ExitError } from '../schemas/exit.ts'
import { roadShape } from '../schemas/road-shape.ts'
import { nasSpeed } from '../schemas/setting.ts'
import type { Transition, World } from '../sim-bridge/world.ts'
import { type DrivenWorldOptions, openDrivenWorld } from './driven-world.ts'
import type { CarView } from './view/road-picture.ts'
import type { WatchView } from './view/watch-view.ts'
import type { Watched } from './watched.ts'

/** Fastest and slowest time that the keys set, in simulated seconds a second. */
const paces = [1 / 16, 256] as const
/** Milliseconds of simulation between two frames, so that keys are heard however slow the simulator is. */
const longestWork = 150

/** A world of its own, driven epoch after epoch at `pace` simulated seconds a second; `now` in ms, never going back. */
export async function watchWorld(options: DrivenWorldOptions, pace: number, now: () => number): Promise<Watched> {
  const { world, control, driver, network } = await openDrivenWorld(options)
  const { vehicles, learner, stepLength, loopLength, speed, position, forced } = world
  const accelerations = new Float64Array(vehicles.length)
  const shape = roadShape(network, loopLength)
  const stepsASecond = Math.round(1 / stepLength)
  let speeds: number[] = []
  let rate = pace
  let paused = false
  let epoch = 0
  let step = 0
  let owed = 0
  let state: Transition
  let drivers: Awaited<ReturnType<typeof driveBaseline>>
  try {
    if (!shape) throw new ExitError('usage', `watch draws the figure eight and the ring, got ${network}`)
    drivers = await driveBaseline(world, options.seed)
    state = await world.reset(options.seed)
  } catch (error) {
    await world.close()
    throw error
  }

  async function advance(): Promise<void> {
    if (state.terminated || state.truncated || epoch === 0) {
      state = await world.reset(options.seed)
      epoch++
      step = 0
      speeds = []
    }
    control(world, step++, accelerations)
    state = await world.step(accelerations)
    if (step % stepsASecond === 0) speeds.push(state.info.meanSpeed)
  }

  return {
    keys: 'q quit   space pause   + faster   - slower',
    async until(seconds) {
      while (epoch === 0 || step * stepLength < seconds - stepLength / 2) await advance()
    },
    async pass(ms) {
      if (paused) return
      owed += (rate * ms) / 1000 / stepLength
      const began = now()
      while (owed >= 1 && now() - began < longestWork) {
        await advance()
        owed--
      }
      // What a slow simulator did not manage is not made up for.
      owed = Math.min(owed, 1)
    },
    key(key) {
      if (key === ' ') paused = !paused
      if (key === '+' || key === '=') rate = Math.min(paces[1], rate * 2)
      if (key === '-') rate = Math.max(paces[0], rate / 2)
    },
    view(): Omit<WatchView, 'foot'> {
      const cars: CarView[] = vehicles.map((id, i) => ({
        id,
        learner: learner[i] === true,
        position: position[i]!,
        speed: speed[i]!,
        forced: forced[i] === 1,
      }))
      const { epochMeanSpeed, epochNas, collisions } = state.info
      const soFar = drivers[step - 1]
      const accidents = collisions > 0 ? `collisions ${collisions}  ` : ''
      return {
        title: `trustmix  ${driver} · ${options.preset} · ${options.sim}`,
        state: `${accidents}epoch ${Math.max(1, epoch)}  ${paused ? 'paused' : `×${rate}`}`,
        shape,
        time: step * stepLength,
        cars,
        speeds,
        ...(step > 0 && { epoch: { nas: epochNas, meanSpeed: epochMeanSpeed } }),
        ...(soFar && { baseline: soFar }),
        topSpeed: nasSpeed,
      }
    },
    close: () => world.close(),
  }
}

/** What the drivers alone have reached after each step of a whole epoch, so that like is compared with like. */
async function driveBaseline(world: World, seed: number): Promise<{ nas: number; meanSpeed: number }[]> {
  const nobody = new Float64Array(world.vehicles.length).fill(Number.NaN)
  const reached: { nas: number; meanSpeed: number }[] = []
  let state = await world.reset(seed)
  while (state.info.step < world.epochSteps) {
    state = await world.step(nobody)
    reached.push({ nas: state.info.epochNas, meanSpeed: state.info.epochMeanSpeed })
  }
  return reached
}
