import type { Test } from 'tap'
import type { User } from '../../broker/admission.ts'
import { createAggregator } from '../../broker/aggregator.ts'
import { createDevice } from '../../device/device.ts'
import { loadEngine } from '../../device/engines/index.ts'
import { featureCount } from '../../device/features.ts'
import { createInProcessIdentity } from '../../device/identity.ts'
import { createSimIo } from '../../device/sim-io.ts'
import { defaultConfig, type PartialConfig } from '../../schemas/config.ts'
import { needsAggregator } from '../../schemas/config-methods.ts'
import { settings } from '../../schemas/setting.ts'
import type { Summary } from '../../schemas/summary.ts'
import { aggregatorId } from '../../schemas/topics.ts'
import { createBridge } from '../../sim-bridge/bridge.ts'
import { createEmbeddedWorld } from '../../sim-bridge/worlds.ts'
import { start } from './broker-fixture.ts'
import { busTo } from './buses.ts'
import { namesOf } from './devices.ts'

/** A whole run over a real broker, everyone with a connection and an access role of its own, in this process. */
export async function runOverMqtt(t: Test, part: PartialConfig): Promise<Summary> {
  const config = { ...defaultConfig, ...part }
  const { fleet, cell, method, seed, epochs, network, preset, sim, hidden } = config
  const run = 'run1'
  const setting = settings[config.setting]
  const world = createEmbeddedWorld({ preset }, { reward: setting.reward })
  const learners = world.vehicles.filter((_, i) => world.learner[i])
  const roles: readonly (readonly [string, User['role']])[] = [
    ...learners.map((id) => [id, 'device'] as const),
    [aggregatorId, 'aggregator'],
    ['bridge', 'bridge'],
  ]
  const users = new Map(roles.map(([id, role]) => [id, { id, role, password: `${id}-secret` }]))
  const { port } = await start(t, { users })
  const identity = createInProcessIdentity([...learners, aggregatorId])
  const createEngine = await loadEngine(config.engine)
  const common = { boot: 1, software: 'test', now: () => performance.now(), wallClock: () => '' }
  const architecture = { observationSize: featureCount(setting), actionSize: 1, hidden }
  const ticking: { tick(): void }[] = []
  for (const vehicle of learners) {
    const bus = busTo(t, port, vehicle)
    const io = createSimIo(bus, fleet, run, vehicle)
    ticking.push(
      createDevice({ ...common, config, setting, vehicle, bus, io, identity, engine: createEngine(architecture) }),
    )
    await bus.ready
  }
  if (needsAggregator(method)) {
    const bus = busTo(t, port, aggregatorId)
    const kind = { architecture, ...namesOf(config.setting) }
    ticking.push(createAggregator({ ...common, bus, fleet, cell, run, kind, identity }))
    await bus.ready
  }
  const bus = busTo(t, port, 'bridge')
  await bus.ready
  const bridge = createBridge({
    ...{ world, bus, fleet, run, seed, epochs, network, preset, sim, setting, method, now: common.now },
    ...(needsAggregator(method) && { aggregator: aggregatorId }),
  })
  ticking.push(bridge)
  const timer = setInterval(() => {
    for (const one of ticking) one.tick()
  }, 250)
  t.teardown(() => clearInterval(timer))
  return bridge.run()
}
