import t from 'tap'
import { defaultLimits } from '../broker/broker.ts'
import { Shares } from '../broker/shares.ts'
import { as, join, start } from './support/broker-fixture.ts'
import { publish, RawClient } from './support/mqtt-raw.ts'

const rates = { messagesPerSecond: 50, bytesPerSecond: 262_144 }

t.test('a share is its rate and bursts of five seconds of it', async (t) => {
  const shares = new Shares(rates)
  for (let i = 0; i < 250; i++) t.equal(shares.take('d1', 10, 0, 0), 'pass')
  t.equal(shares.take('d1', 10, 0, 0), 'shed')
  t.equal(shares.take('d2', 10, 0, 0), 'pass', 'each has its own')
  t.equal(shares.take('d1', 10, 0, 20), 'pass', '20 ms later there is one more')
  t.equal(shares.take('d1', 10, 0, 20), 'shed')
  t.same([...shares.takeShed()], [['d1', 2]])
  t.same([...shares.takeShed()], [], 'told once')
  const large = new Shares(rates)
  t.equal(large.take('d1', 5 * 262_144, 0, 0), 'pass')
  t.equal(large.take('d1', 1, 0, 0), 'shed', 'bytes count too')
})

t.test('messages of QoS 1 pass up to ten times the share', async (t) => {
  const shares = new Shares(rates)
  let passed = 0
  for (let i = 0; i < 10_000; i++) if (shares.take('d1', 10, 1, 0) === 'pass') passed++
  t.equal(passed, 250 + 2_500)
  t.same([...shares.takeShed()], [['d1', 10_000 - 2_750]])
})

t.test('ten seconds beyond the share end the connection for a minute; less is forgiven', async (t) => {
  const shares = new Shares(rates)
  const flood = (fromMs: number, toMs: number): string => {
    let last = ''
    for (let ms = fromMs; ms <= toMs && last !== 'end'; ms += 10) last = shares.take('d1', 10, 0, ms)
    return last
  }
  // 100 a second use the burst up within five seconds.
  t.not(flood(0, 14_900), 'end')
  for (let ms = 20_000; ms < 40_000; ms += 100) shares.take('d1', 10, 0, ms)
  t.not(flood(40_000, 54_000), 'end', 'who has recovered begins anew')
  t.equal(flood(54_000, 70_000), 'end')
  t.equal(shares.isBanned('d1', 60_000), true)
  t.equal(shares.isBanned('d2', 60_000), false)
  t.equal(shares.isBanned('d1', 130_000), false)
})

t.test('in lock-step a question is worth a tenth of a second; at ten a second it is worth nothing more', async (t) => {
  const passed = (perQuestion: number, everyMs: number): number => {
    const shares = new Shares(rates)
    let count = 0
    for (let i = 0; i < 90; i++) {
      for (let k = 0; k < perQuestion; k++) if (shares.take('d1', 10, 0, i * everyMs) === 'pass') count++
      shares.asked('d1', i * everyMs)
    }
    return count
  }
  t.equal(passed(5, 1), 450, 'five messages a question')
  t.equal(passed(10, 1), 250 + 5 * 89, 'ten are twice the share')
  t.equal(passed(10, 100), 250 + 5 * 90, 'as at ten a second; only the first question is worth something')
  t.equal(passed(10, 200), 900, 'at five a second the clock counts')
  const shares = new Shares(rates)
  shares.asked('d1', 0)
  t.equal(shares.isBanned('d1', 0), false, 'who never said anything is not known')
})

t.test(
  'at the broker: shed, counted, cut off, refused for a minute; answers to the bridge are not counted',
  async (t) => {
    let nowMs = 0
    const broker = await start(t, { now: () => nowMs, limits: { deviceShare: defaultLimits.deviceShare } })
    const device = await join(t, broker, 'd1')
    const monitor = await join(t, broker, 'monitor')
    await monitor.subscribe('tm/v1/demo/v/+/log')
    const log = publish('tm/v1/demo/v/d1/log', 'x')
    device.send(...Array.from({ length: 400 }, () => log))
    await device.ping()
    t.equal(broker.counters.shed, 150)
    t.same([...broker.takeShed()], [['d1', 150]])
    device.send(...Array.from({ length: 2_000 }, () => publish('tm/v1/demo/sim/r1/d1/act', 'x')))
    device.send(publish('tm/v1/demo/v/d1/nonsense', 'x'))
    await device.ping()
    t.equal(broker.counters.shed, 151, 'what no rule knows counts too')
    for (nowMs = 1_000; nowMs < 10_000; nowMs += 1_000) {
      device.send(...Array.from({ length: 100 }, () => log))
      await device.ping()
    }
    t.equal(broker.counters.share, 0, 'for ten seconds it is only shed')
    device.send(...Array.from({ length: 100 }, () => log))
    await device.closed
    t.equal(broker.counters.share, 1)
    const again = await RawClient.connect(broker.port, as('d1'))
    t.equal(again.code, 5)
    t.equal(broker.counters.banned, 1)
    const other = await join(t, broker, 'd2')
    nowMs = 70_001
    const back = await join(t, broker, 'd1')
    const bridge = await join(t, broker, 'bridge')
    back.send(...Array.from({ length: 250 }, () => log))
    await back.ping()
    const { shed } = broker.counters
    for (const asker of [bridge, other]) {
      asker.send(...Array.from({ length: 10 }, () => publish('tm/v1/demo/sim/r1/d1/obs', 'x')))
      await asker.ping()
    }
    back.send(...Array.from({ length: 60 }, () => log))
    await back.ping()
    t.equal(broker.counters.shed, shed + 10, 'ten questions are worth a second, whoever else asks is not heard')
  },
)
