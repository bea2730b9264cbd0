import type { Config } from '../schemas/config.ts'
import { settingOf } from '../schemas/setting-of.ts'
import { channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import { createCheckpointStore, writeAtomically } from './checkpoint.ts'
import { encodeSafetensors } from './core/safetensors.ts'
import { createDevice, type DeviceOptions } from './device.ts'
import { loadEngine } from './engines/index.ts'
import { featureNames } from './features.ts'
import { policyFile } from './formats/named-policy.ts'
import {
  type CommandContext,
  configuredArchitecture,
  connectBus,
  nextBoot,
  reach,
  readIdentity,
  required,
} from './process.ts'
import { createSimIo } from './sim-io.ts'
import { createSlicer } from './slicer.ts'

/** `trustmix device`: one vehicle as a process over MQTT, until the run ends or it is asked to stop. */
export async function runDevice(
  config: Config,
  context: CommandContext,
): Promise<{ vehicle: string; policyHash: string }> {
  const vehicle = required(config, 'vehicle')
  const run = required(config, 'run')
  const stateDir = required(config, 'stateDir')
  const setting = settingOf(config)
  const architecture = configuredArchitecture(config)
  const engine = (await loadEngine(config.engine))(architecture)
  const boot = nextBoot(stateDir)
  const identity = readIdentity(config)
  const store = createCheckpointStore(stateDir, {
    vehicle,
    seed: config.seed,
    engine: engine.id,
    // What was learned in a changed setting is not gone on with in another one.
    architecture: JSON.stringify(
      setting.name === setting.base ? architecture : { ...architecture, setting: setting.name },
    ),
  })

  let finish: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    finish = resolve
  })
  const record = config.recordDir === null ? undefined : await (await import('./recorder/cli.ts')).loadRecorder()
  const status = { version: formatVersion, state: 'offline', boot } as const
  const bus = connectBus(config, vehicle, context, (connection) => ({
    channel: channels.status,
    address: { fleet: config.fleet, vehicle },
    message: { ...status, connection },
  }))
  const options: DeviceOptions = {
    config,
    setting,
    vehicle,
    bus,
    io: createSimIo(bus, config.fleet, run, vehicle, (error) => context.print(`mix: ${(error as Error).stack}`)),
    engine,
    identity,
    boot,
    software: context.software,
    store,
    now: () => performance.now(),
    pause: createSlicer({
      now: () => performance.now(),
      sliceMs: config.learnSliceMs,
      turn: () => new Promise((resolve) => setImmediate(resolve)),
    }),
    wallClock: () => new Date().toISOString(),
    residentMemory: () => Math.round(process.memoryUsage.rss() / 1_048_576),
    onEnd(policy) {
      const file = policyFile({ architecture, ...featureNames(setting), policy, vehicle })
      try {
        if (config.policyFile !== null) writeAtomically(config.policyFile, encodeSafetensors(file))
      } catch (error) {
        context.print(`the policy was not written: ${(error as Error).message}`)
      }
      finish()
    },
  }
  const recorder = record?.(options)
  const device = recorder?.device ?? createDevice(options)
  const timer = setInterval(() => device.tick(), 250)
  try {
    await reach(bus, config, context)
    await Promise.race([ended, context.stopped])
    device.stop()
    bus.clear(channels.ann, { fleet: config.fleet, cell: config.cell, vehicle })
    bus.publish(channels.status, { fleet: config.fleet, vehicle }, device.offline(bus.connections))
    return { vehicle, policyHash: device.policyHash }
  } finally {
    clearInterval(timer)
    await bus.close()
    await recorder?.close()
  }
}
