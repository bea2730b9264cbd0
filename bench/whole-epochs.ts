/** Whole epochs over LocalBus in this process: `node build/bench/whole-epochs.js '{"changes":{},"warm":50,"epochs":150}'`. */
import { loadEngine } from '../device/engines/index.ts'
import { defaultConfig } from '../schemas/config.ts'
import { createExperiment } from '../sim-bridge/experiment/experiment.ts'
import { createEmbeddedWorld } from '../sim-bridge/worlds.ts'
import { calibration } from './calibration.ts'
import { cpuUs } from './measure.ts'
import type { EpochsAsked, EpochsTaken } from './simulation.ts'

/** Epochs between two calibrations: the machine's speed changes within seconds. */
const calibrateEvery = 10

const { changes, warm, epochs } = JSON.parse(process.argv[2] ?? '') as EpochsAsked
const createEngine = await loadEngine('wasm')
const ms: number[] = []
const calibrationUs: number[] = []
let [ended, begun] = [0, 0]
const experiment = createExperiment({
  // The first epoch begins before there is an event to count from.
  config: { ...defaultConfig, ...changes, epochs: warm + epochs + 1 },
  world: createEmbeddedWorld({ preset: 'flow' }),
  createEngine: (observationSize, hidden) => createEngine({ observationSize, actionSize: 1, hidden }),
  onEvent({ kind }) {
    if (kind !== 'epoch') return
    // V8 compiles for the first dozens of epochs, in threads that count as CPU time here.
    if (ended++ > warm) ms.push((cpuUs() - begun) / 1_000)
    if (ended % calibrateEvery === 0) calibrationUs.push(calibration(1).median)
    begun = cpuUs()
  },
})
await experiment.run()
process.stdout.write(`${JSON.stringify({ ms, calibrationUs } satisfies EpochsTaken)}\n`)
