import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createAggregator } from '../broker/aggregator.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { createWasmEngine } from '../device/engines/wasm.ts'
import { defaultConfig } from '../schemas/config.ts'
import { type JobResult, type Study, type StudyJob, validateJobResult } from '../schemas/study.ts'
import type { VerdictMessage } from '../schemas/verdict.ts'
import { type AggregatorContext, createExperiment } from '../sim-bridge/experiment/experiment.ts'
import { canonicalJson } from '../sim-bridge/experiment/study/canonical.ts'
import { comparedEpochs } from '../sim-bridge/experiment/study/divergence.ts'
import { runStudyJob } from '../sim-bridge/experiment/study/job.ts'
import { checkStudy, expandStudy, jobHash } from '../sim-bridge/experiment/study/jobs.ts'
import { methodMeans } from '../sim-bridge/experiment/study/means.ts'
import { createMixCounts, mostMixes } from '../sim-bridge/experiment/study/mixes.ts'
import { createRecorder, type Trajectory } from '../sim-bridge/trajectory/trajectory.ts'
import { openWorld } from '../sim-bridge/worlds.ts'

const study: Study = {
  version: 1,
  name: 'small',
  seeds: [4, 7],
  config: { setting: 'letter', epochs: 2, hidden: [8, 8], ppoEpochs: 2 },
  methods: [
    { label: 'alone', config: { method: 'independent' } },
    { label: 'gated-p0.5', config: { method: 'gated', linkProbability: 0.5 } },
  ],
  attacks: [{ kind: 'nan', attackers: 2 }],
}

const attachAggregator = ({ config: { fleet, cell } }: StudyJob, { bus, run, kind, identity }: AggregatorContext) => {
  createAggregator({
    ...{ bus, fleet, cell, run, kind, identity, boot: 1, software: 'test', now: () => 0, wallClock: () => '' },
  })
}
const jobOf = (label: string, config: Study['config']): StudyJob => {
  const methods = [{ label, config }]
  const [job] = expandStudy(checkStudy('test', { ...study, seeds: [3], methods, attacks: [] }))
  if (!job) throw new Error('the study has no job')
  return job
}
const sum = (matrix: readonly (readonly number[])[]): number => matrix.flat().reduce((a, b) => a + b, 0)

t.test('a study is expanded seed by seed, each method without an attack first', async (t) => {
  const jobs = expandStudy(study)
  t.same(
    jobs.map(({ id }) => id),
    [4, 7].flatMap((seed) =>
      ['alone', 'alone@nan-2', 'gated-p0.5', 'gated-p0.5@nan-2'].map((name) => `${name}-seed${seed}`),
    ),
  )
  t.same(jobs[3], {
    id: 'gated-p0.5@nan-2-seed4',
    label: 'gated-p0.5',
    seed: 4,
    attack: { kind: 'nan', attackers: 2 },
    config: { ...defaultConfig, ...study.config, method: 'gated', linkProbability: 0.5, seed: 4 },
  })
  t.equal(new Set(jobs.map(jobHash)).size, jobs.length)
})

t.test('the hash of a job depends on what is run, not on the order of keys', async (t) => {
  t.equal(canonicalJson({ b: [1, { d: null, c: 'x' }], a: 0.5 }), '{"a":0.5,"b":[1,{"c":"x","d":null}]}')
  const job = jobOf('gated', { method: 'gated' })
  const config = Object.fromEntries(Object.entries(job.config).reverse()) as StudyJob['config']
  t.equal(jobHash({ ...job, config }), jobHash(job))
  t.not(jobHash({ ...job, config: { ...job.config, clipRange: 0.3 } }), jobHash(job))
})

t.test('a broken study is refused with its rule', async (t) => {
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ seeds: [] }, /seeds must NOT have fewer than 1 items, got \[\]/],
    [{ surprise: 1 }, /unknown key "surprise"/],
    [{ config: { epochs: 0 } }, /config\/epochs must be >= 1, got 0/],
    [{ config: { seed: 1 } }, /config must not set seed \(seeds lists them\)/],
    [{ config: { engine: 'reference' } }, /engine must be wasm.*got reference/],
    [{ methods: [study.methods[0], study.methods[0]] }, /labels of methods must differ, got alone twice/],
    [{ methods: [{ label: 'x', config: { method: 'magic' } }] }, /method must be equal to one of.*got "magic"/],
    [{ references: ['nobody'] }, /references must be labels of methods \(alone, gated-p0.5\), got nobody/],
    [{ attacks: [{ kind: 'nan', attackers: 7 }] }, /attackers of nan must be fewer than the learners \(7\), got 7/],
    [{ config: { gamma: 0.9, horizonS: 9 } }, /method alone: one of --gamma and --horizon-s/],
    [{ config: { sim: 'sumo', crossing: 'nearest-first' } }, /crossing must be priority with sim sumo/],
  ]
  for (const [change, message] of cases)
    t.throws(() => checkStudy('s.json', { ...study, ...change }), { code: 2, message }, JSON.stringify(change))
})

for (const method of ['gated', 'average', 'independent'] as const) {
  t.test(`a job of method ${method} reports what an experiment does, and does not change it`, async (t) => {
    const job = jobOf(method, { method })
    const { config } = job
    const result = await runStudyJob(job, { attachAggregator })
    t.match(validateJobResult(result), { ok: true })
    t.equal(canonicalJson(await runStudyJob(job, { attachAggregator })), canonicalJson(result), 'the same bytes again')

    const world = await openWorld(config)
    const driven: { worst: number; forced: number }[] = []
    const facts = { network: 'figure-eight', preset: 'flow', sim: 'embedded', seed: 3, driver: 'test' }
    const recorder = createRecorder(world, facts, ({ epoch, vehicles, learner, speed, braking, steps }: Trajectory) => {
      if (epoch === 0) return
      const means = vehicles.map((_, i) => speed.filter((_, k) => k % vehicles.length === i).reduce((a, b) => a + b, 0))
      driven.push({
        worst: Math.min(...means.filter((_, i) => learner[i])) / steps,
        forced: braking.reduce((a, b) => a + b, 0),
      })
    })
    const experiment = createExperiment({
      ...{ config, world, recorder },
      createEngine: (observationSize, hidden, actionSize) => createWasmEngine({ observationSize, hidden, actionSize }),
      attachAggregator: (context) => attachAggregator(job, context),
    })
    const summary = await experiment.run()
    t.same(result.policies, summary.policies)
    t.same(
      result.epochs.meanSpeed,
      summary.epochs.map(({ meanSpeed }) => meanSpeed),
    )
    t.same(
      result.epochs.nas,
      summary.epochs.map(({ nas }) => nas),
    )
    t.equal(
      result.epochs.collisions.reduce((a, b) => a + b, 0),
      summary.collisions,
    )
    t.same(
      result.epochs.forcedBrakings,
      driven.map(({ forced }) => forced),
    )
    for (const [i, worst] of result.epochs.worstLearner.entries())
      t.ok(Math.abs(worst - (driven[i]?.worst ?? 0)) < 1e-5, 'the recorder keeps speeds as float32')
    t.equal(result.baseline, summary.baseline.meanSpeed)
    t.same([result.accepted, result.referred], [summary.matrix, summary.referred])
    t.same(
      result.intervalsS,
      Object.values(summary.learners ?? {}).map(({ intervalS }) => intervalS),
    )

    const rounds = 12
    const mixes = { gated: 42, average: 7, independent: 0 }[method] * rounds
    t.equal(sum(result.considered), method === 'gated' ? mixes : 0, 'the aggregate is no pair')
    t.equal(result.mixes.length, mixes)
    t.equal(result.mixes.filter(({ accepted }) => accepted).length, summary.verdicts.accepted ?? 0)
    if (method === 'average') t.ok(result.mixes.every(({ peer, alpha }) => peer === -1 && alpha === 1))

    t.same(
      result.divergence.map(({ epoch }) => epoch),
      [1, 2],
    )
    const agents = [...experiment.devices.values()].map(({ agent }) => agent)
    const { architecture } = agents[0]!.engine
    const reference = createReferenceEngine(architecture)
    for (const [i, own] of agents.entries())
      for (const [j, peer] of agents.entries()) {
        const { observations, count } = own.replay.newest(256)
        const wanted = reference.meanKl(own.policy, peer.policy, observations, count)
        const found = result.divergence[1]?.kl[i]?.[j] ?? Number.NaN
        t.ok(Math.abs(found - wanted) <= 1e-4 * Math.max(wanted, 1e-3), `KL ${i} ${j}: ${found}, wanted ${wanted}`)
      }
  })
}

t.test('a job with bad peers names them and counts what honest learners took from them', async (t) => {
  const job: StudyJob = { ...jobOf('average', { method: 'fixed' }), attack: { kind: 'nan', attackers: 2 } }
  const result = await runStudyJob(job, { attachAggregator })
  t.match(validateJobResult(result), { ok: true })
  t.equal(result.attackers.length, 2)
  t.ok(result.attackers.every((id) => result.vehicles.includes(id)))
  const bad = result.vehicles.map((id) => result.attackers.includes(id))
  for (const [i, row] of result.accepted.entries())
    for (const [j, count] of row.entries()) if (i !== j) t.equal(count, bad[j] ? 0 : 12, 'NaN reaches nobody')
})

t.test('of many mixes an equal share of every epoch is kept, the same ones each time', async (t) => {
  const epochs = 300
  const perEpoch = 50
  const verdict = (epoch: number, k: number): VerdictMessage => ({
    ...{ version: 1, vehicle: 'a', epoch, step: k, mode: 'theorem1', accepted: true, reason: 'accepted', alpha: k },
    peerId: 'b',
  })
  const kept = (seed: number): JobResult['mixes'] => {
    const counts = createMixCounts(['a', 'b'], epochs, seed)
    for (let epoch = 1; epoch <= epochs; epoch++) for (let k = 0; k < perEpoch; k++) counts.add(verdict(epoch, k))
    counts.add({ ...verdict(epochs, 0), mode: 'wire', peerId: null })
    t.same(counts.considered, [
      [0, epochs * perEpoch],
      [0, 0],
    ])
    return counts.mixes()
  }
  const mixes = kept(1)
  t.equal(mixes.length, mostMixes)
  const shares = Array.from({ length: epochs }, (_, e) => mixes.filter((mix) => mix.epoch === e + 1))
  t.same(new Set(shares.map(({ length }) => length)), new Set([6, 7]))
  const places = shares.map((share) => share.map(({ alpha }) => alpha ?? -1))
  t.same(
    places,
    places.map((share) => [...new Set(share)].sort((a, b) => a - b)),
    'each once, in order',
  )
  // Mean of uniform draws from 0…49 is 24.5 with a standard error of 14.4/√2000 = 0.32.
  const mean = mixes.reduce((total, { alpha }) => total + (alpha ?? 0), 0) / mixes.length
  t.ok(Math.abs(mean - 24.5) < 1.3, `mean position ${mean}`)
  t.same(kept(1), mixes)
  t.notSame(kept(2), mixes)
})

t.test('policies are compared at the first epoch, the last and the quarters between', async (t) => {
  t.same([...comparedEpochs(200)], [1, 50, 100, 150, 200])
  t.same([...comparedEpochs(1)], [1])
})

t.test('the table has means over seeds of fifths of the epochs', async (t) => {
  const result = (seed: number, speeds: readonly number[]): JobResult => ({
    ...{ version: 1, id: `m-seed${seed}`, label: 'm', seed, attack: { kind: 'nan', attackers: 1 }, jobHash: '' },
    ...{ vehicles: ['a', 'b'], attackers: ['b'], intervalsS: [1, 1], samples: [1, 1], baseline: 1 },
    epochs: {
      meanSpeed: [...speeds],
      nas: [],
      worstLearner: [...speeds].map((speed) => speed / 2),
      collisions: [1, 0, 0, 0, 0],
      forcedBrakings: [5, 5, 0, 0, 0],
    },
    considered: [
      [0, 8],
      [4, 0],
    ],
    referred: [],
    accepted: [
      [0, 2],
      [3, 0],
    ],
    ...{ verdicts: {}, mixes: [], divergence: [], policies: {} },
  })
  t.match(methodMeans([result(1, [1, 2, 3, 4, 5]), result(2, [3, 2, 3, 4, 7])]), [
    {
      ...{ label: 'm', attack: 'nan', attackers: 1, jobs: 2, earlySpeed: 2, finalSpeed: 6, speed: 3.4 },
      ...{ finalWorstLearner: 3, collisions: 0.2, forcedBrakings: 2, considered: 24, accepted: 10 },
      ...{ poisonedConsidered: 16, poisonedAccepted: 4 },
    },
  ])
})

t.test('a new key of the configuration leaves the hashes of published jobs as they are', async (t) => {
  for (const name of ['figure3', 'bad-peers', 'beyond-drivers']) {
    const folder = fileURLToPath(new URL(`../../docs/results/${name}/`, import.meta.url))
    const { study } = JSON.parse(readFileSync(`${folder}results.json`, 'utf8')) as { study: unknown }
    const report = readFileSync(`${folder}report.html`, 'utf8')
    for (const job of expandStudy(checkStudy(name, study)).slice(0, 3))
      t.ok(report.includes(jobHash(job).slice(0, 12)), `${name}: ${job.id} ${jobHash(job).slice(0, 12)}`)
  }
})
