import type { Recorder } from './trajectory/trajectory.ts'
import type { World } from './world.ts'

/** The drivers' baseline: one whole epoch in which the driver models have every car, also where a collision ends one. */
export async function measureBaseline(
  world: World,
  seed: number,
  recorder?: Recorder,
): Promise<{ nas: number; meanSpeed: number }> {
  const nobody = new Float64Array(world.vehicles.length).fill(Number.NaN)
  let state = await world.reset(seed)
  recorder?.begin(0)
  while (state.info.step < world.epochSteps) {
    state = await world.step(nobody)
    recorder?.step()
  }
  recorder?.end()
  return { nas: state.info.epochNas, meanSpeed: state.info.epochMeanSpeed }
}
