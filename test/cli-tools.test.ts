import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Architecture } from '../device/core/engine.ts'
import { policyLayout } from '../device/core/parameters.ts'
import { decodeSafetensors, encodeSafetensors } from '../device/core/safetensors.ts'
import { answer, json, refuses, trustmix } from './support/cli.ts'
import { type GoldenCase, goldenCases } from './support/vectors.ts'

const vectors = fileURLToPath(new URL('../../test/vectors/', import.meta.url))

const near = (t: Test, name: string, actual: unknown, wanted: number, scale = 0): void => {
  const off = Math.abs(Number(actual) - wanted)
  t.ok(off <= 1e-6 * Math.max(Math.abs(wanted), scale), `${name}: ${actual}, wanted ${wanted}`)
}

const files = (name: string, own = 'own') => ({
  own: join(vectors, name, `${own}.safetensors`),
  peer: join(vectors, name, 'peer.safetensors'),
  experience: join(vectors, name, 'experience.safetensors'),
  fisher: join(vectors, name, 'fisher.safetensors'),
})
const flags = (values: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)])

const cases = goldenCases()
const [golden] = cases as [GoldenCase]

for (const { name, expected } of cases) {
  t.test(`gate on ${name}`, async (t) => {
    const wanted = expected.gate
    const runs = (['exact', 'sampled'] as const).flatMap((estimator) =>
      (['theorem1', 'strict'] as const).map(async (mode) => {
        const judge = mode === 'theorem1' && estimator === 'exact' ? json : answer
        const verdict = await judge(t, ['gate', ...flags({ ...files(name), gamma: expected.gamma, mode, estimator })])
        t.match(verdict, { mode, estimator, M: expected.M, K: expected.K, gamma: expected.gamma, peerId: null })
        near(t, 'policyAdvantageMean', verdict.policyAdvantageMean, wanted.policy_advantage, wanted.standard_error)
        const advantage = wanted.policy_advantage_unnormalised
        near(t, 'policyAdvantage', verdict.policyAdvantage, advantage, wanted.standard_error / (1 - expected.gamma))
        near(t, 'standardError', verdict.standardError, wanted.standard_error)
        near(t, 'effectiveSampleSize', verdict.effectiveSampleSize, wanted.ess)
        near(t, 'epsilon', verdict.epsilon, wanted.epsilon)
        near(t, 'c', verdict.c, wanted.C)
        const fisher = estimator === 'exact' ? wanted.fisher_exact : wanted.fisher_sampled
        near(t, 'fisher', verdict.fisher, fisher)
        const accepted = advantage > 0
        // (6), and its strict reading sqrt(2) (A/C) / sqrt(q)
        const letter = Math.sqrt((2 * advantage) / wanted.C) / Math.sqrt(fisher)
        const strict = (Math.SQRT2 * (advantage / wanted.C)) / Math.sqrt(fisher)
        const bound = accepted ? (mode === 'theorem1' ? letter : strict) : 0
        near(t, 'alphaBound', verdict.alphaBound, bound)
        near(t, 'alpha', verdict.alpha, 0.9 * Math.min(bound, 1))
        t.match(verdict, { accepted, reason: accepted ? 'accepted' : 'non-positive-advantage' })
      }),
    )
    await Promise.all(runs)
  })
}

t.test('learn: three steps as PyTorch takes them', async (t) => {
  const { name, expected, architecture } = golden
  const out = join(t.testdir(), 'new.safetensors')
  const { ppo } = expected
  const given = {
    ...{ policy: files(name).own, batch: join(vectors, name, 'minibatch.safetensors'), steps: 3, out },
    ...{ 'learning-rate': ppo.learning_rate, 'clip-range': ppo.clip_range, 'entropy-coef': ppo.ent_coef },
    ...{ 'value-coef': ppo.vf_coef, 'max-grad-norm': ppo.max_grad_norm },
  }
  const { steps, policyHash } = (await json(t, ['learn', ...flags(given)])) as {
    steps: Record<string, number>[]
    policyHash: string
  }
  t.equal(steps.length, 3)
  for (const [i, step] of steps.entries()) {
    const wanted = ppo.steps[i]
    near(t, 'policyLoss', step.policyLoss, wanted?.policy_loss ?? Number.NaN, 1)
    near(t, 'valueLoss', step.valueLoss, wanted?.value_loss ?? Number.NaN)
    near(t, 'loss', step.loss, wanted?.loss ?? Number.NaN, 1)
    near(t, 'gradNorm', step.gradNorm, wanted?.grad_norm ?? Number.NaN)
    near(t, 'clipFraction', step.clipFraction, wanted?.clip_fraction ?? Number.NaN, 1)
  }
  const { tensors } = decodeSafetensors(readFileSync(out))
  t.same([...tensors.keys()].sort(), Object.keys(ppo.params_after_3).sort())
  const float32 = 2 ** -24
  for (const [tensor, wanted] of Object.entries(ppo.params_after_3))
    for (const [i, x] of wanted.entries()) {
      const found = tensors.get(tensor)?.data[i] ?? Number.NaN
      if (!(Math.abs(found - x) <= (1e-6 + float32) * Math.max(Math.abs(x), 1e-2)))
        t.fail(`${tensor}[${i}]: ${found}, ${x}`)
    }
  const shown = await json(t, ['policy', 'show', '--policy', out])
  t.match(shown, { policyHash, architecture, hasValueNetwork: true, parameters: policyLayout(architecture).size })
})

t.test('policy init makes the weights of a seed, policy show says what a file holds', async (t) => {
  const out = join(t.testdir(), 'p.safetensors')
  const sizes = { observations: 4, actions: 2, hidden: '5,3', 'log-std': -0.5 }
  const made = await json(t, ['policy', 'init', ...flags({ out, seed: 9, ...sizes })])
  const first = readFileSync(out)
  const again = await answer(t, ['policy', 'init', ...flags({ out, seed: 9, ...sizes })])
  t.same(readFileSync(out), first)
  t.same(again, made)
  const architecture: Architecture = { observationSize: 4, actionSize: 2, hidden: [5, 3] }
  t.same(await json(t, ['policy', 'show', '--policy', out]), {
    ...{ policyHash: made.policyHash, architecture, parameters: 5 * 4 + 5 + 3 * 5 + 3 + 2 * 3 + 2 + 2 },
    ...{ logStd: [-0.5, -0.5], hasValueNetwork: true, metadata: { format: 'trustmix-policy/1' } },
  })
  const other = await answer(t, ['policy', 'init', ...flags({ out, seed: 10, ...sizes })])
  t.not(other.policyHash, made.policyHash)
})

t.test('a damaged peer is a verdict, damaged own data are exit code 4', async (t) => {
  const directory = t.testdir()
  const good = files(golden.name)
  const changed = (role: keyof typeof good, change: (bytes: Buffer) => Uint8Array) => {
    const path = join(directory, `${role}-${Math.random()}`)
    writeFileSync(path, change(readFileSync(good[role])))
    return { ...good, [role]: path }
  }
  const cut = (bytes: Buffer): Uint8Array => bytes.subarray(0, bytes.length - 5)
  const nan = (bytes: Buffer): Uint8Array => Buffer.concat([bytes.subarray(0, -4), Buffer.from([0, 0, 0xc0, 0x7f])])
  const less = (bytes: Buffer): Uint8Array => {
    const { tensors, metadata } = decodeSafetensors(bytes)
    return encodeSafetensors({ tensors: new Map([...tensors].slice(1)), metadata })
  }
  const verdicts = [
    ['malformed', cut],
    ['malformed', () => new Uint8Array(0)],
    ['non-finite', nan],
    ['shape-mismatch', less],
  ] as const
  await Promise.all(
    verdicts.map(async ([reason, change]) => {
      const judge = change === cut ? json : answer
      const verdict = await judge(t, ['gate', ...flags(changed('peer', change))])
      t.match(verdict, { accepted: false, reason, alpha: 0, fisher: null, policyAdvantage: null })
    }),
  )
  for (const role of ['own', 'experience', 'fisher'] as const)
    await Promise.all(
      [cut, nan, less].map((change) =>
        refuses(t, 4, new RegExp(`${role}-0`), ['gate', ...flags(changed(role, change))]),
      ),
    )
  const learn = { policy: good.own, batch: join(vectors, golden.name, 'minibatch.safetensors') }
  const { tensors, metadata } = decodeSafetensors(readFileSync(good.own))
  const value = tensors.get('value.0.bias')
  const broken = new Map([
    ...tensors,
    ['value.0.bias', { shape: value?.shape ?? [], data: new Float32Array(value?.data.length ?? 0).fill(Number.NaN) }],
  ])
  const own = join(directory, 'nan-value')
  writeFileSync(own, encodeSafetensors({ tensors: broken, metadata }))
  await Promise.all([
    refuses(t, 4, /nan-value: .*finite/, ['learn', ...flags({ ...learn, policy: own })]),
    refuses(t, 4, /own-0/, ['learn', ...flags({ ...learn, policy: changed('own', cut).own })]),
    refuses(t, 4, /fisher.safetensors: tensor log_prob is missing/, [
      'learn',
      ...flags({ ...learn, batch: good.fisher }),
    ]),
    refuses(t, 2, /ENOENT/, ['gate', ...flags({ ...good, peer: join(directory, 'nowhere') })]),
    refuses(t, 2, /--out .*EISDIR/, ['policy', 'init', '--out', directory]),
  ])
})

t.test('bad usage is exit code 2 and names flag, rule and value', async (t) => {
  const good = files(golden.name)
  const out = join(t.testdir(), 'x')
  await Promise.all([
    refuses(t, 2, /Unknown option '--colour'/, ['gate', '--colour', 'red']),
    refuses(t, 2, /Unexpected argument 'red'/, ['learn', 'red']),
    refuses(t, 2, /--own is needed, got nothing/, ['gate']),
    refuses(t, 2, /--gamma must be below 1, got 1/, ['gate', ...flags({ ...good, gamma: 1 })]),
    refuses(t, 2, /--gamma must be at least 0, got -0\.5/, ['gate', ...flags({ ...good, gamma: -0.5 })]),
    refuses(t, 2, /--mode must be one of theorem1, strict, got loose/, ['gate', ...flags({ ...good, mode: 'loose' })]),
    refuses(t, 2, /--margin must be a number, got x/, ['gate', ...flags({ ...good, margin: 'x' })]),
    refuses(t, 2, /--steps must be a whole number, got 1\.5/, [
      'learn',
      ...flags({ policy: out, batch: out, steps: 1.5 }),
    ]),
    refuses(t, 2, /--observations must be a whole/, ['policy', 'init', ...flags({ out, observations: 2.5 })]),
    refuses(t, 2, /--seed must be a whole number, got 0\.5/, ['policy', 'init', ...flags({ out, seed: 0.5 })]),
    refuses(t, 2, /--hidden must be one to three sizes/, ['policy', 'init', ...flags({ out, hidden: '8,0' })]),
    refuses(t, 2, /policy needs init, show, export or import, got nothing/, ['policy']),
  ])
  t.notOk(existsSync(out))
})

t.test('the process: codes, help on stdout, errors on stderr', async (t) => {
  const cut = join(t.testdir(), 'cut')
  writeFileSync(cut, readFileSync(files(golden.name).own).subarray(0, 99))
  const ended = await Promise.all([
    trustmix([]),
    trustmix(['--help']),
    trustmix(['--version']),
    trustmix(['learn', '--help']),
    trustmix(['fly']),
    trustmix(['gate', '--own', 'x']),
    trustmix(['gate', ...flags({ ...files(golden.name), own: cut })]),
  ])
  t.same(
    ended.map(({ code }) => code),
    [0, 0, 0, 0, 2, 2, 4],
  )
  const [none, help, version, learn, ...failed] = ended
  t.equal(none?.stdout, help?.stdout)
  t.match(help?.stdout, /gate +judge a peer policy[\s\S]*Exit codes: 0 ok, 2 bad usage/)
  t.match(version?.stdout, /^\d+\.\d+\.\d+\n$/)
  t.match(learn?.stdout, /--clip-range N +PPO clip range \(default 0\.2\)/)
  for (const { stdout } of failed) t.equal(stdout, '')
  t.match(
    failed.map(({ stderr }) => stderr),
    [
      /^trustmix: unknown command "fly"; see/,
      /^trustmix: --peer is needed, got nothing\n$/,
      /^trustmix: .*cut: header length/,
    ],
  )
})
