import {
  createRng,
  drawWithoutReplacement,
  exp,
  expm1,
  initialPolicy,
  integerPower,
  log,
  RunningScale,
  shuffle,
  tanh,
} from '../../device/core/index.ts'
import type { CreateEngine } from '../../device/engines/index.ts'
import { createDigest } from './identity-digest.ts'

/** Values at which such functions change their ways. */
const special = [0, -0, 1, -1, 0.5, 1e-8, 1e-300, 5e-324, 20, -40, 709.782712893384, -745.1332191019412, 1e300]
const infinite = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, Number.MAX_VALUE]

/** exp, expm1, log, tanh and integer powers: 20,000 values a learner meets, 20,000 bit patterns, and the special ones. */
export function elementaryFunctions(): string {
  const digest = createDigest()
  const rng = createRng(7, 'identity', 'elementary')
  const bits = new DataView(new ArrayBuffer(8))
  const inputs = [...special, ...infinite]
  for (let i = 0; i < 20_000; i++) {
    inputs.push(40 * rng.normal())
    bits.setUint32(0, rng.integer(2 ** 32))
    bits.setUint32(4, rng.integer(2 ** 32))
    inputs.push(bits.getFloat64(0))
  }
  for (const x of inputs) digest.numbers([exp(x), expm1(x), log(x), log(Math.abs(x)), tanh(x), integerPower(x, 5)])
  return digest.end()
}

/** Noise streams: uniforms, integers, normals, their states, orders and draws, and initial weights. */
export function noiseStreams(): string {
  const digest = createDigest()
  for (const seed of [0, 1, 2 ** 40 + 3, -7]) {
    for (const purpose of ['noise', 'shuffle', 'gate']) {
      const rng = createRng(seed, 'car03', purpose, 5)
      for (let i = 0; i < 2_000; i++) digest.numbers([rng.uniform(), rng.integer(1 + i), rng.normal()])
      const order = Int32Array.from({ length: 500 }, (_, i) => i)
      shuffle(order, order.length, rng)
      digest.numbers(order)
      drawWithoutReplacement(order, order.length, 50, rng)
      digest.numbers(order)
      digest.numbers(rng.state())
    }
    digest.numbers(
      initialPolicy({ observationSize: 6, actionSize: 1, hidden: [64, 64] }, createRng(seed, 'initial-policy'), -0.5),
    )
  }
  return digest.end()
}

/** GAE(λ) over 2,000 transitions with both kinds of end, one discount for all and one for each; the running scale. */
export function advantages(createEngine: CreateEngine): string {
  const digest = createDigest()
  const engine = createEngine({ observationSize: 1, actionSize: 1, hidden: [4] })
  const rng = createRng(7, 'identity', 'gae')
  const count = 2_000
  const normals = () => Float64Array.from({ length: count }, () => rng.normal())
  const scale = new RunningScale(500)
  for (const discount of [0.99, Float64Array.from({ length: count }, () => exp(-rng.uniform() / 30))]) {
    const [advantage, returns] = [new Float64Array(count), new Float64Array(count)]
    engine.generalizedAdvantage(
      {
        ...{ count, reward: normals(), value: normals(), nextValue: normals(), discount, lambda: 0.95 },
        terminated: Uint8Array.from({ length: count }, () => (rng.uniform() < 0.01 ? 1 : 0)),
        truncated: Uint8Array.from({ length: count }, () => (rng.uniform() < 0.01 ? 1 : 0)),
      },
      advantage,
      returns,
    )
    digest.numbers(advantage)
    digest.numbers(returns)
    scale.update(advantage, count)
    digest.numbers([scale.scale])
  }
  return digest.end()
}
