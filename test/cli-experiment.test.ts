import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { JobResult } from '../schemas/study.ts'
import { refuses, trustmix } from './support/cli.ts'

const main = fileURLToPath(new URL('../cli/main.js', import.meta.url))

const study = {
  version: 1,
  name: 'small',
  seeds: [1, 2, 3],
  config: { setting: 'letter', epochs: 1, hidden: [8, 8], ppoEpochs: 1 },
  methods: ['independent', 'average', 'gated'].map((method) => ({ label: method, config: { method } })),
  lines: ['drivers', 'drivers:31', 'const:3', 'untrained', 'best'],
  references: ['independent'],
}
const root = t.testdir({ 'study.json': JSON.stringify(study) })
const file = join(root, 'study.json')
const whole = join(root, 'whole')
const sweep = (directory: string, ...flags: string[]): string[] => [
  ...['experiment', 'sweep', file, '--run-dir', directory, '--workers', '1', '--json', ...flags],
]

/** Every file below a directory with its bytes. */
function filesOf(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()
  const files = names.filter((name) => statSync(join(directory, name)).isFile())
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(directory, name), 'latin1')]))
}

/** Starts a sweep and sends the signal when its first job is written. */
async function interrupted(directory: string, signal: NodeJS.Signals): Promise<number | null> {
  mkdirSync(join(directory, 'jobs'), { recursive: true })
  const child: ChildProcess = spawn(process.execPath, [main, ...sweep(directory)], { stdio: 'ignore' })
  const watcher = watch(join(directory, 'jobs'), (_, name) => {
    if (name?.endsWith('.json')) child.kill(signal)
  })
  const [code] = await once(child, 'exit')
  watcher.close()
  return code
}

t.before(async () => {
  const { code, stderr, stdout } = await trustmix(sweep(whole))
  t.equal(code, 0, stderr)
  const printed = JSON.parse(stdout)
  t.match(printed, { study: 'small', jobs: 9, kept: 0, ran: 9 })
  t.same(
    printed.methods.map(({ label, jobs }: { label: string; jobs: number }) => [label, jobs]),
    [
      ['independent', 3],
      ['average', 3],
      ['gated', 3],
    ],
  )
  t.same(
    printed.lines.map(({ name }: { name: string }) => name),
    study.lines,
  )
  t.match(stderr, /jobs 9\/9 {2}epochs 9\/9 {2}[0-9.]+ epochs\/s {2}took/)
})

t.test('raw results are tables with one row per epoch, learner and pair', async (t) => {
  const rows = (name: string): number =>
    readFileSync(join(whole, 'small', name), 'utf8')
      .trimEnd()
      .split('\n').length - 1
  t.same([rows('epochs.csv'), rows('jobs.csv'), rows('pairs.csv')], [9, 9 * 7, 9 * 42])
  t.equal(rows('mixes.csv'), 3 * 6 * (7 + 42))
  t.equal(rows('divergence.csv'), 9 * 42)
  const jobs: JobResult[] = readdirSync(join(whole, 'jobs')).map((name) =>
    JSON.parse(readFileSync(join(whole, 'jobs', name), 'utf8')),
  )
  const { lines } = JSON.parse(readFileSync(join(whole, 'small', 'results.json'), 'utf8'))
  for (const { baseline } of jobs) t.match(lines[0], { name: 'drivers', meanSpeed: baseline, collisions: 0 })
  t.ok(lines[1].meanSpeed > lines[0].meanSpeed, 'drivers that keep to the right of way are faster')
  for (const seed of study.seeds)
    t.equal(
      new Set(jobs.filter((job) => job.seed === seed).map(({ intervalsS }) => String(intervalsS))).size,
      1,
      'paired',
    )
})

const shards = 2
const examples = fileURLToPath(new URL('../../docs/examples/', import.meta.url))
const scripts: Readonly<Record<string, { script: () => string; task: (i: number) => Record<string, string> }>> = {
  'slurm-array.sh': {
    script: () => readFileSync(join(examples, 'slurm-array.sh'), 'utf8'),
    task: (i) => ({
      SLURM_ARRAY_TASK_ID: String(i + 1),
      SLURM_ARRAY_TASK_COUNT: String(shards),
      SLURM_CPUS_PER_TASK: '1',
    }),
  },
  'kubernetes-job.yaml': {
    script() {
      const [, block] =
        /args:\n +- \|\n((?: {14}.*\n)+)/.exec(readFileSync(join(examples, 'kubernetes-job.yaml'), 'utf8')) ?? []
      return block ?? 'exit 1'
    },
    task: (i) => ({ JOB_COMPLETION_INDEX: String(i), SHARDS: String(shards), WORKERS: '1' }),
  },
}

for (const [name, { script, task }] of Object.entries(scripts)) {
  t.test(`the shards of ${name} as processes, merged, are the unsharded run`, async (t) => {
    const results = join(root, name)
    const bin = join(root, 'bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'trustmix'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, { mode: 0o755 })
    const env = { PATH: `${bin}:${process.env.PATH}`, STUDY: `sweep ${file}`, RESULTS: results }
    for (let i = 0; i < shards; i++) {
      const child = spawn('sh', ['-euc', script()], { env: { ...env, ...task(i) }, stdio: 'ignore' })
      const [code] = await once(child, 'exit')
      t.equal(code, 0)
    }
    const directories = Array.from({ length: shards }, (_, i) => join(results, `shard-${i + 1}`))
    const { code, stderr } = await trustmix(['experiment', 'merge', join(results, 'merged'), ...directories])
    t.equal(code, 0, stderr)
    t.same(filesOf(join(results, 'merged')), filesOf(whole))
  })
}

t.test('a sweep that was killed goes on where it was', async (t) => {
  const directory = join(root, 'killed')
  t.equal(await interrupted(directory, 'SIGKILL'), null)
  const before = readdirSync(join(directory, 'jobs')).filter((name) => name.endsWith('.json'))
  t.ok(before.length >= 1 && before.length < 9, `${before.length} jobs were done`)
  const { code, stdout } = await trustmix(sweep(directory))
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { jobs: 9, kept: before.length, ran: 9 - before.length })
  const left = Object.entries(filesOf(directory)).filter(([name]) => !name.endsWith('.tmp'))
  t.same(Object.fromEntries(left), filesOf(whole))
})

t.test('Ctrl-C ends with 130 and keeps what is done', async (t) => {
  const directory = join(root, 'interrupted')
  t.equal(await interrupted(directory, 'SIGINT'), 130)
  t.ok(readdirSync(join(directory, 'jobs')).length >= 1)
})

t.test('only jobs that are damaged or of another configuration are run again', async (t) => {
  const directory = join(root, 'damaged')
  cpSync(whole, directory, { recursive: true })
  writeFileSync(join(directory, 'jobs', 'gated-seed2.json'), '{')
  const again = await trustmix(sweep(directory))
  t.match(JSON.parse(again.stdout), { kept: 8, ran: 1 })
  t.same(filesOf(directory), filesOf(whole))
  const changed = await trustmix(sweep(directory, '--set', 'clipRange=0.3', '--methods', 'gated', '--seeds', '2,9'))
  t.match(JSON.parse(changed.stdout), { jobs: 2, kept: 0, ran: 2 })
})

t.test('verify runs a shard again and finds the bytes that results.json states, or says which differ', async (t) => {
  const path = join(whole, 'small', 'results.json')
  const same = await trustmix(['experiment', 'verify', path, '--shard', '2/5', '--json'])
  t.equal(same.code, 0, same.stderr)
  t.same(JSON.parse(same.stdout), { study: 'small', jobs: 9, verified: 2 })
  const results = JSON.parse(readFileSync(path, 'utf8'))
  results.jobs[1].sha256 = '0'.repeat(64)
  const forged = join(root, 'forged.json')
  writeFileSync(forged, JSON.stringify(results))
  const other = await trustmix(['experiment', 'verify', forged, '--shard', '2/9'])
  t.equal(other.code, 5)
  t.match(other.stderr, /1 of 1 jobs differ from .*forged\.json: average-seed1/)
  writeFileSync(forged, JSON.stringify({ ...results, jobs: results.jobs.slice(1) }))
  await refuses(t, 4, /must list the 9 jobs of its study, got 8/, ['experiment', 'verify', forged])
})

t.test('merge refuses different results of one job, and says what is missing', async (t) => {
  const other = join(root, 'other')
  cpSync(whole, other, { recursive: true })
  const path = join(other, 'jobs', 'gated-seed1.json')
  writeFileSync(path, readFileSync(path, 'utf8').replace('"seed":1', '"seed":2'))
  await refuses(t, 4, /whole and .*other have different results of jobs\/gated-seed1\.json/, [
    ...['experiment', 'merge', join(root, 'never'), whole, other],
  ])
  await refuses(t, 4, /4 of 9 jobs of small are missing, the first average-seed1/, [
    ...['experiment', 'merge', join(root, 'part'), join(root, 'slurm-array.sh', 'shard-1')],
  ])
})

t.test('what the command line or a study gets wrong is refused with its rule', async (t) => {
  const bad = (name: string, change: object): string => {
    writeFileSync(join(root, name), JSON.stringify({ ...study, ...change }))
    return join(root, name)
  }
  const cases: readonly (readonly [RegExp, readonly string[]])[] = [
    [
      /experiment must be one of figure3, figure4, bad-peers, beyond-drivers, sweep, merge, verify, theorem, true-gain; got nothing/,
      [],
    ],
    [/got figure5/, ['figure5']],
    [/experiment sweep needs a file, got nothing/, ['sweep']],
    [/must be a readable study/, ['sweep', join(root, 'absent.json')]],
    [/got "magic"/, ['sweep', bad('method.json', { methods: [{ label: 'x', config: { method: 'magic' } }] })]],
    [/lines must be drivers.*got fly/, ['sweep', bad('line.json', { lines: ['fly'] }), '--run-dir', root]],
    [/--shard must be i\/n with 1 ≤ i ≤ n, got 0\/4/, ['sweep', file, '--shard', '0/4']],
    [/--seeds must be N, a-b or a,b.*got 5-4/, ['sweep', file, '--seeds', '5-4']],
    [/seeds must NOT have duplicate items/, ['sweep', file, '--seeds', '4,4']],
    [/--set must be key=value with a key of the configuration, got speed=3/, ['sweep', file, '--set', 'speed=3']],
    [/--set: \/epochs must be >= 1, got 0/, ['sweep', file, '--set', 'epochs=0']],
    [/--methods must be labels of .* \(independent, average, gated\), got x/, ['sweep', file, '--methods', 'x']],
    [/experiment merge needs OUT and one DIR or more, got a/, ['merge', 'a']],
  ]
  for (const [rule, args] of cases) await refuses(t, 2, rule, ['experiment', ...args])
  writeFileSync(join(root, 'text.json'), 'no json')
  await refuses(t, 2, /text\.json must be JSON/, ['experiment', 'sweep', join(root, 'text.json')])
})
