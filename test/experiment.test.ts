import { join } from 'node:path'
import t from 'tap'
import { createAggregator } from '../broker/aggregator.ts'
import { createLocalBroker, type LocalBroker } from '../device/bus/local-bus.ts'
import { createCheckpointStore } from '../device/checkpoint.ts'
import { aggregate } from '../device/core/aggregate.ts'
import { decodeSafetensors } from '../device/core/safetensors.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { policyHash, sha256 } from '../device/identity.ts'
import { type Config, defaultConfig } from '../schemas/config.ts'
import type { Observation } from '../schemas/lock-step.ts'
import { settings } from '../schemas/setting.ts'
import { type Summary, validateSummary } from '../schemas/summary.ts'
import { type Channel, channels } from '../schemas/topics.ts'
import type { BridgeEvent } from '../sim-bridge/bridge.ts'
import { createExperiment, type Experiment } from '../sim-bridge/experiment/experiment.ts'
import { createEmbeddedWorld } from '../sim-bridge/worlds.ts'
import { testFolder } from './support/program.ts'

const learners = ['car01', 'car03', 'car05', 'car07', 'car09', 'car11', 'car13']
const rounds = 6

interface Given {
  readonly config?: Partial<Config>
  readonly broker?: LocalBroker
  /** Directory that holds one of checkpoints per vehicle. */
  readonly directory?: string
  readonly resumed?: Summary
  readonly onEvent?: (event: BridgeEvent) => void
}

/** The whole experiment in one process: 14 cars, 7 of them devices with small networks. */
function experimentOf({ config: change, directory, ...given }: Given): Experiment {
  const config = { ...defaultConfig, epochs: 2, hidden: [8, 8], ppoEpochs: 2, ...change }
  return createExperiment({
    ...given,
    config,
    world: createEmbeddedWorld({ preset: config.preset }, { reward: settings[config.setting].reward }),
    createEngine: (observationSize, hidden) => createReferenceEngine({ observationSize, actionSize: 1, hidden }),
    attachAggregator({ bus, run, kind, identity }) {
      const { fleet, cell } = config
      createAggregator({
        ...{ bus, fleet, cell, run, kind, identity, boot: 1, software: 'test', now: () => 0, wallClock: () => '' },
      })
    },
    ...(directory !== undefined && {
      store: (vehicle: string) =>
        createCheckpointStore(join(directory, vehicle), {
          vehicle,
          seed: config.seed,
          engine: 'reference/1',
          architecture: '8,8',
        }),
    }),
  })
}

t.test('the same seed ends with the same policies, another one with others', async (t) => {
  const [first, again, other] = [
    await experimentOf({}).run(),
    await experimentOf({}).run(),
    await experimentOf({ config: { seed: 2, epochs: 1 } }).run(),
  ]
  t.same(again, first)
  for (const id of learners) t.not(other.policies[id], first.policies[id])
  t.same(other.baseline, first.baseline, 'the drivers’ baseline does not depend on the seed')
})

for (const method of ['gated', 'independent', 'average', 'fixed'] as const) {
  for (const setting of ['headway', 'letter'] as const) {
    if (setting === 'letter' && method !== 'gated') continue
    t.test(`method ${method}, setting ${setting}: the summary adds up`, async (t) => {
      const events: BridgeEvent[] = []
      const config = { method, setting, epochs: 1 }
      const experiment = experimentOf({ config, onEvent: (event) => events.push(event) })
      const summary = await experiment.run()
      t.match(validateSummary(summary), { ok: true })
      t.match(summary, { method, setting, deterministic: true, causes: [], interrupted: false, vehicles: learners })
      t.match(summary.epochs, [{ epoch: 1 }])
      t.ok(
        Math.abs((summary.epochs[0]?.nas ?? 0) * 20 - (summary.epochs[0]?.meanSpeed ?? 1)) < 1e-9 ||
          summary.collisions > 0,
      )
      for (const [id, device] of experiment.devices) {
        t.equal(summary.policies[id], device.policyHash)
        t.equal(device.policyHash, policyHash(device.agent.learner.policy))
        const { samples = 0, updates = 0, intervalS = 0 } = summary.learners?.[id] ?? {}
        t.equal(samples, device.agent.samples)
        // Decisions in 150 s, the first one within an interval; a hold cut by the end of the epoch counts too.
        t.ok(Math.abs(samples - 150 / intervalS) <= 1, `${samples} samples at an interval of ${intervalS} s`)
        t.ok(updates >= 1 && updates <= rounds)
      }

      const pairs = method === 'independent' ? 0 : method === 'average' ? 7 * rounds : 42 * rounds
      const sum = (matrix: readonly (readonly number[])[]): number => matrix.flat().reduce((a, b) => a + b, 0)
      t.equal(
        Object.values(summary.verdicts).reduce((a, b) => a + b, 0),
        pairs,
        'one verdict per ordered pair and round',
      )
      t.same([summary.matrix.length, ...summary.matrix.map((row) => row.length)], Array(8).fill(7))
      for (const i of learners.keys()) t.equal(summary.matrix[i]?.[i], 0, 'nobody considers itself')
      const accepted = summary.verdicts.accepted ?? 0
      t.equal(sum(summary.matrix), method === 'average' ? 0 : accepted, 'accepted as counted by reason')
      t.ok(
        summary.matrix.every((row, i) => row.every((count, j) => count <= (summary.referred[i]?.[j] ?? 0))),
        'what is accepted was referred to',
      )
      if (method === 'fixed' || method === 'average') t.equal(accepted, pairs)
      if (method === 'gated') t.ok(accepted > 0 && accepted < pairs, `${accepted} of ${pairs} accepted`)
      const kinds = events.map((event) => (event.kind === 'answer' ? event.answer.kind : event.kind))
      const count = (kind: string): number => kinds.filter((found) => found === kind).length
      const seats = method === 'average' ? 8 : 7
      t.same([count('learn'), count('mix'), count('epoch'), count('end')], [7 * rounds, seats * rounds, 1, seats])
    })
  }
}

t.test('after a round of average all hold the mean of what they had learned', async (t) => {
  const broker = createLocalBroker()
  const tap = broker.connect()
  const learned = new Map<string, Float64Array>()
  const checked: string[] = []
  const experiment = experimentOf({ config: { method: 'average', setting: 'letter', epochs: 1 }, broker })
  tap.subscribe(channels.act, {}, (act, { vehicle }) => {
    const policy = experiment.devices.get(vehicle)?.agent.learner.policy
    if (act.kind === 'learn' && policy) learned.set(vehicle, policy.slice())
    if (act.kind !== 'mix' || !policy) return
    const mean = aggregate(learners.map((id) => learned.get(id) as Float64Array))
    if (act.policyHash !== policyHash(mean)) t.fail(`${vehicle} must hold the mean`)
    checked.push(act.policyHash)
  })
  const summary = await experiment.run()
  t.equal(checked.length, 7 * rounds)
  t.equal(new Set(checked).size, rounds, 'one policy per round')
  t.equal(new Set(Object.values(summary.policies)).size, 1)
})

t.test('a run that goes on from its checkpoints ends as one that was never interrupted', async (t) => {
  const whole = await experimentOf({ config: { epochs: 3 } }).run()
  const directory = testFolder(t)
  const half = await experimentOf({ directory }).run()
  t.same(half.epochs, whole.epochs.slice(0, 2))
  const resumed = experimentOf({ config: { epochs: 3 }, directory, resumed: half })
  for (const [id, device] of resumed.devices) t.equal(device.policyHash, half.policies[id], 'goes on where it was')
  const rest = await resumed.run()
  t.same(rest, whole)
})

t.test('who hears what: observations stay under sim, no value network and no sample is sent', async (t) => {
  const broker = createLocalBroker()
  const heard = new Map<string, unknown[]>()
  const listener = broker.connect()
  for (const [name, channel] of Object.entries(channels)) {
    heard.set(name, [])
    listener.subscribe(channel as Channel<string, unknown>, {}, (message) => heard.get(name)?.push(message))
  }
  await experimentOf({ config: { epochs: 1 }, broker }).run()
  const of = <T>(name: string): T[] => (heard.get(name) ?? []) as T[]
  const sensed = of<{ observation?: Observation }>('obs').flatMap(({ observation }) =>
    observation ? Object.values(observation) : [],
  )
  // 0 and whole numbers say nothing; every other value is one car's at one moment.
  const secrets = new Set(sensed.filter((value) => !Number.isInteger(value)))
  t.ok(secrets.size > 500)
  for (const [name, messages] of heard) {
    if (name === 'obs' || name === 'params') continue
    const numbers = messages.flatMap((message) => JSON.stringify(message).match(/-?\d+\.\d+(e-?\d+)?/g) ?? [])
    t.same(
      numbers.filter((text) => secrets.has(Number(text))),
      [],
      `${name}: ${messages.length} messages`,
    )
  }
  const used = [...heard].filter(([, messages]) => messages.length > 0).map(([name]) => name)
  t.same(used, ['status', 'telemetry', 'verdict', 'ann', 'params', 'obs', 'act', 'run'])
  const sealed = of<Uint8Array>('params')
  t.equal(sealed.length, 7 * rounds, 'each policy once a round, unasked')
  const names = new Set<string>()
  const keys = new Set<string>()
  for (const bytes of sealed) {
    const { tensors, metadata } = decodeSafetensors(bytes)
    for (const name of tensors.keys()) names.add(name.replace(/\d/, 'N'))
    for (const key of metadata.keys()) keys.add(key)
  }
  t.same([...names], ['log_std', 'policy.N.bias', 'policy.N.weight'])
  t.same(
    [...keys],
    [
      'architecture',
      'boot',
      'cell',
      'features',
      'fleet',
      'format',
      'policyHash',
      'sequence',
      'signature',
      'time',
      'updates',
      'vehicle',
    ],
  )
  t.equal(new Set(sealed.map((bytes) => sha256(bytes))).size, sealed.length)
})
