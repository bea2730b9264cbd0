import t from 'tap'
import { soakCases, soakSim } from './support/soak-sim.ts'

t.test('100,000 steps of adversarial commands leave no value that cannot be and no event uncounted', async (t) => {
  const seen = new Set<unknown>()
  const totals = await soakSim({
    steps: 100_000,
    seed: 1,
    epochSteps: 170,
    onEpoch: (_totals, case_) => seen.add(case_),
  })
  t.comment(JSON.stringify(totals))
  t.equal(totals.steps, 100_000)
  t.equal(seen.size, soakCases.length, 'in every combination of rules')
  for (const [name, value] of Object.entries(totals)) t.ok(value > 0, `${name}: ${value}`)
})
