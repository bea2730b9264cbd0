import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ValidateFunction } from 'ajv'
import t from 'tap'
import { createCompiler, projectSchemas } from '../image/validators.ts'
import { compiledFile } from '../schemas/compile.ts'
import { defaultConfig, validateConfig } from '../schemas/config.ts'
import { recordSchemas } from '../schemas/record.ts'
import { validatorOf } from '../schemas/validator.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = join(root, 'build', 'schemas', 'compiled')
const require = createRequire(import.meta.url)

t.test('the build makes the function of every schema, and no other', async (t) => {
  const schemas = await projectSchemas(join(root, 'build', 'schemas'))
  const files = new Set(schemas.map(compiledFile))
  t.same(readdirSync(folder).sort(), [...files].sort())

  // One that no module exports would be missed. In record.ts one place makes those of all topics.
  const sources = readdirSync(join(root, 'schemas')).map((name) => readFileSync(join(root, 'schemas', name), 'utf8'))
  const places = sources.flatMap((source) => [...source.matchAll(/\bvalidatorOf\(/g)])
  t.equal(schemas.length, places.length - 1 + new Set(Object.values(recordSchemas)).size)
})

t.test('the functions say what Ajv says', async (t) => {
  const values = [undefined, null, 1, 'text', [], {}, { version: 1 }, { version: 2, more: 1 }, { ...defaultConfig }]
  for (const schema of await projectSchemas(join(root, 'build', 'schemas'))) {
    const [ours, theirs]: ValidateFunction[] = [
      require(join(folder, compiledFile(schema))),
      createCompiler().compile(schema),
    ]
    for (const value of values) t.same([ours!(value), ours!.errors], [theirs!(value), theirs!.errors])
  }
})

t.test('of another schema the function is made when it is asked for', async (t) => {
  const validate = validatorOf({ type: 'integer', minimum: 3 })
  t.same(validate(3), { ok: true, value: 3 })
  t.same(validate(2), { ok: false, reason: 'malformed', detail: '/ must be >= 3, got 2' })
})

t.test('a device has no Ajv in memory', async (t) => {
  t.ok(validateConfig(defaultConfig).ok)
  const script = `
    import { createRequire } from 'node:module'
    const [device, config] = ['device/cli.js', 'schemas/config.js'].map((name) => '${join(root, 'build')}/' + name)
    await import(device)
    const { validateConfig } = await import(config)
    if (validateConfig({ seed: -1 }).ok) throw new Error('a negative seed must be refused')
    console.log(Object.keys(createRequire(import.meta.url).cache).join('\\n'))`
  const loaded = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  t.match(loaded, /node_modules\/mqtt\//, 'the list has what is loaded')
  t.notMatch(loaded, /node_modules\/ajv\//)
})
