import { loadEngine } from '../device/engines/index.ts'
import { type Config, defaultConfig } from '../schemas/config.ts'
import { createExperiment } from '../sim-bridge/experiment/experiment.ts'
import { createEmbeddedWorld } from '../sim-bridge/worlds.ts'
import { engineNames } from './core/engines.ts'
import { cpuUs, type Figure, figureOf } from './measure.ts'

/**
 * A whole epoch in one process: 14 cars, 7 devices that learn and mix, 1500 steps, 6 rounds; CPU time. Methods `gated`, with
 * the default reading of the bound, and `certified`; and `gated` without sample reuse, in the letter's setting, where most
 * updates are of three to ten samples.
 */
export async function localEpochs(quick: boolean): Promise<Figure[]> {
  const figures = [await localEpoch('epoch-gated', {}, quick)]
  figures.push(await localEpoch('epoch-certified', { method: 'certified' }, quick))
  figures.push(await localEpoch('epoch-gated-letter', { setting: 'letter' }, quick))
  return figures
}

async function localEpoch(name: string, changes: Partial<Config>, quick: boolean): Promise<Figure> {
  const [warm, epochs] = quick ? [4, 8] : [50, 150]
  const createEngine = await loadEngine(engineNames[0])
  const ends: number[] = []
  const experiment = createExperiment({
    config: { ...defaultConfig, ...changes, epochs },
    world: createEmbeddedWorld({ preset: 'flow' }),
    createEngine: (observationSize, hidden) => createEngine({ observationSize, actionSize: 1, hidden }),
    onEvent: ({ kind }) => {
      if (kind === 'baseline' || kind === 'epoch') ends.push(cpuUs() / 1_000)
    },
  })
  await experiment.run()
  // V8 compiles for the first dozens of epochs, in threads that count as CPU time here.
  const values = ends.slice(warm + 1).map((end, i) => end - (ends[i + warm] ?? Number.NaN))
  const about = `method ${changes.method ?? 'gated'}, setting ${changes.setting ?? defaultConfig.setting}, engine ${engineNames[0]}, one process over LocalBus, after ${warm} epochs`
  return figureOf(name, 'ms CPU', values, about)
}
