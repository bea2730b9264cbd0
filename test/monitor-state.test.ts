import t from 'tap'
import { adviceOf, alarmMessage, alarmsAt, flagsOf, healthOf, published } from '../broker/alarms.ts'
import { createFleetState, type FleetState, maxVehicles, vehicleOf } from '../broker/fleet.ts'
import { hear } from '../broker/hear.ts'
import { Ring, Series } from '../broker/ring.ts'
import { alarmKinds, validateAlarm, validateHealth } from '../schemas/health.ts'
import type { Status } from '../schemas/status.ts'
import { telemetryOf } from '../schemas/telemetry.ts'
import { validId } from '../schemas/topics.ts'
import type { VerdictMessage } from '../schemas/verdict.ts'

const online: Status = { version: 1, state: 'online', boot: 1, connection: 1, rollbacks: 0 }
const iso = (ms: number): string => new Date(ms).toISOString()

function fleetOf(...ids: string[]): FleetState {
  const state = createFleetState('demo')
  for (const vehicle of ids) hear(state, { channel: 'status', vehicle, message: online }, 0)
  return state
}

const judged = (vehicle: string, peerId: string, more: Partial<VerdictMessage>): VerdictMessage => ({
  ...{ version: 1, vehicle, epoch: 1, step: 1, mode: 'theorem1', accepted: false, alpha: 0, peerId },
  ...{ reason: 'non-positive-advantage' },
  ...more,
})

const kinds = (state: FleetState, nowMs: number): string[] =>
  alarmsAt(state, nowMs).map(({ vehicle, kind }) => `${vehicle} ${kind}`)

t.test('a ring and a series keep the newest, in order', async (t) => {
  const ring = new Ring<number>(3)
  for (const i of [1, 2]) ring.push(i)
  t.same([[...ring], ring.at(0), ring.at(-1), ring.at(2)], [[1, 2], 1, 2, undefined])
  for (const i of [3, 4, 5]) ring.push(i)
  t.same([[...ring], ring.length, ring.at(0), ring.at(-1), ring.at(-4)], [[3, 4, 5], 3, 3, 5, undefined])
  const series = new Series(2)
  t.equal(series.last, undefined)
  for (const i of [1, 2, 3]) series.push(i, 10 * i)
  t.same([series.points(), series.last, series.length], [{ times: [2, 3], values: [20, 30] }, 30, 2])
})

t.test('a death is an alarm, a goodbye is none, and a late will of an older connection says nothing', async (t) => {
  const state = fleetOf('a', 'b')
  hear(state, { channel: 'status', vehicle: 'a', message: { ...online, state: 'offline' } }, 5)
  hear(state, { channel: 'status', vehicle: 'b', message: { ...online, state: 'offline', leaving: true } }, 5)
  t.same(kinds(state, 5), ['a offline'])
  t.same([flagsOf(vehicleOf(state, 'a')!, 5).alive, flagsOf(vehicleOf(state, 'b')!, 5).alive], [false, false])
  hear(state, { channel: 'status', vehicle: 'a', message: { ...online, connection: 2 } }, 9)
  t.same(kinds(state, 9), [], 'it clears when the vehicle is back')
  hear(state, { channel: 'status', vehicle: 'a', message: { ...online, state: 'offline' } }, 10)
  t.same(kinds(state, 10), [], 'the will of connection 1 comes after the birth of connection 2')
  hear(state, { channel: 'status', vehicle: 'a', message: { ...online, boot: 2, connection: 1 } }, 11)
  hear(state, { channel: 'status', vehicle: 'a', message: { ...online, state: 'offline', boot: 2, connection: 1 } }, 12)
  t.same(kinds(state, 12), ['a offline'])
})

t.test('missed deadlines are an alarm for ten seconds', async (t) => {
  const state = fleetOf('a')
  const world = (misses: number | undefined, nowMs: number): void => {
    const car = { kind: 'learner', s: 1, v: 2, braking: false, ...(misses !== undefined && { misses }) } as const
    const human = { kind: 'human', s: 3, v: 2, braking: false } as const
    hear(state, { channel: 'world', run: 'r', message: { version: 1, time: 1, cars: { a: car, h: human } } }, nowMs)
  }
  world(undefined, 0)
  t.same(kinds(state, 0), [])
  world(3, 1_000)
  t.same(kinds(state, 1_000), ['a late'])
  t.equal(flagsOf(vehicleOf(state, 'a')!, 1_000).onTime, false)
  world(3, 9_000)
  t.same(kinds(state, 10_999), ['a late'])
  t.same(kinds(state, 11_000), [])
  t.equal(flagsOf(vehicleOf(state, 'a')!, 11_000).onTime, true)
  t.equal(state.vehicles.has('h'), false, 'a car of the simulator is no vehicle of the fleet')
})

t.test('what peers refuse is told of its sender', async (t) => {
  const state = fleetOf('a', 'b', 'c')
  const refuse = (reason: VerdictMessage['reason']): void =>
    hear(state, { channel: 'verdict', vehicle: 'a', message: judged('a', 'b', { reason, mode: 'wire' }) }, 0)
  refuse('non-positive-advantage')
  refuse('missing')
  t.same(kinds(state, 0), [], 'what the gate refuses is no alarm')
  refuse('non-finite')
  refuse('bad-signature')
  t.same(kinds(state, 0), ['b non-finite', 'b refused'])
  t.equal(flagsOf(vehicleOf(state, 'b')!, 0).valid, false)
  t.same(kinds(state, 60_000), [])
  t.same(Object.fromEntries(vehicleOf(state, 'a')!.rejected), {
    'non-positive-advantage': 1,
    missing: 1,
    'non-finite': 1,
    'bad-signature': 1,
  })
  t.match(state.pairs.get('a>b'), { accepted: 0, rejected: 4, last: { reason: 'bad-signature' } })
})

t.test('a return that halves within two windows after a mix is a collapse, and without a mix it is none', async (t) => {
  const drive = (mixes: boolean, after: number): string[] => {
    const state = fleetOf('a')
    const told = (value: number): void => {
      const message = telemetryOf({ speed: 1, epoch: 1, updates: 1, samples: 1, return: value, fallbacks: 0 })
      hear(state, { channel: 'telemetry', vehicle: 'a', message }, 0)
    }
    for (let i = 0; i < 6; i++) told(2)
    const accepted = judged('a', 'b', { accepted: true, reason: 'accepted', alpha: 0.5 })
    if (mixes) hear(state, { channel: 'verdict', vehicle: 'a', message: accepted }, 0)
    for (let i = 0; i < 6; i++) told(after)
    return kinds(state, 0)
  }
  t.same(drive(true, 0.9), ['a collapse'])
  t.same(drive(true, 1.1), [])
  t.same(drive(false, 0.9), [])
  const state = fleetOf('a')
  hear(state, { channel: 'status', vehicle: 'a', message: { ...online, rollbacks: 1 } }, 1)
  t.same(kinds(state, 1), ['a collapse'], 'a device that went back says so itself')
})

t.test('fallbacks, errors of the unit and shed messages are alarms of their own', async (t) => {
  const state = fleetOf('a')
  const fell = (fallbacks: number): void => {
    const message = telemetryOf({ speed: 1, epoch: 1, updates: 1, samples: 1, return: 1, fallbacks })
    hear(state, { channel: 'telemetry', vehicle: 'a', message }, 0)
  }
  fell(4)
  t.same(kinds(state, 0), [], 'what was before the monitor came is not news')
  fell(5)
  const message = { version: 1, level: 'error', event: 'checkpoint', text: 'no space' } as const
  hear(state, { channel: 'log', vehicle: 'a', message }, 0)
  hear(state, { channel: 'log', vehicle: 'a', message: { ...message, level: 'info', text: 'fine' } }, 0)
  t.same(
    alarmsAt(state, 0).map(({ kind, text }) => [kind, text]),
    [
      ['fault', 'no space'],
      ['non-finite', '5 actions replaced by the safe one'],
    ],
  )
})

t.test('alarms and health are documents of their schemas, with advice for each kind', async (t) => {
  const state = fleetOf('a', 'a-vehicle-with-23-chars')
  for (const vehicle of state.vehicles.keys())
    hear(state, { channel: 'status', vehicle, message: { ...online, state: 'offline' } }, 7)
  const alarms = alarmsAt(state, 8)
  for (const alarm of alarms) {
    t.ok(validateAlarm(alarmMessage(alarm, iso)).ok)
    t.match(alarm.id, validId)
  }
  t.same(
    alarms.map(({ id }) => id),
    ['offline-a', alarms[1]?.id],
  )
  t.match(alarmMessage(alarms[0]!, iso), { since: '1970-01-01T00:00:00.007Z', advice: adviceOf.offline })
  for (const kind of alarmKinds) t.ok(adviceOf[kind].length <= 400 && adviceOf[kind].length > 20)
  const health = healthOf(state, alarms, 8, { messagesPerSecond: 3, broker: null })
  t.ok(validateHealth(health).ok)
  t.same(health, {
    ...{ version: 1, vehicles: 2, online: 0, late: 0, invalid: 0 },
    ...{ messagesPerSecond: 3, alarms: { offline: 2 }, broker: null },
  })
  const averaged = fleetOf('a', 'aggregator')
  t.match(healthOf(averaged, [], 8, { messagesPerSecond: 0, broker: null }), { vehicles: 1, online: 1 })
  const broker = { connections: 4, refused: { shed: 2 } }
  t.ok(validateHealth(healthOf(state, alarms, 8, { messagesPerSecond: 0, broker })).ok)
})

t.test('no number of vehicles or messages makes it grow without bound', async (t) => {
  const state = createFleetState('demo')
  for (let i = 0; i < maxVehicles + 10; i++) {
    hear(state, { channel: 'status', vehicle: `v${i}`, message: online }, 0)
    hear(state, { channel: 'status', vehicle: `v${i}`, message: { ...online, state: 'offline' } }, 0)
  }
  t.equal(state.vehicles.size, maxVehicles)
  t.equal(state.leftOut, 20)
  const alarms = alarmsAt(state, 0)
  t.equal(alarms.length, maxVehicles)
  t.equal(published(alarms).length, 32, 'of one kind 32 get a topic, the rest is in the counts')
  t.same(healthOf(state, alarms, 0, { messagesPerSecond: 0, broker: null }).alarms, { offline: maxVehicles })
  for (let i = 0; i < 25_000; i++)
    hear(state, { channel: 'verdict', vehicle: 'v1', message: judged('v1', `p${i}`, {}) }, i)
  t.equal(state.verdicts.length, 5_000)
  t.equal(state.pairs.size, 20_000)
  t.equal(state.pairs.has('v1>p24999'), true)
})

t.test('a run that is emptied has ended, and its data stay', async (t) => {
  const state = fleetOf('a')
  const message = {
    version: 1 as const,
    ...{ network: 'figure-eight', preset: 'flow', setting: 'letter', method: 'gated', seed: 1 },
    ...{ loopLength: 500, epoch: 2, epochs: 9, baseline: { nas: 0.2, meanSpeed: 5 }, history: [0.1, 0.2] },
  }
  hear(state, { channel: 'run', run: 'r1', message }, 0)
  hear(state, { channel: 'run', run: 'other', message: 'cleared' }, 1)
  t.match(state.run, { id: 'r1', ended: false })
  hear(state, { channel: 'run', run: 'r1', message: 'cleared' }, 1)
  t.match(state.run, { id: 'r1', ended: true, message: { epoch: 2, history: [0.1, 0.2] } })
})
