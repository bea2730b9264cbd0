import t from 'tap'
import { bodiesOverlap } from '../sim-bridge/sim/collisions.ts'
import { brakeGap, commandedSpeed, createDriver, drive, follow, free, stop } from '../sim-bridge/sim/idm.ts'
import { figureEightPlan } from '../sim-bridge/sim/networks/figure-eight.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'
import { minimalStandard } from './support/driving.ts'

t.test('car-following has its closed-form values', async (t) => {
  const driver = createDriver(2.6, 1.5, 30)
  t.equal(free(driver, 0), 0.26, 'full acceleration from rest')
  t.ok(Math.abs(free(driver, 30) - 30) < 1e-9, 'none at the limit')
  const equilibrium = (2.5 + 12) / Math.sqrt(1 - (12 / 30) ** 4)
  t.ok(Math.abs(follow(driver, 12, equilibrium, 12) - 12) < 1e-12, 'the equilibrium gap (s0 + vT)/√(1 − (v/v0)⁴)')
  t.equal(follow(driver, 5, 0, 0), 0, 'no gap')
  t.equal(stop(driver, 5, 0.009), 0, 'at the stop')
  t.ok(stop(driver, 0, 0.05) > 0, 'from rest a stop can be reached')
  // 0.45 m/s: 3 reductions of 0.15 m/s, so 0.1 s at 0.30 and 0.1 s at 0.15.
  t.ok(Math.abs(brakeGap(driver, 0.4501) - 0.1 * (0.3001 + 0.1501 + 0.0001)) < 1e-12)
  t.ok(Math.abs(drive(driver, 20, 0) - (20 - 0.9)) < 1e-12, 'emergency braking at 9 m/s²')
  t.ok(Math.abs(drive(driver, 20, 19.5) - 19.5) < 1e-12, 'the safe speed in between')
  t.equal(drive(driver, 20, 30), 20.26, 'not faster than it can accelerate')
  t.ok(Math.abs(commandedSpeed(10, -2) - (10 - (0.2 * 0.1) / 0.101)) < 1e-12)
})

t.test('two cars collide in the crossing when both cover its point', async (t) => {
  const [crossing] = figureEightPlan(1).conflicts
  // Middles x and y from the crossing point: rears at x − 2.5 + 4.7.
  const at = (x: number, y: number): boolean => bodiesOverlap(crossing!, 2.2 + x, 2.2 + y)
  t.equal(at(0, 3.39), true, 'a bumper reaches the side of the other: 2.5 + 0.9 m')
  t.equal(at(0, -3.41), false)
  t.equal(at(-3.39, 0), true)
  // The cut corner of the one against the side of the other: 0.36 x + 0.5 y = 0.36·2.5 + 0.5·0.54 + 0.36·0.54 + 0.5·2.5.
  t.equal(at(3.03, 3.03), true, 'corner to corner: 0.86 · 3.03 = 2.606 < 2.614')
  t.equal(at(-3.05, 3.05), false, '0.86 · 3.05 = 2.623')
  t.equal(at(2.5, 3.42), false)
  t.equal(at(2.5, 3.39), true, '0.36 · 2.5 + 0.5 · 3.39 = 2.595')
})

t.test('collisions list each pair of bodies while they overlap', async (t) => {
  let seen = 0
  for (let seed = 1; seed <= 20; seed++) {
    const simulator = new TrafficSimulator({ preset: 'flow' })
    const accelerations = new Float64Array(14).fill(Number.NaN)
    const random = minimalStandard(seed)
    for (let k = 0; k < 1500; k++) {
      for (let i = 1; i < 14; i += 2) {
        if (k === 0 || random() < 1 / 30) accelerations[i] = random() < 0.25 ? -20 : 3
      }
      simulator.step(accelerations)
      for (const [a, b] of simulator.collisions) {
        seen++
        t.ok(a < b)
        const [onMajor, onMinor] = simulator.position[a]! < 100 ? [a, b] : [b, a]
        const touching =
          Math.abs(simulator.position[onMajor]! - 2.5 - 34.7) < 3.4 &&
          Math.abs(simulator.position[onMinor]! - 2.5 - 245.67) < 3.4
        const close = Math.min(simulator.gap[a]!, simulator.gap[b]!) < 0.25
        t.ok(touching || close, 'both over the crossing point, or one behind the other')
      }
    }
  }
  t.ok(seen > 0, 'hard and late braking makes some')
})
