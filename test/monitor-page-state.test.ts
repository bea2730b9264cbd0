import t from 'tap'
import { createFleetState } from '../broker/fleet.ts'
import { hear } from '../broker/hear.ts'
import { FleetReturns, quantile } from '../broker/monitor/page/model/fleet-returns.ts'
import { type FleetFilter, fleetColumns, fleetRows } from '../broker/monitor/page/model/fleet-rows.ts'
import { createPageState, hearConnected, hearPage } from '../broker/monitor/page/model/page-state.ts'
import { scoresOf } from '../broker/monitor/page/model/scores.ts'
import { evidenceOf, newestVerdicts, reasonCounts, sentenceOf } from '../broker/monitor/page/model/verdicts.ts'
import { reasonWords } from '../broker/monitor/page/model/words.ts'
import { WorldTrack } from '../broker/monitor/page/model/world-track.ts'
import type { Alarm } from '../schemas/health.ts'
import { reasons } from '../schemas/reason.ts'
import type { RunMessage, WorldMessage } from '../schemas/run.ts'
import type { Status } from '../schemas/status.ts'
import { telemetryOf } from '../schemas/telemetry.ts'
import { aggregatorId } from '../schemas/topics.ts'
import type { VerdictMessage } from '../schemas/verdict.ts'

const thin = '\u202f'

const online: Status = { version: 1, state: 'online', boot: 1, connection: 1, software: 'trustmix 1', rollbacks: 0 }

t.test('rows are sorted with what is not known last, filtered and searched', async (t) => {
  const state = createFleetState('demo')
  const say = (vehicle: string, message: Status): void => hear(state, { channel: 'status', vehicle, message }, 0)
  say('a', { ...online, policyHash: 'f'.repeat(64) })
  say('b', { ...online, state: 'offline' })
  say('c', { ...online, software: 'other 2' })
  say(aggregatorId, online)
  for (const [vehicle, value] of [
    ['a', 2],
    ['c', 5],
  ] as const) {
    const message = telemetryOf({ speed: value, epoch: 1, updates: 1, samples: 1, return: value, fallbacks: 0 })
    hear(state, { channel: 'telemetry', vehicle, message }, 0)
  }
  const rows = (key: string, descending = false, filter: FleetFilter = 'all', search = ''): string =>
    fleetRows(state, 0, { order: { key, descending }, filter, search })
      .map(({ vehicle }) => vehicle.id)
      .join(' ')
  t.equal(rows('id'), 'a b c', 'the averaging server is no vehicle')
  t.equal(rows('return'), 'a c b')
  t.equal(rows('return', true), 'c a b', 'unknown last either way')
  t.equal(rows('alive'), 'b a c', 'what is wrong first')
  t.equal(rows('id', false, 'online'), 'a c')
  t.equal(rows('id', false, 'trouble'), 'b')
  t.equal(rows('id', false, 'all', 'OTHER'), 'c')
  t.equal(rows('id', false, 'all', 'ffff'), 'a')
  const speed = fleetColumns.find(({ key }) => key === 'speed')
  const [first] = fleetRows(state, 0, { order: { key: 'id', descending: false }, filter: 'all', search: '' })
  t.equal(speed?.text(first!), '7.2', 'km/h as it states it')
  const cars = { a: { kind: 'learner', s: 1, v: 10, braking: false } } as const
  hear(state, { channel: 'world', run: 'r', message: { version: 1, time: 1, cars } }, 0)
  const [later] = fleetRows(state, 0, { order: { key: 'id', descending: false }, filter: 'all', search: '' })
  t.equal(speed?.text(later!), '36.0', 'km/h as the world tells it')
})

const world = (time: number, positions: readonly number[]): WorldMessage => ({
  ...{ version: 1, time },
  cars: Object.fromEntries(
    positions.map((s, i) => [`car${i}`, { kind: i === 0 ? 'learner' : 'human', s, v: 2 * s, braking: false }]),
  ),
})

t.test('the track of a run goes on over epochs, begins anew with other cars and keeps a bounded number', async (t) => {
  const track = new WorldTrack()
  for (const [time, s] of [
    [1, 10],
    [2, 12],
    [0.5, 3],
  ] as const)
    track.push('r', world(time, [s, s + 1]))
  t.same(
    [0, 1, 2].map((frame) => track.timeOf(frame)),
    [1, 2, 2.5],
  )
  t.same([track.startsEpoch(1), track.startsEpoch(2)], [false, true])
  t.same([track.positionOf(2, 1), track.speedOf(1, 0), [...track.learner]], [4, 24, [1, 0]])
  const { generation } = track
  track.push('r', world(1, [1, 2, 3]))
  t.same([track.count, track.cars.length, track.generation], [1, 3, generation + 1])
  track.push('other', world(1, [1, 2, 3]))
  t.equal(track.generation, generation + 2)
  for (let k = 0; k < 5_000; k++) track.push('r', world(k / 10, [k, k]))
  t.equal(track.first, 2_000)
  t.same(
    [track.positionOf(1_999, 0), track.positionOf(4_999, 1), track.timeOf(4_999)],
    [4_999, 4_999, 499.9],
    'the oldest place is used again',
  )
  track.push(
    'r',
    world(
      1,
      Array.from({ length: 1_000 }, (_, i) => i),
    ),
  )
  t.same([track.every, track.cars.length, track.positionOf(0, 1)], [9, 112, 9])
})

t.test('deciles of the returns of a fleet', async (t) => {
  t.same(
    [0, 0.5, 0.9, 1].map((share) => quantile([1, 2, 3, 4, 5], share)),
    [1, 3, 4.6, 5],
  )
  const returns = new FleetReturns()
  for (let i = 0; i <= 100; i++) returns.push(1_000, i)
  t.same(returns.bins, [], 'the present span is not over')
  returns.close(6_000)
  t.same(returns.bins, [{ atMs: 2_500, low: 10, median: 50, high: 90 }])
  for (let k = 0; k < 1_000; k++) returns.push(10_000 + 5_000 * k, k)
  t.equal(returns.bins.length, 720)
  const many = new FleetReturns()
  for (let i = 0; i < 100_000; i++) many.push(1, i)
  many.close(9_000)
  t.ok(Math.abs(many.bins[0]!.median - 98_976) < 2_000, 'of too many the newest are looked at')
})

t.test('scores have the numbers of their epochs', async (t) => {
  const long = Array.from({ length: 500 }, (_, i) => i)
  t.same(scoresOf({ history: [0.1, 0.2], epoch: 3 }, false), [
    { epoch: 1, nas: 0.1 },
    { epoch: 2, nas: 0.2 },
  ])
  t.equal(scoresOf({ history: [0.1, 0.2], epoch: 2 }, true).at(-1)?.epoch, 2, 'the last one has been driven')
  t.match(scoresOf({ history: long, epoch: 700 }, false), [{ epoch: 200 }])
  t.match(scoresOf({ history: long, epoch: 700 }, true), [{ epoch: 201 }])
})

const alarm: Alarm = {
  ...{ version: 1, kind: 'offline', vehicle: 'a', since: '2026-01-01T00:00:00Z', text: 'gone', advice: 'look' },
}
const run: RunMessage = {
  ...{ version: 1, network: 'ring', preset: 'flow', setting: 'letter', method: 'gated', seed: 1, loopLength: 5 },
  ...{ epoch: 1, epochs: 2, baseline: { nas: 0.2, meanSpeed: 4 }, history: [] },
}

t.test('what ended while there was no connection is over when retained topics have come again', async (t) => {
  const page = createPageState('demo')
  hearConnected(page, 0)
  hearPage(page, { channel: 'alarm', id: 'x', message: alarm }, 10)
  hearPage(page, { channel: 'alarm', id: 'y', message: { ...alarm, vehicle: 'b' } }, 10)
  hearPage(page, { channel: 'run', run: 'r1', message: run }, 10)
  hearConnected(page, 5_000)
  hearPage(page, { channel: 'alarm', id: 'y', message: { ...alarm, vehicle: 'b' } }, 5_100)
  t.same([page.fleet.alarms.size, page.fleet.run?.ended], [2, false], 'not at once')
  hearPage(page, { channel: 'health', message: { version: 1, vehicles: 0, online: 0 } }, 7_001)
  t.same([[...page.fleet.alarms.keys()], page.fleet.run?.ended], [['y'], true])
  t.match([...page.cleared], [{ alarm, atMs: 7_001 }])
  hearPage(page, { channel: 'run', run: 'r1', message: run }, 7_100)
  t.equal(page.fleet.run?.ended, false, 'what comes late is there again')
  hearPage(page, { channel: 'alarm', id: 'y', message: 'cleared' }, 7_200)
  t.equal(page.cleared.length, 2)
})

const verdict = (more: Partial<VerdictMessage>): VerdictMessage => ({
  ...{ version: 1, vehicle: 'a', epoch: 1, step: 1, mode: 'theorem1', accepted: false, alpha: 0, peerId: 'b' },
  ...{ reason: 'non-positive-advantage' },
  ...more,
})

t.test('verdicts are found, counted and told in words', async (t) => {
  const state = createFleetState('demo')
  const judge = (vehicle: string, more: Partial<VerdictMessage>, atMs: number): void =>
    hear(state, { channel: 'verdict', vehicle, message: verdict({ vehicle, ...more }) }, atMs)
  judge('a', {}, 1)
  judge('a', { accepted: true, reason: 'accepted', alpha: 0.25 }, 2)
  judge('b', { peerId: 'a' }, 3)
  judge('a', { peerId: 'c' }, 4)
  t.same(
    newestVerdicts(state, 'a').map(({ atMs }) => atMs),
    [4, 2, 1],
  )
  t.same(
    newestVerdicts(state, 'a', 'b').map(({ atMs }) => atMs),
    [2, 1],
  )
  t.same(
    newestVerdicts(state, undefined, undefined, 2).map(({ atMs }) => atMs),
    [4, 3],
  )
  t.same(reasonCounts(state.vehicles.values()), {
    ...{ accepted: 1, total: 4 },
    rejected: [{ reason: 'non-positive-advantage', count: 3 }],
  })
  t.match(sentenceOf(state.verdicts.at(1)!.message), `a mixed in 25.0${thin}% of the policy of b.`)
  t.match(sentenceOf(state.verdicts.at(0)!.message), /^a did not take the policy of b\. .*advantage A is not above 0/)
  const figures = evidenceOf(verdict({ policyAdvantageMean: 0.002, standardError: 0.0011, epsilon: null }))
  t.equal(figures.find(({ symbol }) => symbol === 'Ā ± SE')?.text, '0.00200 ± 0.0011')
  t.equal(figures.find(({ symbol }) => symbol === 'ε')?.text, '–', 'what was not computed is not 0')
  for (const reason of reasons) t.ok(reasonWords[reason].long.endsWith('.'), reason)
})
