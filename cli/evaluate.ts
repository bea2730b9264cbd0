import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { featureCount } from '../device/features.ts'
import { defaultConfig } from '../schemas/config.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import { type SettingName, settings } from '../schemas/setting.ts'
import { measureBaseline } from '../sim-bridge/baseline.ts'
import { evaluatePolicies, type TrainedPolicy } from '../sim-bridge/experiment/evaluate.ts'
import { openWorld } from '../sim-bridge/worlds.ts'
import type { Command } from './command.ts'
import { policyOf, readTensorFile } from './tensor-file.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'

const spec = {
  policies: {
    kind: 'text',
    placeholder: 'DIR',
    required: true,
    description: 'folder with one policy file per vehicle (runs/…/policies)',
  },
  sim: { kind: 'choice', choices: ['embedded', 'sumo'], default: 'embedded', description: 'traffic simulator' },
  preset: { kind: 'choice', choices: ['flow', 'lab'], default: 'flow', description: 'scenario' },
  setting: {
    kind: 'choice',
    choices: ['headway', 'letter'],
    default: 'headway',
    description: 'what the policies were trained in',
  },
  seed: {
    kind: 'number',
    integer: true,
    default: 1,
    minimum: 0,
    maximum: 4294967295,
    description: 'seed of the decision intervals',
  },
  json: { kind: 'flag', description: 'print one JSON object' },
  help: { kind: 'flag', description: 'this text' },
} as const

/** Drives one epoch with trained policies, mean actions (no exploration), beside the drivers' baseline. */
export const evaluateCommand: Command = {
  help: `trustmix evaluate: how trained policies drive without exploration, beside the simulator's own drivers.

Usage: trustmix evaluate --policies runs/NAME/policies [--sim embedded|sumo] [--json]

${describeToolOptions(spec)}`,
  async run(args, io) {
    const options = readToolOptions('evaluate', spec, args)
    const preset = options.preset as 'flow' | 'lab'
    const setting = settings[options.setting as SettingName]
    const world = await openWorld({ ...defaultConfig, preset, sim: options.sim as 'embedded' | 'sumo' })
    try {
      const policies = readPolicies(options.policies, featureCount(setting))
      const baseline = await measureBaseline(world, options.seed)
      const info = await evaluatePolicies(world, policies, { preset, setting, seed: options.seed })
      const result = {
        sim: options.sim,
        preset,
        setting: setting.name,
        seed: options.seed,
        policies: policies.size,
        meanSpeed: info.epochMeanSpeed,
        nas: info.epochNas,
        collisions: info.collisions,
        baseline,
      }
      const ratio = (result.meanSpeed / baseline.meanSpeed).toFixed(3)
      io.output(
        options.json
          ? `${JSON.stringify(result)}\n`
          : `${policies.size} policies: mean speed ${result.meanSpeed.toFixed(3)} m/s, NAS ${result.nas.toFixed(4)}, collisions ${result.collisions}\n` +
              `drivers:    mean speed ${baseline.meanSpeed.toFixed(3)} m/s, NAS ${baseline.nas.toFixed(4)}  (× ${ratio})\n`,
      )
      return exitCodes.ok
    } finally {
      await world.close()
    }
  },
}

/** Policies of a folder by vehicle; ExitError where there are none or they do not fit. */
export function readPolicies(folder: string, observationSize: number): Map<string, TrainedPolicy> {
  let names: string[]
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.safetensors'))
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
  if (names.length === 0) throw new ExitError('usage', `${folder} must hold policy files (*.safetensors), got none`)
  return new Map(
    names.sort().map((name) => {
      const path = join(folder, name)
      const { architecture, policy } = policyOf(path, readTensorFile(path))
      if (architecture.observationSize !== observationSize || architecture.actionSize !== 1)
        throw new ExitError(
          'damaged',
          `${path} must see ${observationSize} features and choose 1 action, got ${architecture.observationSize} and ${architecture.actionSize}`,
        )
      return [name.replace(/\.safetensors$/, ''), { engine: createReferenceEngine(architecture), policy }]
    }),
  )
}
