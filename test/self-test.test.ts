import t from 'tap'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { createWasmEngine } from '../device/engines/wasm.ts'
import { selfTest } from '../device/self-test.ts'
import { goldenCases } from './support/vectors.ts'

t.test('the self-test holds for every engine and finds what is wrong', async (t) => {
  for (const golden of goldenCases()) {
    t.equal(selfTest(createReferenceEngine, golden), undefined, `reference, ${golden.name}`)
    t.equal(selfTest(createWasmEngine, golden), undefined, `wasm, ${golden.name}`)
    const { expected } = golden
    const off = (x: number): number => x + 1e-3 * Math.max(Math.abs(x), 1)
    const policy = { ...expected.policy, mean: expected.policy.mean.map((row) => row.map(off)) }
    t.match(
      selfTest(createWasmEngine, { ...golden, expected: { ...expected, policy } }),
      /^the mean of case-\d must be/,
    )
    const [name = '', after = []] = Object.entries(expected.ppo.params_after_3)[0] ?? []
    const ppo = { ...expected.ppo, params_after_3: { ...expected.ppo.params_after_3, [name]: after.map(off) } }
    t.match(selfTest(createWasmEngine, { ...golden, expected: { ...expected, ppo } }), `${name} after learning`)
  }
})
