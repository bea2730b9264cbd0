import { createWasmEngine } from '../device/engines/wasm.ts'
import { defaultConfig } from '../schemas/config.ts'
import { createExperiment } from '../sim-bridge/experiment/experiment.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'
import { createEmbeddedWorld } from '../sim-bridge/worlds.ts'
import { type Figure, figureOf } from './measure.ts'

/** The embedded simulator alone, all cars driven by it. */
export function simulator(quick: boolean): Figure {
  const world = new TrafficSimulator({ preset: 'flow' })
  const nobody = new Float64Array(world.vehicles.length).fill(Number.NaN)
  const steps = quick ? 15_000 : 60_000
  const run = (): number => {
    world.reset()
    const start = performance.now()
    for (let k = 0; k < steps; k++) world.step(nobody)
    return (1_000 * steps * world.vehicles.length) / (performance.now() - start)
  }
  run()
  const values = Array.from({ length: quick ? 3 : 7 }, run)
  return figureOf('simulator', 'car-steps/s', values, `embedded figure eight, 14 cars, ${steps} steps`)
}

/** A whole epoch in one process: 14 cars, 7 devices that learn and mix, 1500 steps, 6 rounds. */
export async function localEpoch(quick: boolean): Promise<Figure> {
  const epochs = quick ? 6 : 25
  const ends: number[] = []
  const experiment = createExperiment({
    config: { ...defaultConfig, epochs },
    world: createEmbeddedWorld({ preset: 'flow' }),
    createEngine: (observationSize, hidden) => createWasmEngine({ observationSize, actionSize: 1, hidden }),
    onEvent: ({ kind }) => {
      if (kind === 'baseline' || kind === 'epoch') ends.push(performance.now())
    },
  })
  await experiment.run()
  // The first two epochs run before the code is compiled and before the replay is full.
  const values = ends.slice(3).map((end, i) => end - (ends[i + 2] ?? Number.NaN))
  return figureOf('epoch-local', 'ms', values, 'method gated, defaults, one process over LocalBus')
}
