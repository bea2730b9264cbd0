import { parentPort, workerData } from 'node:worker_threads'
import { createReferenceEngine } from '../../device/engines/reference.ts'
import type { Config } from '../../schemas/config.ts'
import { settings } from '../../schemas/setting.ts'
import { createExperiment } from '../../sim-bridge/experiment/experiment.ts'
import { createEmbeddedWorld } from '../../sim-bridge/worlds.ts'

/** One experiment in a worker thread: the configuration in, the summary out. */
const config = workerData as Config
const experiment = createExperiment({
  config,
  world: createEmbeddedWorld({ preset: config.preset }, { reward: settings[config.setting].reward }),
  createEngine: (observationSize, hidden) => createReferenceEngine({ observationSize, actionSize: 1, hidden }),
})
parentPort?.postMessage(await experiment.run())
