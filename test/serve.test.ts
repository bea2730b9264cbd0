import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createFeatures } from '../device/features.ts'
import { defaultConfig } from '../schemas/config.ts'
import { maxRequestBytes } from '../schemas/serve.ts'
import { settings } from '../schemas/setting.ts'
import { accelerationOf } from '../sim-bridge/controller.ts'
import { observationNames, observe } from '../sim-bridge/observation.ts'
import { openWorld } from '../sim-bridge/worlds.ts'
import { refuses } from './support/cli.ts'
import { killWithTest } from './support/program.ts'
import { serveClient, serverOf } from './support/serve-client.ts'

const main = fileURLToPath(new URL('../cli/main.js', import.meta.url))

t.test('the hello says who learns, in which world, and what the values mean', async (t) => {
  const { port } = await serverOf(t, { preset: 'lab', vehicles: 10, learners: 2, setting: 'letter' })
  const { hello, close } = await serveClient(port)
  t.match(hello, {
    version: 1,
    agents: ['car04', 'car09'],
    preset: 'lab',
    reward: 'own',
    stepLength: 0.1,
    epochSteps: 1500,
    loopLength: 421.94,
    speedLimit: 20,
    accelerationLimit: 1.5,
    timeGaps: [3, 12],
    defaults: { observation: 'raw', action: 'acceleration', decisionSteps: 1 },
    maxRequestBytes,
  })
  t.equal(hello.vehicles.length, 10)
  t.same(hello.observations.sensed?.names, observationNames)
  t.same(hello.observations.raw?.high, [1, 1, 1, 1, 1, 1])
  t.same(hello.observations.gaps?.low, [-1, -0.5, -1, -0.5, -1, -0.5], 'zero metres and m/s in the features of headway')
  close()
})

t.test('an epoch over the wire is the epoch of the world itself', async (t) => {
  const { port } = await serverOf(t, { startJitter: 1, learners: 3 })
  const client = await serveClient(port)
  const world = await openWorld({ ...defaultConfig, startJitter: 1, learners: 3 })
  const cars = world.vehicles.flatMap((_, i) => (world.learner[i] ? [i] : []))
  const { loopLength, speedLimit, accelerationLimit } = world
  const features = createFeatures(settings.headway, { preset: 'flow', loopLength, speedLimit, accelerationLimit })
  const expected = () =>
    cars.map((i) => {
      const row = new Float32Array(6)
      features.encode(observe(world, i), row)
      return [...row]
    })
  await world.reset(5)
  const start = await client.transition({ version: 1, kind: 'reset', seed: 5, options: { decisionSteps: 7 } })
  t.same(start.observations, expected())
  t.match(start, { rewards: [0, 0, 0], steps: 0, terminated: false, truncated: false, info: { step: 0 } })
  for (const actions of [[0.5, null, -2] as const, [null, -1, 0.25] as const]) {
    const got = await client.transition({ kind: 'step', actions })
    const commands = actions.map((u) => (u === null ? undefined : features.command(u)))
    let reward = 0
    for (let k = 0; k < 7; k++) {
      const accelerations = new Float64Array(14).fill(Number.NaN)
      for (const [j, i] of cars.entries()) accelerations[i] = accelerationOf(commands[j], world, i)
      reward += (await world.step(accelerations)).info.nas
    }
    t.same(got.observations, expected())
    t.same(got.rewards, [reward / 7, reward / 7, reward / 7], 'headway pays the mean over the steps of NAS')
    t.equal(got.steps, 7)
  }
  const held = await client.transition({ kind: 'step', actions: [null, null, null], repeat: 2000 })
  t.match(held, { steps: 1486, terminated: false, truncated: true, info: { step: 1500 } }, 'a hold ends with the epoch')
  t.match(await client.ask({ kind: 'step', actions: [null, null, null] }), { kind: 'error', reason: 'out-of-turn' })
  t.match(await client.transition({ kind: 'reset', seed: 5 }), { observations: start.observations }, 'the seed repeats')
  client.close()
})

t.test(
  'collisions end the epoch where the world says so, and own speed is paid where the setting says so',
  async (t) => {
    const { port } = await serverOf(t, { collision: 'end', setting: 'letter', learners: 1 })
    const client = await serveClient(port)
    const sensed = { observation: 'sensed', action: 'acceleration', decisionSteps: 10 }
    await client.transition({ kind: 'reset', seed: 0, options: sensed })
    const { observations, rewards } = await client.transition({ kind: 'step', actions: [0.5], repeat: 1 })
    // 0.1 s at 1.5 m/s², of which SUMO's slowDown applies the part 0.1/0.101.
    t.ok(Math.abs((observations[0]?.[1] ?? 0) - 0.15 / 1.01) < 1e-6, String(observations[0]?.[1]))
    t.ok(Math.abs((rewards[0] ?? 0) - 0.15 / 1.01 / 20) < 1e-9, String(rewards[0]))
    let state = await client.transition({ kind: 'step', actions: [0.125] })
    while (!state.terminated && !state.truncated) state = await client.transition({ kind: 'step', actions: [0.125] })
    t.match(state, { terminated: true, truncated: false, info: { collisions: 1 } })
    client.close()
  },
)

t.test('what is wrong is answered with rule and value, and the connection goes on', async (t) => {
  const { port } = await serverOf(t, { learners: 2 })
  const client = await serveClient(port)
  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['{"kind":"step","actions":[0,0]}', 'out-of-turn', /step must follow a reset, got .* no reset yet/],
    ['', 'malformed', /one line of JSON/],
    ['not json', 'malformed', /one line of JSON/],
    ['{"kind":"step","actions":[NaN,0]}', 'malformed', /one line of JSON/],
    ['null', 'malformed', /must be object, got null/],
    ['[]', 'malformed', /must be object, got \[\]/],
    ['{}', 'malformed', /kind/],
    ['{"kind":"launch"}', 'malformed', /kind/],
    ['{"kind":"reset"}', 'malformed', /seed/],
    ['{"kind":"reset","seed":-1}', 'malformed', /\/seed must be >= 0, got -1/],
    ['{"kind":"reset","seed":1.5}', 'malformed', /\/seed must be integer, got 1\.5/],
    ['{"kind":"reset","seed":1,"version":2}', 'unsupported-version', /version must be 1, got 2/],
    ['{"kind":"reset","seed":1,"options":{"view":"raw"}}', 'malformed', /\/options: unknown key "view"/],
    ['{"kind":"reset","seed":1,"options":{"decisionSteps":0}}', 'malformed', /decisionSteps must be >= 1, got 0/],
    ['{"kind":"reset","seed":1,"__proto__":{}}', 'malformed', /unknown key "__proto__"/],
    [`${'['.repeat(4000)}`, 'malformed', /one line of JSON/],
    [`${'['.repeat(4000)}${']'.repeat(4000)}`, 'malformed', /must be object/],
    ['\u0000\u00ff\u0001', 'malformed', /one line of JSON/],
  ]
  for (const [line, reason, detail] of refused) {
    client.write(`${line}\n`)
    t.match(await client.next(), { kind: 'error', reason, detail }, JSON.stringify(line.slice(0, 60)))
  }
  await client.transition({ kind: 'reset', seed: 1 })
  for (const actions of [[], [0], [0, 0, 0]]) {
    const detail = `/actions must hold one value per agent (2), got ${actions.length}`
    t.match(await client.ask({ kind: 'step', actions }), { kind: 'error', reason: 'malformed', detail })
  }
  for (const actions of ['0,0', [0, '0'], [0, [0]], [0, '1']])
    t.match(await client.ask({ kind: 'step', actions }), { kind: 'error', reason: 'malformed', detail: /\/actions/ })
  client.write('{"kind":"step","actions":[1e999,0]}\n')
  t.match(await client.next(), { kind: 'error', reason: 'malformed', detail: /\/actions\/0 must be/ }, 'infinite')
  client.write('{"kind":"step","actions":[1e300,-1e300]}\n')
  t.match(await client.next(), { kind: 'transition', info: { step: 1 } }, 'beyond ±1 acts as ±1, however far')
  t.match(await client.ask({ kind: 'step', actions: [null, null] }), { kind: 'transition', info: { step: 2 } })
  client.close()
})

t.test('the command prints its address, serves, and ends with its standard input', async (t) => {
  const args = [main, 'sim-bridge', '--serve', '--json', '--follow-stdin', '--learners', '1']
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  killWithTest(t, child)
  const [printed] = await once(child.stdout, 'data')
  const { version, host, port } = JSON.parse(String(printed))
  t.same([version, host], [1, '127.0.0.1'])
  const client = await serveClient(port)
  t.match(await client.ask({ kind: 'reset', seed: 1 }), { kind: 'transition' })
  child.stdin.end()
  t.same(await once(child, 'exit'), [0, null])
  t.equal(await client.next(), undefined)
})

t.test('a port that is taken and a world that cannot be are bad usage', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  await refuses(t, 2, /cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/, [
    'sim-bridge',
    '--serve',
    '--port',
    String(port),
  ])
  await refuses(t, 2, /--learners must be at most --vehicles/, [
    ...['sim-bridge', '--serve', '--vehicles', '5', '--learners', '6'],
  ])
})
