import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))
const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')

const inexact =
  'tanh exp expm1 log log2 log10 log1p pow sin cos tan asin acos atan atan2 sinh cosh asinh acosh atanh cbrt hypot random'
const exact = 'abs ceil clz32 floor fround imul max min round sign sqrt trunc'
/** Folders whose results must be the same bits on every processor. */
const promised =
  'device device/core device/kernel device/safety device/engines device/methods sim-bridge sim-bridge/sim sim-bridge/sim/networks'

t.test('what differs between processors is refused where bits are promised', async (t) => {
  const source = (expression: string) => `export const f = (a: number): number => ${expression}\n`
  const refused = [
    ...inexact.split(' ').map((name) => source(`Math.${name}(a)`)),
    ...['a ** 2', '1 + 2 ** a', "Math['tanh'](a)", 'Reflect.get(Math, "tanh")(a)', 'Mathf.tanh(a)'].map(source),
    ...['f32x4.relaxed_madd(a, a, a)', 'f64x2.relaxed_nmadd(a, a, a)', 'f32x4.relaxed_min(a, a)'].map(source),
    'const { tanh } = Math\nexport const f = (a: number): number => tanh(a)\n',
    'export function f(a: number): number {\n  let b = a\n  b **= 2\n  return b\n}\n',
  ]
  const allowed = [
    ...exact.split(' ').map((name) => `Math.${name}(a)`),
    'Math.PI',
    'a * a',
    '2 / a',
    'f32x4.add(a, f32x4.mul(a, a))',
  ].map(source)
  const files = new Map([
    ...refused.map((text, i) => [`device/core/refused${i}.ts`, text] as const),
    ...allowed.map((text, i) => [`device/core/allowed${i}.ts`, text] as const),
    ...promised.split(' ').map((folder) => [`${folder}/new.ts`, source('Math.tanh(a)')] as const),
    ['cli/new.ts', source('Math.tanh(a) ** 2')],
  ])
  const found = await refusals(t, files, 'plugin')
  for (const [i, text] of refused.entries()) t.ok(found.has(`device/core/refused${i}.ts`), text)
  for (const [i, text] of allowed.entries()) t.notOk(found.has(`device/core/allowed${i}.ts`), text)
  for (const folder of promised.split(' ')) t.ok(found.has(`${folder}/new.ts`), folder)
  t.notOk(found.has('cli/new.ts'), 'elsewhere nothing is promised')
})

t.test('imports go in the directions of the layout', async (t) => {
  const cases: readonly (readonly [file: string, module: string, allowed: boolean])[] = [
    ['device/core/new.ts', './rng.ts', true],
    ['device/core/new.ts', '../features.ts', false],
    ['device/core/new.ts', 'node:fs', false],
    ['device/safety/new.ts', '../core/rng.ts', false],
    ['device/engines/new.ts', '../core/rng.ts', true],
    ['device/engines/new.ts', '../agent.ts', false],
    ['device/engines/new.ts', '../methods/gated.ts', false],
    ['device/methods/new.ts', '../core/gate.ts', true],
    ['device/methods/new.ts', '../engines/wasm.ts', false],
    ['device/bus/new.ts', '../../schemas/topics.ts', true],
    ['device/bus/new.ts', '../device.ts', false],
    ['device/new.ts', '../schemas/topics.ts', true],
    ['device/new.ts', '../sim-bridge/bridge.ts', false],
    ['device/new.ts', '../broker/broker.ts', false],
    ['device/recorder/new.ts', '../../sim-bridge/bridge.ts', false],
    ['device/recorder/new.ts', '../device.ts', true],
    ['schemas/new.ts', '../device/io.ts', false],
    ['broker/new.ts', '../device/core/aggregate.ts', true],
    ['broker/new.ts', '../device/agent.ts', false],
    ['broker/new.ts', '../sim-bridge/bridge.ts', false],
    ['broker/monitor/page/new.ts', '../../hear.ts', true],
    ['broker/monitor/page/new.ts', '../../../device/bus/inbox.ts', true],
    ['broker/monitor/page/new.ts', '../../../device/bus/mqtt-bus.ts', false],
    ['broker/monitor/page/new.ts', '../../broker.ts', false],
    ['broker/monitor/page/new.ts', 'node:fs', false],
    ['sim-bridge/new.ts', '../device/bus/bus.ts', true],
    ['sim-bridge/new.ts', '../device/device.ts', false],
    ['sim-bridge/new.ts', '../broker/broker.ts', false],
    ['sim-bridge/serve/new.ts', '../../device/device.ts', false],
    ['sim-bridge/experiment/new.ts', '../../device/device.ts', true],
    ['sim-bridge/experiment/new.ts', '../../broker/broker.ts', false],
    ['sim-bridge/sumo/new.ts', '../simulator.ts', true],
    ['sim-bridge/sumo/new.ts', '../sim/scenario.ts', true],
    ['sim-bridge/sumo/new.ts', '../bridge.ts', false],
    ['sim-bridge/sumo/new.ts', '../../schemas/topics.ts', false],
    ['sim-bridge/sim/new.ts', './idm.ts', true],
    ['sim-bridge/sim/new.ts', '../world.ts', false],
    ['sim-bridge/sim/new.ts', '../../schemas/setting.ts', false],
    ['sim-bridge/sim/networks/new.ts', '../network.ts', true],
    ['sim-bridge/sim/networks/new.ts', '../simulator.ts', false],
    ['cli/new.ts', '../sim-bridge/bridge.ts', true],
    ['cli/new.ts', '../test/support/cli.ts', false],
  ]
  const name = (file: string, i: number) => file.replace('new', `new${i}`)
  const files = new Map(
    cases.map(([file, module], i) => [name(file, i), `import { x } from '${module}'\n\nexport const y = x\n`]),
  )
  const found = await refusals(t, files, 'lint/style/noRestrictedImports')
  for (const [i, [file, module, allowed]] of cases.entries())
    t.equal(found.has(name(file, i)), !allowed, `${file} imports ${module}: ${allowed ? 'allowed' : 'refused'}`)
})

/** The files, of these names and contents, in which biome finds errors of this category under the project's rules. */
async function refusals(t: Test, files: ReadonlyMap<string, string>, category: string): Promise<Set<string>> {
  const folder = t.testdir()
  for (const [file, content] of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), content)
  }
  cpSync(join(root, '.ci'), join(folder, '.ci'), { recursive: true })
  const rules = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')) as object
  writeFileSync(join(folder, 'biome.json'), JSON.stringify({ ...rules, root: true, vcs: { enabled: false } }))
  const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.']
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 2 ** 26 }, (_, stdout) => resolve(stdout))
  })
  const { diagnostics } = JSON.parse(output) as { diagnostics: readonly Diagnostic[] }
  const errors = diagnostics.filter((found) => found.category === category && found.severity === 'error')
  return new Set(errors.map(({ location }) => (typeof location.path === 'string' ? location.path : location.path.file)))
}

interface Diagnostic {
  readonly category: string
  readonly severity: string
  readonly location: { readonly path: string | { readonly file: string } }
}
