import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import t from 'tap'
import { createRng, decodeSafetensors, initialPolicy } from '../device/core/index.ts'
import { createFeatures } from '../device/features.ts'
import { createIdentity } from '../device/identity.ts'
import { sealParams } from '../device/params.ts'
import { settings } from '../schemas/setting.ts'
import type { Summary } from '../schemas/summary.ts'
import { validateVerdict } from '../schemas/verdict.ts'
import { runFleet, runLocally, startFleet } from './support/fleet.ts'
import { startMosquitto } from './support/mosquitto.ts'
import { testFolder } from './support/program.ts'
import { requireTool } from './support/require.ts'

t.test('against mosquitto: same policies, readable verdicts, nothing private outside sim/', async (t) => {
  if (!requireTool(t, 'mosquitto')) return
  const { url } = await startMosquitto(t)
  const spy = await mqtt.connectAsync(url)
  t.teardown(() => spy.endAsync(true))
  const outside: { topic: string; payload: Buffer }[] = []
  spy.on('message', (topic, payload) => {
    if (!topic.startsWith('tm/v1/demo/sim/')) outside.push({ topic, payload })
  })
  await spy.subscribeAsync('tm/v1/#')
  const options = { epochs: 2, seed: 4 }
  const summary = await runFleet(join(testFolder(t), 'run'), ['--epochs', '2', '--seed', '4', '--broker', url])
  t.same(summary.policies, (await runLocally(options)).policies)

  const verdicts = outside
    .filter(({ topic }) => topic.endsWith('/verdict'))
    .map(({ payload }) => JSON.parse(payload.toString()))
  t.equal(verdicts.length, 2 * 6 * 7 * 6, 'every verdict was published')
  t.ok(verdicts.every((verdict) => validateVerdict(verdict).ok))
  const params = outside.filter(({ topic }) => topic.endsWith('/params'))
  t.equal(params.length, 2 * 6 * 7)
  for (const { payload } of params)
    t.ok(
      [...decodeSafetensors(payload).tensors.keys()].every((name) => name === 'log_std' || name.startsWith('policy.')),
    )
  const words = /observation|position|followerGap|leaderSpeed|"reward"/
  const leaks = outside.filter(({ topic, payload }) => !topic.endsWith('/params') && words.test(payload.toString()))
  t.same(
    leaks.map(({ topic }) => topic),
    [],
    'observations and rewards appear nowhere but under sim/',
  )
})

t.test('hostile parameters are refused, each with its reason, and the fleet goes on', async (t) => {
  if (!requireTool(t, 'mosquitto')) return
  const { url } = await startMosquitto(t)
  const directory = join(testFolder(t), 'run')
  const fleet = startFleet(directory, ['--epochs', '8', '--seed', '4', '--broker', url])
  const attacker = await mqtt.connectAsync(url)
  t.teardown(() => attacker.endAsync(true))
  const topic = 'tm/v1/demo/near/all/car05/params'
  const captured = await firstMessage(attacker, topic)
  await fleet.epochDone(1)
  const secret = (name: string): string => join(directory, 'secrets', name)
  const keys = JSON.parse(readFileSync(secret('public-keys.json'), 'utf8')).keys as Record<string, string>
  const foreign = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const forger = createIdentity(foreign, keys)
  const car05 = createIdentity(readFileSync(secret('car05.key.pem'), 'utf8'), keys)
  const near = (vehicle: string): string => `tm/v1/demo/near/all/${vehicle}/params`
  const seal = (
    identity: typeof car05,
    policy: Float64Array,
    sequence: number,
    vehicle = 'car05',
    hidden = [64, 64],
  ): Uint8Array => {
    const { observationNames, actionNames } = createFeatures(settings.headway, {
      preset: 'flow',
      loopLength: 1,
      speedLimit: 1,
      accelerationLimit: 1,
    })
    const header = { fleet: 'demo', vehicle, boot: 1, sequence, updates: 0, time: '', cell: 'all' }
    return sealParams(
      policy,
      header,
      { architecture: { observationSize: 6, actionSize: 1, hidden }, observationNames, actionNames },
      identity,
    )
  }
  const good = initialPolicy({ observationSize: 6, actionSize: 1, hidden: [64, 64] }, createRng(1, 'x'), 0)
  const bad = good.slice()
  bad[7] = Number.NaN
  const infinite = good.slice()
  infinite[9] = Number.POSITIVE_INFINITY
  const small = initialPolicy({ observationSize: 6, actionSize: 1, hidden: [8] }, createRng(1, 'x'), 0)
  const headerLength = Buffer.from(captured)
  headerLength.writeBigUInt64LE(2n ** 63n, 0)
  const send = (payload: Uint8Array): Promise<unknown> => attacker.publishAsync(topic, Buffer.from(payload), { qos: 1 })
  await send(captured.subarray(0, 1000))
  await send(headerLength)
  await send(Buffer.alloc(200_000))
  await send(seal(forger, good, 900_000))
  await send(captured)
  await send(seal(car05, good, 900_001, 'car07'))
  await send(Buffer.from(captured.toString('latin1').replace('trustmix-params/1', 'trustmix-params/2'), 'latin1'))
  await attacker.publishAsync(near('stranger'), Buffer.from(seal(forger, good, 1, 'stranger')), { qos: 1 })
  // A member of the fleet that turns bad: its signature holds, its parameters don't.
  const member = createIdentity(readFileSync(secret('aggregator.key.pem'), 'utf8'), keys)
  for (const [i, payload] of [bad, infinite, small].entries()) {
    const hidden = payload === small ? [8] : [64, 64]
    const sealed = seal(member, payload, i + 1, 'aggregator', hidden)
    await attacker.publishAsync(near('aggregator'), Buffer.from(sealed), { qos: 1 })
  }
  const { code, stdout, stderr } = await fleet.ended
  t.equal(code, 0, stderr)
  const summary = JSON.parse(stdout) as Summary
  for (const reason of [
    'malformed',
    'over-size',
    'bad-signature',
    'replayed',
    'wrong-sender',
    'unsupported-version',
    'unknown-peer',
    'non-finite',
    'shape-mismatch',
  ])
    t.ok((summary.verdicts[reason] ?? 0) >= 6, `${reason}: ${summary.verdicts[reason]}`)
  t.equal(summary.deterministic, true)
  t.same(summary.policies, (await runLocally({ epochs: 8, seed: 4 })).policies, 'nothing of it changed a policy')
})

async function firstMessage(client: MqttClient, topic: string): Promise<Buffer> {
  const message = new Promise<Buffer>((resolve) => client.once('message', (_, payload) => resolve(payload)))
  await client.subscribeAsync(topic)
  const payload = await message
  await client.unsubscribeAsync(topic)
  return payload
}
