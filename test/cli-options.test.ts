import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { describeOptions, readOptions } from '../cli/options.ts'
import { type ConfigKey, configKeys, defaultConfig } from '../schemas/config.ts'
import { trustmix } from './support/cli.ts'

const read = (args: readonly string[], environment: NodeJS.ProcessEnv = {}) => readOptions('fleet', args, environment)

function refuses(t: Test, rule: RegExp, args: readonly string[], environment: NodeJS.ProcessEnv = {}): void {
  t.throws(() => read(args, environment), { code: 2, message: rule }, rule.source)
}

t.test('defaults, then file, then environment, then flags', async (t) => {
  const file = join(t.testdir(), 'config.json')
  writeFileSync(file, JSON.stringify({ version: 1, seed: 5, epochs: 7, margin: 0.2, vehicle: 'car01' }))
  t.same(read([]).config, defaultConfig)
  const environment = { TRUSTMIX_EPOCHS: '8', TRUSTMIX_MARGIN: '0.3', TRUSTMIX_REQUIRE: 'sumo', HOME: '/' }
  const { config, given, json, help } = read(['--config', file, '--margin', '0.4', '--json'], environment)
  t.same([config.seed, config.epochs, config.margin, config.vehicle], [5, 8, 0.4, 'car01'])
  t.same([...given].sort(), ['epochs', 'margin', 'seed', 'vehicle', 'version'])
  t.same([json, help], [true, false])
})

t.test('values take the type of their key', async (t) => {
  const text = [
    '--hidden',
    '32,16',
    '--initial-log-std',
    '-0.5',
    '--realtime',
    '--learning-rate',
    '1e-3',
    '--broker',
    'null',
  ]
  t.match(read(text).config, {
    hidden: [32, 16],
    initialLogStd: -0.5,
    realtime: true,
    learningRate: 0.001,
    broker: null,
  })
  const environment = { TRUSTMIX_HIDDEN: '8', TRUSTMIX_REALTIME: 'true', TRUSTMIX_SUMO_BINARY: '/opt/sumo' }
  t.match(read([], environment).config, { hidden: [8], realtime: true, sumoBinary: '/opt/sumo' })
  t.match(read(['--initial-log-std=-1']).config, { initialLogStd: -1 })
})

t.test('what is out of range names source, path, rule and value', async (t) => {
  refuses(t, /command line: \/epochs must be >= 1, got 0/, ['--epochs', '0'])
  refuses(t, /command line: \/epochs must be integer, got 1\.5/, ['--epochs', '1.5'])
  refuses(t, /command line: \/epochs must be integer, got "many"/, ['--epochs', 'many'])
  refuses(t, /command line: \/epochs must be integer, got ""/, ['--epochs', ''])
  refuses(t, /\/seed must be >= 0, got -1/, ['--seed', '-1'])
  refuses(t, /\/seed must be <= 4294967295, got 4294967296/, ['--seed', '4294967296'])
  refuses(t, /\/method must be .*\("gated", "independent", "average", .*"certified"\), got "best"/, [
    '--method',
    'best',
  ])
  refuses(t, /\/margin must be < 1, got 1/, ['--margin', '1'])
  refuses(t, /\/hidden\/1 must be >= 1, got 0/, ['--hidden', '8,0'])
  refuses(t, /\/hidden\/1 must be integer, got ""/, ['--hidden', '8,'])
  refuses(t, /\/hidden\/0 must be integer, got "wide"/, ['--hidden', 'wide'])
  refuses(t, /\/hidden must NOT have more than 3 items/, ['--hidden', '8,8,8,8'])
  refuses(t, /\/fleet must match pattern .*, got "a\/b"/, ['--fleet', 'a/b'])
  refuses(t, /\/broker must match pattern/, ['--broker', 'http://x'])
  refuses(t, /\/clipRange must be number, got "Infinity"/, ['--clip-range', 'Infinity'])
  refuses(t, /Unknown option '--vehicle'/, ['--vehicle', 'car01'])
  refuses(t, /Unexpected argument 'now'/, ['now'])
  refuses(t, /environment: \/margin must be < 1, got 2/, [], { TRUSTMIX_MARGIN: '2' })
  refuses(t, /environment: unknown key TRUSTMIX_MARGINS/, [], { TRUSTMIX_MARGINS: '0.1' })
  refuses(t, /environment: \/realtime must be boolean, got "yes"/, [], { TRUSTMIX_REALTIME: 'yes' })
})

t.test('a configuration file: its rules are the same', async (t) => {
  const directory = t.testdir()
  const file = join(directory, 'c.json')
  const cases: [string, RegExp][] = [
    ['{"margin": 1}', /c\.json: \/margin must be < 1, got 1/],
    ['{"margins": 0.1}', /c\.json: \/: unknown key "margins"/],
    ['{"epochs": "3"}', /c\.json: \/epochs must be integer, got "3"/],
    ['{"version": 2}', /c\.json: version must be 1, got 2/],
    ['[]', /c\.json: \/ must be object, got \[\]/],
    ['null', /c\.json: \/ must be object, got null/],
    ['{', /c\.json must be JSON/],
  ]
  for (const [text, rule] of cases) {
    writeFileSync(file, text)
    refuses(t, rule, ['--config', file])
  }
  refuses(t, /configuration file must be readable: ENOENT/, ['--config', join(directory, 'nowhere')])
})

t.test('every key has a line of help with its default', async (t) => {
  for (const command of ['fleet', 'device', 'broker', 'sim-bridge', 'hil']) {
    const help = describeOptions(command)
    for (const key of configKeys(command) as ConfigKey[])
      t.match(
        help,
        new RegExp(`^  --${key.replace(/[A-Z]/g, (x) => `-${x.toLowerCase()}`)}\\b`, 'm'),
        `${command} ${key}`,
      )
  }
  t.match(describeOptions('fleet'), /--answer-timeout-ms N .*\(default 30000 ms\)/)
})

t.test('the processes refuse them with exit code 2 and nothing on stdout', async (t) => {
  const file = join(t.testdir({ 'c.json': '{"seed": -1}' }), 'c.json')
  const ended = await Promise.all([
    trustmix(['fleet', '--epochs', '0', '--json']),
    trustmix(['device'], { TRUSTMIX_MARGIN: '7' }),
    trustmix(['sim-bridge', '--config', file]),
    trustmix(['broker', '--colour', 'red']),
    trustmix(['sim-bridge', '--json']),
  ])
  t.same(
    ended.map(({ code, stdout }) => [code, stdout]),
    Array(5).fill([2, '']),
  )
  t.match(
    ended.map(({ stderr }) => stderr),
    [
      /^trustmix: command line: \/epochs must be >= 1, got 0\n$/,
      /^trustmix: environment: \/margin must be < 1, got 7\n$/,
      /c\.json: \/seed must be >= 0, got -1\n$/,
      /Unknown option '--colour'/,
      /^trustmix: run is needed, got nothing\n$/,
    ],
  )
})
