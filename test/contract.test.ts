import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Parser } from '@asyncapi/parser'
import t from 'tap'
import { accessRows, mayRead, parseTopic, publishDenial, type Role } from '../broker/access.ts'
import { contractFiles } from '../docs/contract/files.ts'
import { pageOf } from '../docs/contract/page.ts'
import { roles } from '../docs/contract/parties.ts'
import { vspecOf } from '../docs/contract/vss.ts'
import { createAjv } from '../schemas/compile.ts'
import { telemetryOf, telemetrySchema, vssSpeed } from '../schemas/telemetry.ts'
import { type Channel, channels, topicOf } from '../schemas/topics.ts'
import { createContractJudge, readContract } from './support/contract.ts'
import { requireTool } from './support/require.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const { version } = JSON.parse(read('package.json')) as { version: string }
const contract = readContract()
const judge = createContractJudge(contract)
const names = Object.keys(channels) as (keyof typeof channels)[]

t.test('the documents in the repository are those that `npm run docs:asyncapi` writes', async (t) => {
  for (const [path, text] of Object.entries(contractFiles(version))) t.equal(read(path), text, path)
})

t.test('every schema is one, by the schema of schemas', async (t) => {
  const ajv = createAjv()
  const folder = join(root, 'build/schemas')
  let found = 0
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.js')))
    for (const [name, value] of Object.entries(await import(join(folder, file)))) {
      if (!name.endsWith('Schema') || typeof value !== 'object') continue
      found++
      t.ok(ajv.validateSchema(value as object), `${file} ${name}: ${ajv.errorsText()}`)
    }
  t.ok(found > 20, `${found} schemas`)
  t.notOk(ajv.validateSchema({ type: 'nothing' }))
})

t.test('every channel has words, a limit and examples that its schema and limit allow', (t) => {
  t.same(Object.keys(contract.channels), names)
  for (const [name, channel] of Object.entries(contract.channels)) {
    t.ok(channel.title && channel.description.length > channel.title.length, name)
    const { contentType, examples } = contract.components.messages[name]!
    t.ok(examples.length > 0, `${name} has examples`)
    for (const { name: example, payload } of examples) {
      const bytes =
        contentType === 'application/json' ? JSON.stringify(payload) : Buffer.from(String(payload), 'latin1')
      t.equal(judge.payloadFault(name, Buffer.from(bytes)), undefined, `${name}: ${example}`)
    }
    t.equal(
      judge.payloadFault(name, Buffer.from('{"version":2}')) === undefined,
      false,
      `${name} refuses another version`,
    )
  }
  t.end()
})

t.test('its operations are what the broker lets each role do', (t) => {
  const said = (role: Role, action: 'send' | 'receive', name: string) =>
    Object.values(contract.operations).find(
      (each) =>
        each.action === action &&
        each.channel.$ref === `#/channels/${name}` &&
        each.tags[0]?.$ref === `#/components/tags/${role}`,
    )
  t.equal(accessRows.length, names.length)
  for (const name of names)
    for (const role of roles)
      for (const vehicle of ['me', 'other']) {
        const address = { fleet: 'demo', vehicle, cell: 'all', run: 'run1', name: 'pause', id: 'a1' }
        const topic = parseTopic(topicOf(channels[name] as Channel<string, unknown>, address))
        if (typeof topic === 'string') throw new Error(topic)
        const principal = { role, id: 'me', fleet: 'demo' }
        const [send, receive] = [said(role, 'send', name), said(role, 'receive', name)]
        const covers = (operation: typeof send): boolean =>
          operation !== undefined &&
          (operation['x-scope'] === 'any' || vehicle === 'me' || !topic.levels.includes('other'))
        const text = `${role} ${name} of ${vehicle}`
        t.equal(publishDenial(principal, topic, false) === undefined, covers(send), `${text}: publish`)
        t.equal(mayRead(principal, topic), covers(receive), `${text}: read`)
        if (covers(send))
          t.equal(publishDenial(principal, topic, true) === undefined, send?.bindings.mqtt.retain, `${text}: retain`)
      }
  t.end()
})

t.test('the AsyncAPI parser finds neither errors nor warnings; the page needs nothing else', async (t) => {
  const parse = async (text: string) => {
    const { document, diagnostics } = await new Parser().parse(text)
    const grave = diagnostics.filter(({ severity }) => severity <= 1)
    return { document, found: grave.map(({ code, message }) => `${code}: ${message}`) }
  }
  const { document, found } = await parse(read('docs/asyncapi.json'))
  t.same(found, [])
  const damaged = {
    asyncapi: '3.0.0',
    info: { title: 'x', version: '1' },
    channels: { x: { $ref: '#/components/none' } },
  }
  t.match(
    (await parse(JSON.stringify(damaged))).found.join('\n'),
    /invalid-ref/,
    'it would find a reference to nothing',
  )

  if (!document) return
  const page = pageOf(document)
  const rendered = page.replace(/<(style|script)>.*?<\/\1>/gs, '')
  for (const { address, title } of Object.values(contract.channels)) {
    t.ok(rendered.includes(address), address)
    t.ok(rendered.includes(title), title)
  }
  for (const name of Object.keys(contract.operations)) t.ok(rendered.includes(name), name)
  t.same(rendered.match(/<(script|link|img|iframe)[^>]*>/g), null)
})

t.test('the telemetry follows the conventions of VSS', (t) => {
  const { 'Vehicle.Speed': speed } = telemetryOf({
    speed: 10,
    epoch: 1,
    updates: 0,
    samples: 0,
    return: 0,
    fallbacks: 0,
  })
  t.equal(speed, 36, '10 m/s are 36 km/h')
  t.equal(telemetrySchema.properties['Vehicle.Speed'].unit, 'km/h')
  t.equal(vssSpeed(0), 0)
  const name = 'Vehicle.Private.Trustmix.X'
  const description = 'a signal'
  const refused: [Record<string, object>, RegExp][] = [
    [{ [name]: { type: 'number', description } }, /must have a unit or be a count.* got neither for .*\.X/],
    [{ [name]: { type: 'integer', description } }, /must have a unit or be a count/],
    [{ [name]: { type: 'number', unit: 'kph', description } }, /a unit must be one of VSS .* got kph/],
    [{ [name]: { type: 'number', unit: 's' } }, /must have a description/],
    [{ 'Vehicle.Private.Trustmix.tickP99': { type: 'number', unit: 's', description } }, /begin with a capital/],
    [{ 'Vehicle.Velocity': { type: 'number', unit: 'km/h', description } }, /must be Vehicle\.Speed or stand under/],
    [{ [name]: { type: 'object', description } }, /must be a number, a boolean or a text/],
  ]
  for (const [properties, rule] of refused) t.throws(() => vspecOf(properties), rule)
  t.match(
    vspecOf({ [name]: { type: 'integer', minimum: 0, description } }),
    `${name}:\n  type: sensor\n  description: "A signal."\n  datatype: uint32\n`,
  )
  t.end()
})

t.test('vss-tools takes the overlay, with its units, on top of VSS', async (t) => {
  if (!requireTool(t, 'vspec')) return
  const base = t.testdir({
    'base.vspec': [
      'Vehicle:\n  type: branch\n  description: High-level vehicle data.\n',
      'Vehicle.Speed:\n  type: sensor\n  datatype: float\n  unit: km/h\n  description: Vehicle speed.\n',
    ].join('\n'),
    'units.yaml': ['km/h', 'ms', 'ratio']
      .map(
        (unit) =>
          `${unit}:\n  definition: ${unit}\n  unit: the ${unit}\n  quantity: any\n  allowed-datatypes: [numeric]\n`,
      )
      .join('\n'),
    'quantities.yaml': 'any:\n  definition: any\n',
  })
  const [own, given] = [(name: string) => join(root, 'docs/vss', name), (name: string) => join(base, name)]
  const args = ['--vspec', given('base.vspec'), '-l', own('trustmix.vspec'), '--output', given('out.json')]
  for (const file of [given, own]) args.push('-u', file('units.yaml'), '-q', file('quantities.yaml'))
  const { code, said } = await new Promise<{ code: unknown; said: string }>((resolve) => {
    execFile('vspec', ['export', 'json', '--strict', ...args], (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, said: stdout + stderr }),
    )
  })
  t.equal(code, 0, said)
  const { Vehicle } = JSON.parse(readFileSync(given('out.json'), 'utf8'))
  const found = Object.keys(Vehicle.children.Private.children.Trustmix.children)
  const wanted = Object.keys(telemetrySchema.properties).flatMap((name) => /Trustmix\.(.*)$/.exec(name)?.[1] ?? [])
  t.same(found.sort(), wanted.sort())
})
