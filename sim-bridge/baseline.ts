import type { World } from './world.ts'

/** The drivers' baseline: one epoch in which the driver models have every car. */
export async function measureBaseline(world: World, seed: number): Promise<{ nas: number; meanSpeed: number }> {
  const nobody = new Float64Array(world.vehicles.length).fill(Number.NaN)
  let state = await world.reset(seed)
  while (!state.terminated && !state.truncated) state = await world.step(nobody)
  return { nas: state.info.epochNas, meanSpeed: state.info.epochMeanSpeed }
}
