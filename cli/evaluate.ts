import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../device/core/index.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { createFeatures, featureCount } from '../device/features.ts'
import { defaultConfig } from '../schemas/config.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import { type SettingName, settings } from '../schemas/setting.ts'
import { createWorld } from '../sim-bridge/cli.ts'
import { accelerationOf } from '../sim-bridge/controller.ts'
import { drawSchedules } from '../sim-bridge/schedule.ts'
import { createTraffic, measureBaseline, observe } from '../sim-bridge/traffic.ts'
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
    const world = await createWorld({ ...defaultConfig, preset, sim: options.sim as 'embedded' | 'sumo' })
    try {
      const policies = readPolicies(options.policies, featureCount(setting))
      const steps = 1500
      const baseline = await measureBaseline(world, steps)
      const features = createFeatures(setting, { preset, ...world })
      const schedules = drawSchedules(
        options.seed,
        world.vehicles.filter((_, i) => world.learner[i]),
      )
      const commands = new Map<number, ReturnType<typeof features.command>>()
      const row = new Float32Array(featureCount(setting))
      const mean = new Float64Array(1)
      const accelerations = new Float64Array(world.vehicles.length).fill(Number.NaN)
      await world.reset()
      const traffic = createTraffic(world)
      for (let k = 0; k < steps; k++) {
        for (const [i, id] of world.vehicles.entries()) {
          const policy = policies.get(id)
          const schedule = schedules.get(id)
          if (!policy || !schedule) continue
          if (k >= schedule.phaseSteps && (k - schedule.phaseSteps) % schedule.intervalSteps === 0) {
            features.encode(observe(world, i), row)
            policy.engine.policyMean(policy.policy, row, 1, mean)
            commands.set(i, features.command(mean[0] as number))
          }
          accelerations[i] = accelerationOf(commands.get(i), world, i)
        }
        await world.step(accelerations)
        traffic.add()
      }
      const result = {
        sim: options.sim,
        preset,
        setting: setting.name,
        seed: options.seed,
        policies: policies.size,
        meanSpeed: traffic.meanSpeed,
        nas: traffic.nas,
        collisions: traffic.collisions,
        baseline,
      }
      const ratio = (traffic.meanSpeed / baseline.meanSpeed).toFixed(3)
      io.output(
        options.json
          ? `${JSON.stringify(result)}\n`
          : `${policies.size} policies: mean speed ${traffic.meanSpeed.toFixed(3)} m/s, NAS ${traffic.nas.toFixed(4)}, collisions ${traffic.collisions}\n` +
              `drivers:    mean speed ${baseline.meanSpeed.toFixed(3)} m/s, NAS ${baseline.nas.toFixed(4)}  (× ${ratio})\n`,
      )
      return exitCodes.ok
    } finally {
      await world.close()
    }
  },
}

function readPolicies(folder: string, observationSize: number): Map<string, { engine: Engine; policy: Float64Array }> {
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
