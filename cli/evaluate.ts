import { exitCodes } from '../schemas/exit.ts'
import { settingOf } from '../schemas/setting-of.ts'
import { measureBaseline } from '../sim-bridge/baseline.ts'
import { evaluatePolicies } from '../sim-bridge/policy-controller.ts'
import { openWorld } from '../sim-bridge/worlds.ts'
import type { Command } from './command.ts'
import { readPolicies } from './policy-folder.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'
import { compareWithTraining } from './trained-world.ts'
import { worldConfig, worldSpec } from './world-options.ts'

const spec = {
  policies: {
    kind: 'text',
    placeholder: 'DIR',
    required: true,
    description: 'folder with one policy file per vehicle (runs/…/policies)',
  },
  ...worldSpec,
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
    const config = worldConfig(options)
    const { sim, preset, network, seed } = config
    const setting = settingOf(config)
    compareWithTraining(options.policies, config, io.print)
    const world = await openWorld(config)
    try {
      const policies = readPolicies(options.policies, setting)
      const baseline = await measureBaseline(world, seed)
      const info = await evaluatePolicies(world, policies, { preset, setting, seed })
      const result = {
        sim,
        preset,
        network,
        setting: setting.name,
        seed,
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
