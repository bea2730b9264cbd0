import { defaultConfig } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { settingOf } from '../schemas/setting-of.ts'
import type { Study, StudyLine } from '../schemas/study.ts'
import type { Controller } from '../sim-bridge/sim/controllers.ts'
import type { Transition, World } from '../sim-bridge/world.ts'
import { openWorld } from '../sim-bridge/worlds.ts'
import { untrainedLaw } from './baselines.ts'
import { parseController } from './world-options.ts'

/**
 * Drives one epoch for each line of a study, or one from the jittered starts of each of its seeds; a collision is counted, and
 * the epoch goes on. `drivers` is the driver model in every car,
 * `drivers:31` that under another speed mode, `untrained` the action 0 of the study's setting; the others are controllers.
 */
export async function driveLines({ lines = [], seeds, config: change }: Study): Promise<StudyLine[]> {
  const config = { ...defaultConfig, ...change }
  const driven: StudyLine[] = []
  for (const name of lines) {
    const { speedMode, control } = lineOf(name, config.preset, settingOf(config).action)
    const world = await openWorld({ ...config, ...(speedMode !== undefined && { speedMode }), collision: 'continue' })
    try {
      const starts = config.startJitter > 0 ? seeds : seeds.slice(0, 1)
      let [meanSpeed, collisions] = [0, 0]
      for (const seed of starts) {
        const { info } = await driveEpoch(world, control, seed)
        meanSpeed += info.epochMeanSpeed / starts.length
        collisions += info.collisions
      }
      driven.push({ name, meanSpeed, collisions })
    } finally {
      await world.close()
    }
  }
  return driven
}

async function driveEpoch(world: World, control: Controller | undefined, seed: number): Promise<Transition> {
  const accelerations = new Float64Array(world.vehicles.length).fill(Number.NaN)
  let state = await world.reset(seed)
  for (let k = 0; k < world.epochSteps; k++) {
    control?.(world, k, accelerations)
    state = await world.step(accelerations)
  }
  return state
}

/** Refuses names that are no lines, before hours are spent; ExitError 2. */
export function checkLines({ lines = [], config }: Study): void {
  const { preset, action } = { ...defaultConfig, ...config, ...settingOf({ ...defaultConfig, ...config }) }
  for (const name of lines) lineOf(name, preset, action)
}

type Action = ReturnType<typeof settingOf>['action']

interface Line {
  readonly speedMode?: 1 | 25 | 31
  readonly control?: Controller
}

function lineOf(name: string, preset: 'flow' | 'lab', action: Action): Line {
  if (name === 'drivers') return {}
  const mode = ([1, 25, 31] as const).find((mode) => name === `drivers:${mode}`)
  if (mode !== undefined) return { speedMode: mode }
  try {
    return { control: parseController(name === 'untrained' ? untrainedLaw(preset, action) : name, preset) }
  } catch (error) {
    throw new ExitError('usage', `lines must be drivers, drivers:1|25|31 or controllers: ${(error as Error).message}`)
  }
}
