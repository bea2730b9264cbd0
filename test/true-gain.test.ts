import t, { type Test } from 'tap'
import { trueGainCommand } from '../cli/experiment-true-gain.ts'
import type { Vector } from '../device/core/engine.ts'
import { mix } from '../device/core/mix.ts'
import { initialPolicy, policyLayout, slotOf } from '../device/core/parameters.ts'
import { createRng } from '../device/core/rng.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'
import type { Consideration } from '../device/methods/method.ts'
import { type Config, defaultConfig } from '../schemas/config.ts'
import { settings } from '../schemas/setting.ts'
import { createExperiment } from '../sim-bridge/experiment/experiment.ts'
import { spearman } from '../sim-bridge/experiment/statistics/spearman.ts'
import { studentInterval, studentQuantile } from '../sim-bridge/experiment/statistics/student-interval.ts'
import { createConsideredRecorder } from '../sim-bridge/experiment/true-gain/considered-recorder.ts'
import { createEpisodes, type FleetPolicies } from '../sim-bridge/experiment/true-gain/episode.ts'
import { summariseGains } from '../sim-bridge/experiment/true-gain/gain-summary.ts'
import { pairedGain } from '../sim-bridge/experiment/true-gain/paired-gain.ts'
import { type DrivenMix, runTrueGain } from '../sim-bridge/experiment/true-gain/true-gain.ts'
import { drawSchedules, scheduleOf } from '../sim-bridge/schedule.ts'
import { createEmbeddedWorld, openWorld } from '../sim-bridge/worlds.ts'

const architecture = { observationSize: 6, actionSize: 1, hidden: [8] }
const layout = policyLayout(architecture)
const learners = ['car01', 'car03', 'car05', 'car07', 'car09', 'car11', 'car13']

/** A policy that hardly looks and hardly explores: its action is `u`. */
function constantPolicy(u: number): Vector {
  const policy = new Float64Array(initialPolicy(architecture, createRng(1), 0).length)
  policy[slotOf(layout, 'policy.2.bias').offset] = u
  policy[slotOf(layout, 'log_std').offset] = -5
  return policy
}

const fleetOf = (policy: Vector): FleetPolicies => new Map(learners.map((id) => [id, policy]))

function stageOf(setting: 'letter' | 'headway', epochSteps = 400) {
  const world = createEmbeddedWorld(
    { preset: 'flow' },
    { epochSteps, startJitter: 2, reward: settings[setting].reward },
  )
  return {
    world,
    engine: createReferenceEngine(architecture),
    setting: settings[setting],
    preset: 'flow',
    seed: 3,
  } as const
}

t.test('a policy in its own place gains exactly nothing', async (t) => {
  const drive = createEpisodes(stageOf('letter'))
  const own = initialPolicy(architecture, createRng(4), 0)
  const gain = await pairedGain(drive, {
    policies: fleetOf(own),
    vehicle: 'car05',
    next: own.slice(),
    episodes: [1, 2, 3],
  })
  for (const { mean, lower, upper } of [gain.ownReturn, gain.ownReward, gain.fleetSpeed])
    t.same([mean, lower, upper], [0, 0, 0])
})

t.test('what stalls loses, what drives on gains', async (t) => {
  const drive = createEpisodes(stageOf('letter'))
  // Full brake and full throttle.
  const [slow, fast] = [constantPolicy(-1), constantPolicy(1)]
  const episodes = [1, 2, 3, 4]
  const worse = await pairedGain(drive, { policies: fleetOf(fast), vehicle: 'car05', next: slow, episodes })
  const mixed = new Map(fleetOf(fast)).set('car05', slow)
  const better = await pairedGain(drive, { policies: mixed, vehicle: 'car05', next: fast, episodes })
  for (const key of ['ownReturn', 'ownReward', 'fleetSpeed'] as const) {
    t.ok(worse[key].upper < 0, `${key} falls: ${worse[key].mean}`)
    t.ok(better[key].lower > 0, `${key} rises: ${better[key].mean}`)
    t.equal(better[key].mean, -worse[key].mean, 'the same pairs the other way round')
  }
})

for (const setting of ['letter', 'headway'] as const) {
  t.test(`setting ${setting}: the own return is that of the agent's rewards`, async (t) => {
    const stage = stageOf(setting, 300)
    const { world, seed } = stage
    const rewards: number[] = []
    const step = world.step.bind(world)
    const car = world.vehicles.indexOf('car05')
    world.step = async (accelerations) => {
      const transition = await step(accelerations)
      rewards.push(transition.rewards[car] ?? Number.NaN)
      return transition
    }
    const { ownReturn, ownReward } = await createEpisodes(stage)(fleetOf(constantPolicy(0.5)), 'car05', 1)
    const { phaseSteps, intervalSteps } = scheduleOf(drawSchedules(seed, learners), 'car05')
    let [wanted, weight] = [0, 1]
    for (let from = phaseSteps; from < 300; from += intervalSteps) {
      const held = rewards.slice(from, from + intervalSteps)
      const mean = held.reduce((a, b) => a + b, 0) / held.length
      const discount = setting === 'letter' ? 0.9 : Math.exp(-held.length / 600)
      wanted += weight * (setting === 'letter' ? mean : (1 - discount) * mean)
      weight *= discount
    }
    t.ok(wanted > 0)
    t.ok(Math.abs(ownReturn - wanted) < 1e-12, `${ownReturn} should be ${wanted}`)
    t.ok(Math.abs(ownReward - rewards.reduce((a, b) => a + b, 0) / 300) < 1e-12)
  })
}

t.test('an episode is what its number makes of it', async (t) => {
  const policies = fleetOf(initialPolicy(architecture, createRng(4), 0))
  const drive = createEpisodes(stageOf('letter'))
  const first = await drive(policies, 'car05', 1)
  const other = await drive(policies, 'car05', 2)
  t.same(await drive(policies, 'car05', 1), first, 'nothing is left of the episode between')
  t.same(await createEpisodes(stageOf('letter'))(policies, 'car05', 2), other)
  t.not(other.fleetSpeed, first.fleetSpeed)
  await t.rejects(drive(policies, 'car00', 1), { message: 'vehicle must be a learner, got car00' })
  await t.rejects(drive(new Map(), 'car05', 1), { message: /policies must hold that of car01/ })
})

const small: Config = { ...defaultConfig, epochs: 1, hidden: [8], ppoEpochs: 2, setting: 'letter' }
const createEngine = (observationSize: number, hidden: readonly number[]) =>
  createReferenceEngine({ observationSize, actionSize: 1, hidden })

t.test('the recorder sees every considered mix, keeps a draw, and changes nothing', async (t) => {
  const seen: { input: Consideration; own: Vector; accepted: boolean }[] = []
  const recorderOf = (limit: number) =>
    createConsideredRecorder({
      ...{ limit, seed: 1, margin: 0.1 },
      policies: () => new Map([...experiment.devices].map(([id, { agent }]) => [id, agent.learner.policy.slice()])),
    })
  const [whole, part] = [recorderOf(10_000), recorderOf(20)]
  const world = await openWorld(small)
  const experiment = createExperiment({
    config: small,
    world,
    createEngine,
    onConsidered(input, decision) {
      seen.push({ input, own: input.own.slice(), accepted: decision.verdict.accepted })
      whole.onConsidered(input, decision)
      part.onConsidered(input, decision)
    },
  })
  const summary = await experiment.run()
  const undisturbed = await createExperiment({ config: small, world: await openWorld(small), createEngine }).run()
  t.same(summary, undisturbed)
  const counts = summary.verdicts
  t.equal(
    seen.length,
    Object.values(counts).reduce((a, b) => a + b, 0),
  )
  t.equal(whole.accepted, counts.accepted)
  t.equal(whole.considered, (counts.accepted ?? 0) + (counts['non-positive-advantage'] ?? 0) + (counts.identical ?? 0))
  t.equal(whole.mixes().length, whole.considered)
  t.ok(whole.accepted > 10 && whole.considered - whole.accepted > 10, 'enough of both to draw from')

  const kept = part.mixes()
  t.same(
    [true, false].map((accepted) => kept.filter(({ verdict }) => verdict.accepted === accepted).length),
    [10, 10],
  )
  for (const one of kept) {
    const of = seen.find(({ input, own }) => input.identity === identityOf(one, seen) && own.length === one.own.length)
    t.ok(of, 'is one of those seen')
    t.same(one.policies.get(one.vehicle), one.own, 'before the mix was carried out')
    t.equal(one.policies.size, 7)
    t.same(one.next, mix(one.own, of?.input.other ?? one.own, one.alpha))
    t.ok(one.alpha > 0 && one.alpha <= 0.9)
  }
})

/** The identity of the consideration that a kept mix comes from: by its hashes. */
function identityOf(
  {
    verdict,
    vehicle,
  }: { readonly verdict: { ownHash?: string | null; peerHash?: string | null }; readonly vehicle: string },
  seen: readonly { input: Consideration }[],
): Consideration['identity'] | undefined {
  return seen.find(
    ({ input }) =>
      input.vehicle === vehicle &&
      input.identity.ownHash === verdict.ownHash &&
      input.identity.peerHash === verdict.peerHash,
  )?.input.identity
}

t.test('a whole run is repeated by its seed, another seed gives another one', async (t) => {
  const run = (seed: number) =>
    runTrueGain({ config: { ...small, seed }, mixes: 4, episodes: 2, startJitter: 2, createEngine })
  const first = await run(1)
  t.same(await run(1), first)
  t.not((await run(2)).mixes[0]?.ownReturn.mean, first.mixes[0]?.ownReturn.mean)
  t.equal(first.mixes.length, 4)
  t.ok(first.mixes.some(({ accepted }) => accepted) && first.mixes.some(({ accepted }) => !accepted))
})

t.test('a summary adds up by hand', async (t) => {
  const constant = (mean: number, half: number) => ({
    count: 8,
    mean,
    standardError: half,
    lower: mean - half,
    upper: mean + half,
  })
  const driven = (accepted: boolean, policyAdvantage: number, gain: number, half: number): DrivenMix => ({
    ...{ vehicle: 'car01', peer: 'car03', epoch: 1, accepted, alpha: 0.5, policyAdvantage },
    ...{ ownReturn: constant(gain, half), ownReward: constant(gain, half), fleetSpeed: constant(-gain, half) },
  })
  const mixes = [driven(true, 1, 2, 1), driven(true, 2, 1, 3), driven(true, 3, -2, 1), driven(false, -1, -5, 1)]
  const summary = summariseGains('gated', [{ seed: 9, considered: 40, accepted: 10, mixes }])
  t.match(summary.acceptance, { successes: 10, trials: 40 })
  t.match(summary.accepted, {
    mixes: 3,
    ownReturn: { successes: 2, trials: 3 },
    fleetSpeed: { successes: 1, trials: 3 },
    surelyBetter: { successes: 1 },
    surelyWorse: { successes: 1 },
    meanOwnReturn: { mean: 1 / 3 },
  })
  t.match(summary.rejected, { mixes: 1, ownReturn: { successes: 0, trials: 1 }, meanOwnReturn: null })
  // Ranks of A: 2 3 4 1, of the gains: 4 3 2 1: 1 − 6·(4 + 0 + 4 + 0)/(4·15).
  t.ok(Math.abs((summary.correlation?.ownReturn ?? 9) - 0.2) < 1e-12)
  t.ok(Math.abs((summary.correlation?.fleetSpeed ?? 9) + 0.2) < 1e-12)
})

const near = (t: Test, found: number, wanted: number): void => {
  t.ok(Math.abs(found - wanted) < 1e-8 * Math.max(1, Math.abs(wanted)), `${found} should be ${wanted}`)
}

t.test('Student and Spearman in closed form', async (t) => {
  // One degree of freedom is Cauchy's, two have an algebraic quantile.
  near(t, studentQuantile(0.95, 1), Math.tan((Math.PI * 0.95) / 2))
  near(t, studentQuantile(0.95, 2), 0.95 * Math.sqrt(2 / (1 - 0.95 ** 2)))
  const { mean, standardError, lower } = studentInterval([1, 2, 6])
  near(t, mean, 3)
  near(t, standardError, Math.sqrt(7 / 3))
  near(t, lower, 3 - 0.95 * Math.sqrt(2 / (1 - 0.95 ** 2)) * Math.sqrt(7 / 3))
  t.equal(studentInterval([1]).upper, Number.POSITIVE_INFINITY)
  near(t, spearman([1, 2, 3], [10, 100, 1000]), 1)
  near(t, spearman([1, 2, 3], [3, 2, 1]), -1)
  near(t, spearman([1, 1, 2], [5, 7, 9]), Math.sqrt(3) / 2) // ranks 1½ 1½ 3 and 1 2 3
  t.ok(Number.isNaN(spearman([1, 1], [1, 2])))
})

t.test('the command refuses what it cannot run', async (t) => {
  const io = { output() {}, print() {} } as unknown as Parameters<typeof trueGainCommand.run>[1]
  await t.rejects(trueGainCommand.run(['--method', 'median'], io), { message: /single peers .*, got median$/ })
  await t.rejects(trueGainCommand.run(['--seeds', '3-1'], io), {
    message: '--seeds must be like 1,2,5 or 1-20, got 3-1',
  })
})
