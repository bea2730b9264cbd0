import type { Config } from '../schemas/config.ts'
import { settingOf } from '../schemas/setting-of.ts'
import { channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import { writeAtomically } from './checkpoint.ts'
import { createClock } from './clock.ts'
import { commandFiles, rosterOperators } from './command-files.ts'
import { encodeSafetensors } from './core/safetensors.ts'
import { createDevice } from './device.ts'
import type { DeviceOptions } from './device-options.ts'
import { loadEngine } from './engines/index.ts'
import { featureNames } from './features.ts'
import { policyFile } from './formats/named-policy.ts'
import {
  type CommandContext,
  configuredArchitecture,
  connectBus,
  nextBoot,
  openCheckpoints,
  openRosterStore,
  reach,
  readIdentity,
  required,
} from './process.ts'
import { watchProgress } from './progress.ts'
import { createServiceManager } from './service-manager.ts'
import { createSimIo } from './sim-io.ts'
import { createSlicer } from './slicer.ts'
import { createSystemClock } from './system-clock.ts'
import { followRoster } from './trust/roster-store.ts'
import { watchUpdates } from './update-result.ts'

/**
 * `trustmix device`: one vehicle as a process over MQTT, until it is asked to stop or, unless it is to stay, the run ends. A
 * service manager that started it is told how it goes. `reread` reads its configuration anew, for the command `reload`.
 */
export async function runDevice(
  config: Config,
  context: CommandContext,
  reread: () => Config = () => config,
): Promise<{ vehicle: string; policyHash: string }> {
  const vehicle = required(config, 'vehicle')
  const run = required(config, 'run')
  const stateDir = required(config, 'stateDir')
  const setting = settingOf(config)
  const architecture = configuredArchitecture(config)
  const engine = (await loadEngine(config.engine))(architecture)
  const boot = nextBoot(stateDir)
  const roster = openRosterStore(config, context.print)
  const identity = readIdentity(config, roster)
  const store = openCheckpoints(config, engine.id)

  const clock = createClock(() => Date.now())
  const lookAtClock = createSystemClock(clock, { now: () => performance.now(), trusted: config.clock === 'trusted' })
  lookAtClock()
  if (roster?.current) clock.raiseFloor(roster.current.issued)
  roster?.onTaken(({ issued }) => clock.raiseFloor(issued))
  const updates = config.updateResultFile === null ? undefined : watchUpdates(config.updateResultFile)
  const commands = commandFiles(config, stateDir, reread, rosterOperators(roster, config.rosterFile))

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
  if (roster) followRoster(bus, config.fleet, roster)
  const io = createSimIo(bus, config.fleet, run, vehicle, (error) => context.print(`mix: ${(error as Error).stack}`))
  const progress = watchProgress(io, () => performance.now())
  const slice = createSlicer({
    now: () => performance.now(),
    sliceMs: config.learnSliceMs,
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  })
  const options: DeviceOptions = {
    config,
    setting,
    vehicle,
    bus,
    io: progress.io,
    engine,
    identity,
    boot,
    software: context.software,
    store,
    now: () => performance.now(),
    pause() {
      progress.stepped()
      return slice()
    },
    wallClock: () => new Date().toISOString(),
    vitals() {
      const tickP99 = progress.tickP99()
      const memory = Math.round(process.memoryUsage.rss() / 1_048_576)
      return { memory, ...(tickP99 !== undefined && { tickP99 }) }
    },
    clock,
    ...(commands && { commands }),
    ...(updates && { lastUpdate: updates.last }),
    onEnd(policy) {
      const file = policyFile({ architecture, ...featureNames(setting), policy, vehicle })
      try {
        if (config.policyFile !== null) writeAtomically(config.policyFile, encodeSafetensors(file))
      } catch (error) {
        context.print(`the policy was not written: ${(error as Error).message}`)
      }
      if (!config.stay) finish()
    },
  }
  const recorder = record?.(options)
  const device = recorder?.device ?? createDevice(options)
  const manager = createServiceManager(process.env, process.pid, () => performance.now(), context.print)
  let clockState = clock.read().state
  const timer = setInterval(() => {
    lookAtClock()
    const { state } = clock.read()
    const isUpdated = updates?.changed()
    if (state !== clockState || isUpdated) device.surroundingsChanged()
    clockState = state
    device.tick()
    manager?.tick(bus.connected ? 'connected to the broker' : 'waiting for the broker', progress.advanced)
  }, 250)
  try {
    if (config.stay) await Promise.race([bus.ready, context.stopped])
    else await reach(bus, config, context)
    await Promise.race([ended, context.stopped])
    manager?.stopping()
    device.stop()
    bus.clear(channels.ann, { fleet: config.fleet, cell: config.cell, vehicle })
    bus.publish(
      channels.status,
      { fleet: config.fleet, vehicle },
      { ...device.offline(bus.connections), leaving: true },
    )
    return { vehicle, policyHash: device.policyHash }
  } finally {
    clearInterval(timer)
    await bus.close()
    await recorder?.close()
  }
}
