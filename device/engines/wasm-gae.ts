import type { Engine } from '../core/engine.ts'
import { checkGae } from '../core/gae.ts'
import { createRegion, type Kernel } from './kernel.ts'

/** GAE(λ) in the kernel; the bits of `generalizedAdvantage` in `device/core/gae.ts`. */
export function createGae(kernel: Kernel): Engine['generalizedAdvantage'] {
  const columns = createRegion(kernel)
  return (input, advantage, returns) => {
    checkGae(input)
    const { count, reward, value, nextValue, terminated, truncated, discount, lambda } = input
    const base = columns(count * (6 * 8 + 1))
    const at = (column: number): number => base + 8 * count * column
    const { f64, u8 } = kernel
    for (let t = 0, o = base / 8; t < count; t++, o++) {
      f64[o] = reward[t]!
      f64[o + count] = value[t]!
      f64[o + 2 * count] = nextValue[t]!
      f64[o + 3 * count] = typeof discount === 'number' ? discount : discount[t]!
      u8[at(6) + t] = (terminated[t] ? 1 : 0) | (truncated[t] ? 2 : 0)
    }
    kernel.run.generalizedAdvantage(at(0), at(1), at(2), at(3), at(6), count, lambda, at(4), at(5))
    advantage.set(f64.subarray(at(4) / 8, at(4) / 8 + count))
    returns.set(f64.subarray(at(5) / 8, at(5) / 8 + count))
  }
}
