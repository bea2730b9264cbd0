import { join } from 'node:path'
import t from 'tap'
import { linkIsUp } from '../../device/core/link.ts'
import { methods } from '../../device/methods/index.ts'
import type { Config } from '../../schemas/config.ts'
import { methodNames, methodSources } from '../../schemas/config-methods.ts'
import type { Summary } from '../../schemas/summary.ts'
import { runFleet, runLocally } from '../support/fleet.ts'
import { runOverMqtt } from '../support/mqtt-fleet.ts'

const vehicles = ['car01', 'car03', 'car05', 'car07', 'car09', 'car11', 'car13']
const rounds = 6
const configOf = (method: Config['method'], more: Partial<Config> = {}): Partial<Config> => {
  return { hidden: [8, 8], seed: 5, epochs: 2, method, ...more }
}
const total = (summary: Summary): number => Object.values(summary.verdicts).reduce((a, b) => a + b, 0)
const known = new Map<string, Promise<Summary>>()

/** One run in process; each is needed twice. */
function locally(method: Config['method'], more: Partial<Config> = {}): Promise<Summary> {
  const key = JSON.stringify([method, more])
  const run = known.get(key) ?? runLocally(configOf(method, more))
  known.set(key, run)
  return run
}

t.test('every method is of the kind that the table of methods says', async (t) => {
  t.same(Object.keys(methods).sort(), [...methodNames].sort())
  for (const name of methodNames) {
    t.equal(methods[name].name, name)
    t.equal(methods[name].source, methodSources[name])
  }
})

for (const method of methodNames)
  t.test(`method ${method} over MQTT ends with the policies of the same seed in process`, async (t) => {
    const [summary, local] = [await runOverMqtt(t, configOf(method)), await locally(method)]
    t.same(summary.policies, local.policies)
    t.same(summary.verdicts, local.verdicts)
    t.same(summary.matrix, local.matrix)
    t.same(summary.referred, local.referred)
    t.equal(summary.deterministic, true)
  })

t.test('links are drawn alike over MQTT and in process', async (t) => {
  const half = { linkProbability: 0.5 }
  for (const method of ['gated', 'trimmed-mean'] as const) {
    const [summary, local] = [await runOverMqtt(t, configOf(method, half)), await locally(method, half)]
    t.same(summary.policies, local.policies)
    t.same(summary.verdicts, local.verdicts)
    t.equal(summary.deterministic, true)
  }
})

t.test('the fleet starts the aggregator for whoever needs it', async (t) => {
  const options = '--epochs 1 --seed 5 --hidden 8,8 --method average-gated'
  const summary = await runFleet(join(t.testdir(), 'run'), options.split(' '))
  t.same(summary.policies, (await locally('average-gated', { epochs: 1 })).policies)
  t.equal(total(summary), 7 * rounds)
})

t.test('no two methods end alike', async (t) => {
  const runs = await Promise.all(methodNames.map((method) => locally(method)))
  t.equal(new Set(runs.map(({ policies }) => policies.car01)).size, methodNames.length)
})

t.test('a link that is down is down both ways, and what is up is what was drawn', async (t) => {
  const [summary, one, none] = [
    await locally('fixed', { linkProbability: 0.5 }),
    await locally('fixed'),
    await locally('fixed', { linkProbability: 0 }),
  ]
  for (const [i, a] of vehicles.entries()) {
    for (const [j, b] of vehicles.entries()) {
      let up = 0
      for (const epoch of [1, 2])
        for (let round = 1; round <= rounds; round++)
          if (i !== j && linkIsUp(0.5, { seed: 5, epoch, step: 250 * round }, a, b)) up++
      t.equal(summary.matrix[i]?.[j], up, `${a} and ${b}`)
    }
  }
  t.equal(total(one), 2 * rounds * 42)
  t.equal(total(none), 0)
  t.same(none.policies, (await locally('independent')).policies, 'without any link everyone learns alone')
})

t.test('the coin accepts as often as it is told to, the reversed gate what the gate would not', async (t) => {
  const judged = ({ verdicts }: Summary): number => (verdicts.accepted ?? 0) + (verdicts.control ?? 0)
  for (const coinProbability of [0.2, 0.5]) {
    const { verdicts, ...summary } = await locally('coin', { coinProbability })
    const [accepted, n] = [verdicts.accepted ?? 0, judged({ verdicts, ...summary })]
    const deviation = Math.sqrt(n * coinProbability * (1 - coinProbability))
    t.ok(n > 300 && Math.abs(accepted - n * coinProbability) < 4 * deviation, `${accepted} of ${n}`)
  }
  const reversed = await locally('reversed')
  for (const [i, row] of reversed.matrix.entries())
    for (const [j, accepted] of row.entries())
      if (i !== j)
        t.ok(accepted + (reversed.referred[i]?.[j] ?? 0) <= 2 * rounds, 'accepted and A > 0 exclude each other')
  t.equal(
    reversed.referred.flat().reduce((a, b) => a + b, 0),
    reversed.verdicts.control,
  )
  t.ok((reversed.verdicts.accepted ?? 0) > 0)
})

t.test('every verdict of a round has its place in the summary', async (t) => {
  for (const method of methodNames) {
    const summary = await locally(method)
    const expected = { none: 0, peers: 42, round: 42, aggregate: 7 }[methodSources[method]]
    t.equal(total(summary), 2 * rounds * expected, method)
    t.equal(summary.deterministic, true)
  }
  t.same((await locally('median')).verdicts, { accepted: 2 * rounds * 42 })
  t.equal(
    (await locally('krum', { byzantine: 3 })).verdicts['too-few-policies'],
    2 * rounds * 42,
    '7 is not more than 8',
  )
  const krum = await locally('krum')
  t.equal((krum.verdicts.accepted ?? 0) % 6, 0, 'all take the same policy, six of them from another')
})
