import { join } from 'node:path'
import type { MqttBus } from '../device/bus/mqtt-bus.ts'
import { writeAtomically } from '../device/checkpoint.ts'
import { type CommandContext, connectBus, reach, required } from '../device/process.ts'
import type { Config } from '../schemas/config.ts'
import { settings } from '../schemas/setting.ts'
import type { Summary } from '../schemas/summary.ts'
import { aggregatorId } from '../schemas/topics.ts'
import { type Bridge, type BridgeEvent, createBridge } from './bridge.ts'
import type { World } from './world.ts'
import { openWorld } from './worlds.ts'

export interface BridgeContext extends CommandContext {
  readonly onEvent: (event: BridgeEvent) => void
  /** Given the running bridge, so that the caller can stop it. */
  readonly onStart?: (bridge: Bridge) => void
  /** The summary of the interrupted run to go on with. */
  readonly resumed?: Summary
}

/** `trustmix sim-bridge`: the world and its clock, coupled to devices over MQTT, until all epochs are driven. */
export async function runSimBridge(config: Config, context: BridgeContext): Promise<Summary> {
  const run = required(config, 'run')
  const bus = connectBus(config, bridgeId, context)
  try {
    await reach(bus, config, context)
    const world = await openWorld(config)
    try {
      return await drive(config, context, run, world, bus)
    } finally {
      await world.close()
    }
  } finally {
    await bus.close()
  }
}

async function drive(
  config: Config,
  context: BridgeContext,
  run: string,
  world: World,
  bus: MqttBus,
): Promise<Summary> {
  const bridge = createBridge({
    world,
    bus,
    fleet: config.fleet,
    run,
    seed: config.seed,
    epochs: config.epochs,
    preset: config.preset,
    sim: config.sim,
    setting: settings[config.setting],
    method: config.method,
    ...(config.method === 'average' && { aggregator: aggregatorId }),
    now: () => performance.now(),
    answerTimeoutMs: config.answerTimeoutMs,
    ...(context.resumed && { resumed: context.resumed }),
    onEvent(event) {
      context.onEvent(event)
      if (event.kind === 'epoch' && config.runDir !== null) save(config.runDir, bridge.summary())
    },
  })
  const timer = setInterval(() => bridge.tick(), 250)
  try {
    context.onStart?.(bridge)
    context.stopped.then(() => bridge.stop(config.realtime ? 'now' : 'after-epoch'))
    const summary = await bridge.run()
    if (config.runDir !== null) save(config.runDir, summary)
    return summary
  } finally {
    clearInterval(timer)
  }
}

/** Client id and user name of the bridge. */
export const bridgeId = 'sim-bridge'

function save(directory: string, summary: Summary): void {
  writeAtomically(join(directory, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`)
}
