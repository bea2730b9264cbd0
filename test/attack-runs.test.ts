import t from 'tap'
import { createAggregator } from '../broker/aggregator.ts'
import { createLocalBroker } from '../device/bus/local-bus.ts'
import { decodeSafetensors } from '../device/core/safetensors.ts'
import { createWasmEngine } from '../device/engines/wasm.ts'
import { policyHash } from '../device/identity.ts'
import { type Config, defaultConfig } from '../schemas/config.ts'
import { settings } from '../schemas/setting.ts'
import { type AttackKind, attackKinds } from '../schemas/study.ts'
import type { Summary } from '../schemas/summary.ts'
import { channels } from '../schemas/topics.ts'
import { type Attack, createAttack, drawAttackers } from '../sim-bridge/experiment/attack/attack.ts'
import { createExperiment } from '../sim-bridge/experiment/experiment.ts'
import { createEmbeddedWorld } from '../sim-bridge/worlds.ts'

const learners = ['car01', 'car03', 'car05', 'car07', 'car09', 'car11', 'car13']

interface Run {
  readonly summary: Summary
  /** By round: hash that each vehicle's answer to `learn` named. */
  readonly listed: Map<string, string>[]
  /** By round: hash of the tensors that each vehicle sent. */
  readonly sent: Map<string, string>[]
  /** Hash of what each vehicle had learned. */
  readonly learned: Map<string, string>[]
  /** How often an honest vehicle took an attacker's policy, of how many, and why not. */
  readonly poisoned: { accepted: number; considered: number; readonly reasons: Set<string> }
}

/** An experiment with small networks; `attack` is a kind of two attackers, or one made by hand. */
async function runWith(attack: AttackKind | Attack | undefined, change: Partial<Config> = {}): Promise<Run> {
  const config: Config = { ...defaultConfig, epochs: 1, hidden: [8, 8], ppoEpochs: 2, setting: 'letter', ...change }
  const made = typeof attack === 'string' ? createAttack({ kind: attack, attackers: 2, learners, config }) : attack
  const broker = createLocalBroker()
  const run: Run = {
    ...{ summary: {} as Summary, listed: [], sent: [], learned: [] },
    poisoned: { accepted: 0, considered: 0, reasons: new Set() },
  }
  const note = (rounds: Map<string, string>[], vehicle: string, hash: string): void => {
    if (rounds.at(-1)?.has(vehicle) !== false) rounds.push(new Map())
    rounds.at(-1)?.set(vehicle, hash)
  }
  const tap = broker.connect()
  const experiment = createExperiment({
    config,
    broker,
    ...(made && { attack: made }),
    world: createEmbeddedWorld({ preset: config.preset }, { reward: settings[config.setting].reward }),
    createEngine: (observationSize, hidden, actionSize) => createWasmEngine({ observationSize, actionSize, hidden }),
    attachAggregator({ bus, run, kind, identity }) {
      const { fleet, cell } = config
      const clocks = { now: () => 0, wallClock: () => '' }
      createAggregator({ ...{ bus, fleet, cell, run, kind, identity, ...clocks }, boot: 1, software: 'test' })
    },
    onEvent(event) {
      if (event.kind !== 'answer') return
      if (event.answer.kind === 'learn') {
        note(run.listed, event.vehicle, event.answer.policyHash)
        note(run.learned, event.vehicle, experiment.devices.get(event.vehicle)?.policyHash ?? '')
      }
      if (event.answer.kind !== 'mix' || made?.attackers.includes(event.vehicle)) return
      for (const { peer, accepted, reason } of event.answer.verdicts) {
        if (!made?.attackers.includes(peer)) continue
        run.poisoned.considered++
        run.poisoned.accepted += Number(accepted)
        run.poisoned.reasons.add(reason)
      }
    },
  })
  tap.subscribe(channels.params, {}, (bytes, { vehicle }) => {
    const { tensors } = decodeSafetensors(bytes)
    const names = [...tensors.keys()].sort()
    const flat = names.flatMap((name) => [...(tensors.get(name)?.data ?? [])])
    note(run.sent, vehicle, policyHash(new Float32Array(flat)))
  })
  return { ...run, summary: await experiment.run() }
}

t.test('the hash that an attacker lists is that of the tensors it sends, and it learns on as before', async (t) => {
  for (const kind of attackKinds) {
    const { summary, listed, sent, learned } = await runWith(kind, { method: 'gated' })
    const attackers = drawAttackers(defaultConfig.seed, learners, 2)
    t.equal(listed.length, 6)
    for (const [round, hashes] of listed.entries())
      for (const id of learners) {
        if (hashes.get(id) !== sent[round]?.get(id)) t.fail(`${kind}: ${id} sent something else than it listed`)
        const same = hashes.get(id) === learned[round]?.get(id)
        const first = kind === 'stale' && round === 0
        if (same !== (first || !attackers.includes(id))) t.fail(`${kind}: ${id} in round ${round}`)
      }
    t.match(summary, { deterministic: true, causes: [], interrupted: false }, kind)
    t.ok(
      summary.epochs.every(({ meanSpeed }) => meanSpeed > 0),
      `${kind} leaves a run with finite results`,
    )
  }
})

t.test('a bad peer that sends what it has learned changes no bit of the run', async (t) => {
  const honest: Attack = {
    ...{ kind: 'stale', attackers: ['car05', 'car09'] },
    publishes: async (_vehicle, { agent }) => agent.policy,
  }
  for (const method of ['gated', 'average', 'median'] as const)
    t.same((await runWith(honest, { method })).summary, (await runWith(undefined, { method })).summary, method)
})

t.test('the same seed gives the same attack, another seed another', async (t) => {
  for (const kind of ['random', 'drift', 'optimised'] as const) {
    const [first, again] = [await runWith(kind, { method: 'gated' }), await runWith(kind, { method: 'gated' })]
    t.same(again.summary, first.summary, kind)
    t.same(again.sent, first.sent, kind)
    t.notSame((await runWith(kind, { method: 'gated', seed: 2 })).sent, first.sent, kind)
  }
})

t.test('NaN is refused by every device and left out by the averaging server', async (t) => {
  const { poisoned } = await runWith('nan', { method: 'gated' })
  t.match(poisoned, { considered: 5 * 2 * 6, accepted: 0 })
  t.same([...poisoned.reasons], ['non-finite'])
  for (const method of ['average', 'median', 'krum', 'certified'] as const) {
    const { summary } = await runWith('nan', { method })
    t.ok(
      summary.epochs.every(({ meanSpeed }) => Number.isFinite(meanSpeed)),
      method,
    )
  }
})

t.test('a fleet that averages with tenfold parameters goes on when they have grown beyond all numbers', async (t) => {
  const { summary } = await runWith('scale', { method: 'average', epochs: 20, ppoEpochs: 1 })
  t.match(summary, { deterministic: true, interrupted: false })
  t.equal(summary.epochs.length, 20)
})

t.test('every method gets through an attack that is optimised against it', async (t) => {
  for (const method of [
    'average',
    'average-gated',
    'fixed',
    'coin',
    'median',
    'krum',
    'fltrust',
    'certified',
    'independent',
  ] as const) {
    const { summary } = await runWith('optimised', { method })
    t.match(summary, { deterministic: true, interrupted: false }, method)
    t.ok(
      summary.epochs.every(({ meanSpeed }) => Number.isFinite(meanSpeed)),
      method,
    )
  }
})

t.test('the gate takes an optimised attacker more often than a random one, and the fleet gets slower', async (t) => {
  const found = { random: { share: 0, speed: 0 }, optimised: { share: 0, speed: 0 } }
  for (const seed of [1, 2])
    for (const kind of ['random', 'optimised'] as const) {
      const whole = { hidden: defaultConfig.hidden, ppoEpochs: defaultConfig.ppoEpochs }
      const { summary, poisoned } = await runWith(kind, { method: 'gated', seed, epochs: 12, ...whole })
      found[kind].share += poisoned.accepted / poisoned.considered / 2
      found[kind].speed += summary.epochs.slice(6).reduce((sum, { meanSpeed }) => sum + meanSpeed, 0) / 12
    }
  const { random, optimised } = found
  t.ok(optimised.share > random.share, `${optimised.share} of the optimised, ${random.share} of the random accepted`)
  t.ok(optimised.speed < random.speed, `${optimised.speed} m/s against ${random.speed} m/s`)
})
