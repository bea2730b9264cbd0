import { parentPort, workerData } from 'node:worker_threads'
import { createWasmEngine } from '../../device/engines/wasm.ts'
import type { Config } from '../../schemas/config.ts'
import { settings } from '../../schemas/setting.ts'
import { createExperiment } from '../../sim-bridge/experiment/experiment.ts'
import { createEmbeddedWorld } from '../../sim-bridge/worlds.ts'

/** One experiment in a worker thread: the configuration in, the summary out. */
const config = workerData as Config
const experiment = createExperiment({
  config,
  world: createEmbeddedWorld({ preset: config.preset }, { reward: settings[config.setting].reward }),
  createEngine: (observationSize, hidden) => createWasmEngine({ observationSize, actionSize: 1, hidden }),
})
parentPort?.postMessage(await experiment.run())
